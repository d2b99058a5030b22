import { CsvError, parse } from 'csv-parse/browser/esm/sync';

export interface CsvRow {
  /** The line the row begins on, from 1; a quoted cell may span lines. */
  line: number;
  /** Cell texts without quotes and without the blanks around them. */
  cells: string[];
}

export interface CsvTable {
  rows: CsvRow[];
  /** Lines of rows without text, which are no rows. */
  emptyLines: number[];
}

/** The text is not CSV. */
export class CsvFault extends Error {
  override name = 'CsvFault';
  /** The line on which the broken row begins, from 1. */
  readonly line: number;
  constructor(line: number, cause: unknown) {
    super('quotes around a whole cell, closed, and written twice inside it', { cause });
    this.line = line;
  }
}

/** The first comma, semicolon or tab outside quotes: spreadsheets write one of the three, by the user's language. */
const separatorOf = (text: string): string => /[,;\t]/.exec(text.replace(/"[^"]*"/g, ''))?.[0] ?? ',';

/**
 * Reads CSV (RFC 4180) with or without a byte order mark, separated by commas, semicolons or tabs. Lines end with CRLF,
 * LF or CR, inside a cell they become LF. Rows may differ in length.
 * @throws CsvFault a quote is left open or is in the wrong place
 */
export function readCsv(text: string): CsvTable {
  const rows: CsvRow[] = [];
  const emptyLines: number[] = [];
  let line = 1;
  try {
    // csv-parse counts a CRLF inside quotes as two lines.
    parse(text.replace(/\r\n?/g, '\n'), {
      bom: true,
      delimiter: separatorOf(text),
      record_delimiter: '\n',
      relax_column_count: true,
      trim: true,
      on_record: (cells: string[], { lines }) => {
        if (cells.some((cell) => cell !== '')) rows.push({ line, cells });
        else emptyLines.push(line);
        line = lines + 1;
        return null;
      },
    });
  } catch (error) {
    if (error instanceof CsvError) throw new CsvFault(line, error);
    throw error;
  }
  return { rows, emptyLines };
}
