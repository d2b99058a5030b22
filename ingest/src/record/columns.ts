import type { ColumnType, Field, FieldTable, Group } from './fields.ts';
import type { ClockReason, TrackedReport } from './report.ts';

/** A column of a field of a report. */
export interface Column {
  name: string;
  type: ColumnType;
  /** The record's value; undefined: NULL. */
  valueIn(record: TrackedReport): unknown;
}

/** A stored report as Postgres answers it: the platform's own columns, and one for each field. */
export interface ReportRow {
  lock_id: string;
  boot: number;
  seq: number;
  time: Date;
  received_at: Date;
  /** Null: the same as `time`. */
  sent_time: Date | null;
  clock_fault: ClockReason | null;
  [column: string]: unknown;
}

export interface Columns {
  /** Of all fields, in the order of the schema; those that the platform adds are not among them. */
  columns: readonly Column[];
  recordOf(row: ReportRow): TrackedReport;
}

type Values = Record<string, unknown>;

/** How records with these fields are written to rows and read from them. */
export function columnsOf({ fields, groups }: FieldTable): Columns {
  const columns = [
    ...fields.map((field) => columnOf(field, field.key)),
    ...groups.flatMap(({ key, fields: own }) => own.map((field) => columnOf(field, `${key}?.${field.key}`))),
  ];
  const recordOf = (row: ReportRow): TrackedReport => {
    const record: Values = {
      lockId: row.lock_id,
      timeMs: row.time.getTime(),
      receivedMs: row.received_at.getTime(),
    };
    if (row.sent_time) record.sentMs = row.sent_time.getTime();
    if (row.clock_fault) record.clockFault = row.clock_fault;
    readFields(row, fields, record);
    for (const group of groups) readGroup(row, group, record);
    return record as unknown as TrackedReport;
  };
  return { columns, recordOf };
}

/** @param path to the value in a record, compiled: a batch of reports asks for some ten thousand values */
function columnOf({ column, type }: Field, path: string): Column {
  return { name: column, type, valueIn: new Function('record', `return record.${path}`) as Column['valueIn'] };
}

function readFields(row: ReportRow, fields: readonly Field[], into: Values): void {
  for (const { key, column, fallback } of fields) {
    const value = row[column] ?? fallback;
    if (value !== undefined) into[key] = value;
  }
}

/** A group is in the row if one of its columns is, and every required one. */
function readGroup(row: ReportRow, { key, fields }: Group, into: Values): void {
  if (fields.every(({ column }) => row[column] === null)) return;
  if (fields.some(({ column, required }) => required && row[column] === null)) return;
  const group: Values = {};
  readFields(row, fields, group);
  into[key] = group;
}
