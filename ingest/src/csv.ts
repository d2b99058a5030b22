/** A row of a CSV file; `line` is the line it begins on, from 1. */
export interface CsvRow {
  line: number;
  cells: string[];
}

/** Says where a file stops being CSV. */
export class CsvError extends Error {
  override name = 'CsvError';
  readonly line: number;
  constructor(line: number) {
    super('expected cells parted by commas; quotes stand around a whole cell and are doubled inside it');
    this.line = line;
  }
}

/** A cell, quoted or plain, and what ends it. */
const CELL = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y;

/** Reads CSV (RFC 4180, lines ended by CRLF or LF); empty lines are left out. @throws CsvError */
export function readCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let line = 1;
  let row: CsvRow = { line, cells: [] };
  const cell = new RegExp(CELL);
  for (;;) {
    const found = cell.exec(text);
    if (found === null) throw new CsvError(line);
    const [all, raw = '', end] = found;
    row.cells.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    line += all.split('\n').length - 1;
    if (end === ',') continue;
    if (row.cells.some((text) => text !== '')) rows.push(row);
    if (end === '') return rows;
    row = { line, cells: [] };
  }
}
