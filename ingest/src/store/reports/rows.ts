import { plainColumn, quotedColumn } from '../../postgres/columns.ts';
import { reportCodec } from '../../record/codec.ts';
import { type Column, type Columns, type Extra, NO_DELAY, type ReportRow } from '../../record/columns.ts';
import { isNumberedAbove } from '../../record/numbers.ts';
import type { TrackedReport } from '../../record/report.ts';

/** The table `reports` as statements see it: every column once, those of the platform and one for each field that has one. */
export interface ReportTable extends Columns {
  insert: string;
  /** The parameters of `insert`: one array a column, and the first and the last time. */
  valuesOf(records: readonly TrackedReport[]): unknown[];
  /** The columns of a record, of `all_reports r`, but its lock's id: a statement knows that itself. */
  select: string;
  /** As many NULLs. */
  selectNothing: string;
}

type Stored = Column & { type: NonNullable<Column['type']> };

/** What the platform adds to the fields of a report, as parameters of the insert. */
const OWN = ['text', 'float8', 'int', 'boolean', 'text'];

export function reportTable(codec: Columns): ReportTable {
  const { columns, recordOf, fieldIn } = codec;
  const stored = columns.filter((column): column is Stored => column.type !== undefined);
  const names = stored.map(({ name }) => name);
  const boot = `x.c${OWN.length + 1 + names.indexOf('boot')}`;
  const seq = `x.c${OWN.length + 1 + names.indexOf('seq')}`;
  const [first, last] = [OWN.length + stored.length + 1, OWN.length + stored.length + 2];
  const selected = ['time', 'delay_ms', 'extra', ...names];
  const parameters = [...OWN, ...stored.map(typeOfParameter)];
  return {
    columns,
    recordOf,
    fieldIn,
    // OFFSET 0 has each lock, and each record at its time, looked up by its index. A record with the identity and time of a stored one is refused.
    insert: `INSERT INTO reports (lock_no, time, delay_ms, in_order, extra, ${names.join(', ')})
      SELECT CASE WHEN EXISTS (SELECT FROM reports k WHERE k.lock_no = l.lock_no AND k.time = x.at
          AND k.time BETWEEN to_timestamp($${first} / 1000.0) AND to_timestamp($${last} / 1000.0)
          AND k.boot = ${boot} AND k.seq = ${seq} OFFSET 0)
        THEN refuse_stored_report(x.c1, ${boot}, ${seq}) ELSE l.lock_no END,
        x.at, x.c3, x.c4 AND coalesce(x.at >= l.last_time AND (${boot}, ${seq}::bigint & 4294967295) > (l.max_boot, l.max_seq),
          true), x.c5, ${stored.map((column, i) => cellOf(column, `x.c${OWN.length + 1 + i}`)).join(', ')}
      FROM (SELECT *, to_timestamp(c2 / 1000.0) AS at FROM
          unnest(${parameters.map((type, i) => `$${i + 1}::${type}[]`).join(', ')})
          AS u(${parameters.map((_, i) => `c${i + 1}`).join(', ')})) x
        LEFT JOIN LATERAL (SELECT lock_no, last_time, max_boot, max_seq FROM locks WHERE lock_id = x.c1 OFFSET 0) l ON true`,
    valuesOf: (records) => parametersOf(records, columns),
    select: selected.map(selectedOf(stored)).join(', '),
    selectNothing: selected.map(() => 'NULL').join(', '),
  };
}

const typeOfParameter = ({ type, packing }: Stored): string =>
  packing?.isByte ? 'int' : type === '"char"' ? 'text' : type;

const cellOf = ({ type }: Stored, cell: string): string => (type === '"char"' ? `${cell}::"char"` : cell);

const selectedOf = (stored: readonly Stored[]) => (name: string) =>
  stored.find((column) => column.name === name)?.packing?.isByte ? `r.${name}::int` : `r.${name}`;

function parametersOf(records: readonly TrackedReport[], columns: readonly Column[]): unknown[] {
  const beside = new Map<TrackedReport, Extra>();
  const put = (record: TrackedReport, name: string, value: unknown) => {
    beside.set(record, { ...beside.get(record), [name]: value });
  };
  let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const record of records) {
    firstMs = Math.min(firstMs, record.timeMs);
    lastMs = Math.max(lastMs, record.timeMs);
    if (record.sentMs !== undefined) put(record, 'sent', record.sentMs);
    if (record.clockFault !== undefined) put(record, 'fault', record.clockFault);
  }
  const delays = plainColumn(records, (record) => {
    const delayMs = record.receivedMs - record.timeMs;
    if (delayMs > NO_DELAY && delayMs < -NO_DELAY) return delayMs;
    put(record, 'received', record.receivedMs);
    return NO_DELAY;
  });
  const cells: string[] = [];
  for (const column of columns) {
    const cell = cellsOf(records, column, put);
    if (cell !== undefined) cells.push(cell);
  }
  const rising = risingOf(records);
  return [
    plainColumn(records, (record) => record.lockId),
    plainColumn(records, (record) => record.timeMs),
    delays,
    plainColumn(records, (record) => rising.has(record)),
    quotedColumn(records, (record) => {
      const extra = beside.get(record);
      return extra ? JSON.stringify(extra) : '';
    }),
    ...cells,
    firstMs,
    lastMs,
  ];
}

type Put = (record: TrackedReport, name: string, value: unknown) => void;

/** The array of a column; of a field without one undefined, after its values were put beside. */
function cellsOf(
  records: readonly TrackedReport[],
  { name, type, packing, valueIn }: Column,
  put: Put,
): string | undefined {
  if (packing !== undefined) {
    const packed = plainColumn(records, (record) => {
      const value = valueIn(record);
      if (value === undefined) return packing.absent === '' ? '""' : packing.absent;
      const cell = packing.pack(value);
      if (cell !== undefined) return cell;
      put(record, name, value);
      return packing.absent === '' ? '""' : packing.absent;
    });
    return type === undefined ? undefined : packed;
  }
  if (type === 'text') return quotedColumn(records, (record) => valueIn(record) as string | undefined);
  if (type !== 'jsonb') return plainColumn(records, (record) => valueIn(record) as number | boolean | undefined);
  return quotedColumn(records, (record) => {
    const value = valueIn(record);
    return value === undefined ? undefined : JSON.stringify(value);
  });
}

/** Those of the records that are numbered above, and no earlier than, all records of their lock before them here. */
function risingOf(records: readonly TrackedReport[]): Set<TrackedReport> {
  const tops = new Map<string, { boot: number; seq: number; timeMs: number }>();
  const rising = new Set<TrackedReport>();
  for (const record of records) {
    const { boot, seq, timeMs } = record;
    const top = tops.get(record.lockId);
    const above = top === undefined || isNumberedAbove(record, top);
    if (above && (top === undefined || timeMs >= top.timeMs)) rising.add(record);
    tops.set(record.lockId, {
      boot: above ? boot : top.boot,
      seq: above ? seq : top.seq,
      timeMs: Math.max(timeMs, top?.timeMs ?? timeMs),
    });
  }
  return rising;
}

export const REPORTS: ReportTable = reportTable(reportCodec);

const columnOf = (name: string): Column => REPORTS.columns.find((column) => column.name === name)!;
const cell = (name: string, value: unknown): string => {
  const packed = columnOf(name).packing!.pack(value);
  return typeof packed === 'string' ? `'${packed}'` : `${packed}`;
};

/** Whether a row has a position, on the line of the row or beside. */
export const HAS_POSITION = (row: string) =>
  `(${row}.lon <> ${columnOf('lon').packing!.absent} OR strpos(${row}.extra, '"lon":') > 0)`;

/** What SQL can tell of `credibleFix`: from a receiver with a satellite, and not at 0/0. */
export const MAY_BE_FIX = (row: string) => `${HAS_POSITION(row)} AND ${row}.source = ${cell('source', 'gnss')}
  AND ${row}.satellites <> (${cell('satellites', 0)})::"char"
  AND (${row}.lon = ${columnOf('lon').packing!.absent} OR abs(${row}.lon::bigint) >= ${cell('lon', 0.1)}
    OR abs(${row}.lat::bigint) >= ${cell('lat', 0.1)})`;

const packedAs = (name: string, value: unknown) => columnOf(name).packing!.pack(value);
const [LON_ABSENT, GNSS, NO_SATELLITE, NEAR] = [
  columnOf('lon').packing!.absent,
  packedAs('source', 'gnss'),
  packedAs('satellites', 0),
  packedAs('lon', 0.1) as number,
];

/** As `MAY_BE_FIX`, of a row in hand. */
export function mayBeFix({ lon, lat, source, satellites, extra }: ReportRow): boolean {
  if (source !== GNSS || satellites === NO_SATELLITE) return false;
  if (lon === LON_ABSENT) return extra.includes('"lon":');
  return Math.abs(lon as number) >= NEAR || Math.abs(lat as number) >= NEAR;
}
