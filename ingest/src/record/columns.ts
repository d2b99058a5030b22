import type { ColumnType, Field, FieldTable, Group } from './fields.ts';
import type { Packing } from './packing.ts';
import type { ClockReason, TrackedReport } from './report.ts';

/** A field of a report as the store knows it. */
export interface Column {
  name: string;
  /** Of its column, if it has one of its own. */
  type: ColumnType | undefined;
  packing: Packing | undefined;
  /** The record's value; undefined: absent. */
  valueIn(record: TrackedReport): unknown;
}

/** A stored report as Postgres answers it: the platform's own columns, and those of the fields. */
export interface ReportRow {
  lock_id: string;
  boot: number;
  seq: number;
  time: Date;
  delay_ms: number;
  /** JSON of `Extra`, '' where there is nothing. */
  extra: string;
  [column: string]: unknown;
}

/** What the columns of a row do not hold: values of fields by the name of their column, and of the platform's own. */
export interface Extra {
  /** Time as sent, epoch ms; absent: the time used. */
  sent?: number;
  fault?: ClockReason;
  /** Receipt, epoch ms, where `delay_ms` cannot say it. */
  received?: number;
  [column: string]: unknown;
}

export interface Columns {
  /** Of all fields, in the order of the schema; those that the platform adds are not among them. */
  columns: readonly Column[];
  recordOf(row: ReportRow): TrackedReport;
  /** The value of one field in a row that has its column and `extra`; undefined: absent. */
  fieldIn(row: Pick<ReportRow, 'extra'>, column: string): unknown;
}

/** `delay_ms` of a record whose receipt lies in `extra`. */
export const NO_DELAY = -2_147_483_648;

const NOTHING: Extra = {};

type Values = Record<string, unknown>;

/** How records with these fields are written to rows and read from them. */
export function columnsOf({ fields, groups }: FieldTable): Columns {
  const columns = [
    ...fields.map((field) => columnOf(field, field.key)),
    ...groups.flatMap(({ key, fields: own }) => own.map((field) => columnOf(field, `${key}?.${field.key}`))),
  ];
  const byColumn = new Map(
    [...fields, ...groups.flatMap((group) => group.fields)].map((field) => [field.column, field]),
  );
  const recordOf = (row: ReportRow): TrackedReport => {
    const extra = row.extra === '' ? NOTHING : (JSON.parse(row.extra) as Extra);
    const timeMs = row.time.getTime();
    const record: Values = {
      lockId: row.lock_id,
      timeMs,
      receivedMs: row.delay_ms === NO_DELAY ? (extra.received as number) : timeMs + row.delay_ms,
    };
    if (extra.sent !== undefined) record.sentMs = extra.sent;
    if (extra.fault !== undefined) record.clockFault = extra.fault;
    readFields(row, extra, fields, record);
    for (const group of groups) readGroup(row, extra, group, record);
    return record as unknown as TrackedReport;
  };
  return {
    columns,
    recordOf,
    fieldIn: (row, column) => stored(row, row.extra === '' ? NOTHING : JSON.parse(row.extra), byColumn.get(column)!),
  };
}

/** @param path to the value in a record, compiled: a batch of reports asks for some ten thousand values */
function columnOf({ column, type, packing }: Field, path: string): Column {
  const valueIn = new Function('record', `return record.${path}`) as Column['valueIn'];
  return { name: column, type: packing ? packing.type : type, packing, valueIn };
}

/** Undefined: absent. */
function stored(row: Values, extra: Extra, { column, packing }: Field): unknown {
  if (packing === undefined) return row[column] ?? undefined;
  const value = packing.type === undefined ? packing.absent : row[column];
  return value === packing.absent ? extra[column] : packing.unpack(value as number | string);
}

function readFields(row: Values, extra: Extra, fields: readonly Field[], into: Values): void {
  for (const field of fields) {
    const value = stored(row, extra, field) ?? field.fallback;
    if (value !== undefined) into[field.key] = value;
  }
}

/** A group is in the row if one of its fields is, and every required one. */
function readGroup(row: Values, extra: Extra, { key, fields }: Group, into: Values): void {
  if (fields.every((field) => stored(row, extra, field) === undefined)) return;
  if (fields.some((field) => field.required && stored(row, extra, field) === undefined)) return;
  const group: Values = {};
  readFields(row, extra, fields, group);
  into[key] = group;
}
