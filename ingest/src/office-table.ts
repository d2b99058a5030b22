import { isUtf8 } from 'node:buffer';
import { normaliseCode, OfficeCode } from '@sealwatch/schemas';
import { CsvFault, type CsvRow, type CsvTable, readCsv } from '@sealwatch/schemas/csv';
import type { OfficeRow } from './store/people/offices.ts';

export interface TableFault {
  line: number;
  column: string;
  value: string;
  expected: string;
}

const COLUMNS = ['code', 'name_zh', 'name_en'] as const;
type Column = (typeof COLUMNS)[number];
const NAME = /^[^\p{Cc}\p{Surrogate}]{1,100}$/u;
const CODE = 'an office code of four digits, e.g. 2921';

/** What is wrong with a code. The letters O and I are not read as digits: the message asks the person instead. */
function codeFault(code: string): string | undefined {
  if (OfficeCode.safeParse(code).success) return undefined;
  const digits = code.replaceAll('O', '0').replaceAll('I', '1');
  return OfficeCode.safeParse(digits).success ? `${CODE}; write ${digits} if O and I are not meant` : CODE;
}

function headerFaults({ line, cells }: CsvRow): TableFault[] {
  return COLUMNS.flatMap((column) => {
    const times = cells.filter((cell) => cell === column).length;
    const value = cells.join(',');
    return times === 1 ? [] : [{ line, column, value, expected: `one column of this name (needed: ${COLUMNS})` }];
  });
}

function rowFaults(row: CsvRow, office: OfficeRow, first: number | undefined): TableFault[] {
  const fault = (column: Column, value: string, expected: string) => ({ line: row.line, column, value, expected });
  const wrongCode = codeFault(office.code);
  return [
    ...(wrongCode === undefined ? [] : [fault('code', office.code, wrongCode)]),
    ...(first === undefined ? [] : [fault('code', office.code, `each code once; line ${first} has it already`)]),
    ...(NAME.test(office.name_zh) ? [] : [fault('name_zh', office.name_zh, 'a name of 1 to 100 characters')]),
    ...(NAME.test(office.name_en) ? [] : [fault('name_en', office.name_en, 'a name of 1 to 100 characters')]),
  ];
}

function tableOf(bytes: Uint8Array): CsvTable | TableFault {
  if (!isUtf8(bytes)) return { line: 1, column: 'file', value: '', expected: 'UTF-8 (save it as "CSV UTF-8")' };
  try {
    return readCsv(new TextDecoder().decode(bytes));
  } catch (error) {
    if (error instanceof CsvFault) return { line: error.line, column: 'row', value: '', expected: error.message };
    throw error;
  }
}

const SHOWN = 20;

/** What of the file is not used, for the person who brought it. */
function notesOf({ cells }: CsvRow, emptyLines: number[]): string[] {
  const others = cells.filter((cell) => !COLUMNS.some((column) => column === cell)).map((cell) => `"${cell}"`);
  const more = emptyLines.length > SHOWN ? ` and ${emptyLines.length - SHOWN} more` : '';
  return [
    ...(others.length === 0 ? [] : [`not used: column${others.length > 1 ? 's' : ''} ${others.join(', ')}`]),
    ...(emptyLines.length === 0
      ? []
      : [`not used, as they are empty: lines ${emptyLines.slice(0, SHOWN).join(', ')}${more}`]),
  ];
}

/**
 * Reads the table of offices: CSV in UTF-8 with a first line that names `code`, `name_zh` and `name_en`, in any order;
 * other columns and empty rows are named in the notes. Codes may be full-width or contain blanks.
 * @returns the offices, and everything that is wrong with the file; with any fault the offices are not to be used
 */
export function readOffices(bytes: Uint8Array): { offices: OfficeRow[]; faults: TableFault[]; notes: string[] } {
  const table = tableOf(bytes);
  if (!('rows' in table)) return { offices: [], faults: [table], notes: [] };
  const [header, ...body] = table.rows;
  if (header === undefined || body.length === 0) {
    const fault = { line: 1, column: 'file', value: '', expected: `a line ${COLUMNS}, and a line for each office` };
    return { offices: [], faults: [fault], notes: [] };
  }
  const faults = headerFaults(header);
  if (faults.length > 0) return { offices: [], faults, notes: [] };
  const lines = new Map<string, number>();
  const offices: OfficeRow[] = [];
  for (const row of body) {
    const cell = (column: Column) => row.cells[header.cells.indexOf(column)] ?? '';
    const office = { code: normaliseCode(cell('code')), name_zh: cell('name_zh'), name_en: cell('name_en') };
    const { length } = row.cells;
    if (length !== header.cells.length) {
      const value = row.cells.join(',');
      faults.push({ line: row.line, column: 'row', value, expected: `${header.cells.length} cells, not ${length}` });
      continue;
    }
    faults.push(...rowFaults(row, office, lines.get(office.code)));
    lines.set(office.code, row.line);
    offices.push(office);
  }
  return { offices, faults, notes: notesOf(header, table.emptyLines) };
}
