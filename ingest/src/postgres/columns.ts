/**
 * Postgres array literals written straight from a list of rows: one parameter per column keeps a batch of thousands in
 * one prepared statement.
 */
export function plainColumn<T>(rows: readonly T[], value: (row: T) => string | number | boolean | undefined): string {
  let text = '{';
  for (let i = 0; i < rows.length; i++) {
    const one = value(rows[i] as T);
    if (i > 0) text += ',';
    text += one === undefined ? 'NULL' : one;
  }
  return `${text}}`;
}

const SPECIAL = /[\\"]/;

/** As `plainColumn`, for texts that may hold anything, e.g. JSON. */
export function quotedColumn<T>(rows: readonly T[], value: (row: T) => string | undefined): string {
  return plainColumn(rows, (row) => {
    const text = value(row);
    if (text === undefined) return undefined;
    // Most texts are single words, which `replace` would take longer to look through than all else here.
    return SPECIAL.test(text) ? `"${text.replace(/[\\"]/g, '\\$&')}"` : `"${text}"`;
  });
}
