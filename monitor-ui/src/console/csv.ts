export interface Column<T> {
  key: string;
  /** Its name in the viewer's language. */
  name: string;
  /** A CSS grid track. */
  width: string;
  text(item: T): string;
  /** What the viewer may sort by. */
  order?: (item: T) => number | string;
}

/** A cell that a spreadsheet would take for a formula is made plain text by an apostrophe (OWASP, CSV injection). */
function cell(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

/** RFC 4180, with the byte order mark without which a spreadsheet takes Chinese for something else. */
export function csvOf<T>(columns: Column<T>[], items: T[]): string {
  const lines = [columns.map(({ name }) => name), ...items.map((item) => columns.map(({ text }) => text(item)))];
  return `\uFEFF${lines.map((line) => line.map(cell).join(',')).join('\r\n')}\r\n`;
}

export function saveCsv(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
