import { plainColumn, quotedColumn } from '../../postgres/columns.ts';
import { reportCodec } from '../../record/codec.ts';
import type { Column, Columns } from '../../record/columns.ts';
import type { TrackedReport } from '../../record/report.ts';

/** The table `reports` as statements see it: every column once, those of the platform and one for each field. */
export interface ReportTable extends Columns {
  insert: string;
  /** The parameters of `insert`: one array a column. */
  valuesOf(records: readonly TrackedReport[]): string[];
  /** The columns of a record, of `reports r`. */
  select: string;
}

/** What the platform adds to the fields of a report. Times are sent as epoch ms, which `to_timestamp` divides. */
const OWN: readonly { name: string; type: string; isTime?: boolean }[] = [
  { name: 'lock_id', type: 'text' },
  { name: 'time', type: 'float8', isTime: true },
  { name: 'received_at', type: 'float8', isTime: true },
  { name: 'sent_time', type: 'float8', isTime: true },
  { name: 'clock_fault', type: 'text' },
];

export function reportTable({ columns, recordOf }: Columns): ReportTable {
  const all = [...OWN, ...columns.map(({ name, type }) => ({ name, type, isTime: false }))];
  const cells = all.map(({ isTime }, i) => (isTime ? `to_timestamp(x.c${i + 1} / 1000.0)` : `x.c${i + 1}`));
  return {
    columns,
    recordOf,
    insert: `INSERT INTO reports (${all.map(({ name }) => name).join(', ')})
      SELECT ${cells.join(', ')}
      FROM unnest(${all.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ')})
        AS x(${all.map((_, i) => `c${i + 1}`).join(', ')})`,
    valuesOf: (records) => [
      plainColumn(records, (record) => record.lockId),
      plainColumn(records, (record) => record.timeMs),
      plainColumn(records, (record) => record.receivedMs),
      plainColumn(records, (record) => record.sentMs),
      plainColumn(records, (record) => record.clockFault),
      ...columns.map((column) => arrayOf(records, column)),
    ],
    select: ['lock_id', 'time', 'received_at', 'sent_time', 'clock_fault', ...columns.map(({ name }) => name)]
      .map((name) => `r.${name}`)
      .join(', '),
  };
}

function arrayOf(records: readonly TrackedReport[], { type, valueIn }: Column): string {
  if (type === 'text') return quotedColumn(records, (record) => valueIn(record) as string | undefined);
  if (type !== 'jsonb') return plainColumn(records, (record) => valueIn(record) as number | boolean | undefined);
  return quotedColumn(records, (record) => {
    const value = valueIn(record);
    return value === undefined ? undefined : JSON.stringify(value);
  });
}

export const REPORTS: ReportTable = reportTable(reportCodec);
