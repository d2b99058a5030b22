import type { Column } from '../../src/record/columns.ts';
import { REPORTS } from '../../src/store/reports/rows.ts';

function plain({ name, type, packing }: Column): string {
  const beside = `(nullif(s.extra, '')::jsonb ->> '${name}')`;
  if (packing === undefined) return `s.${name}`;
  if (type === undefined) return `(nullif(s.extra, '')::jsonb -> '${name}') AS ${name}`;
  if (name === 'seq') return 's.number_seq AS seq';
  if (typeof packing.absent === 'number') {
    const scale = Math.round(1 / (packing.unpack(1) as number));
    return `CASE WHEN s.${name}::int = ${packing.absent} THEN ${beside}::float8 ELSE s.${name}::int / ${scale}::float8 END AS ${name}`;
  }
  const words = [...'abcdefghij'].filter((letter) => packing.unpack(letter) !== undefined);
  const cases = words.map((letter) => `WHEN '${letter}' THEN '${String(packing.unpack(letter))}'`).join(' ');
  const isBoolean = typeof packing.unpack('a') === 'boolean';
  return `(CASE s.${name} ${cases} ELSE ${beside} END)${isBoolean ? '::boolean' : ''} AS ${name}`;
}

const ms = (key: string) => `to_timestamp((nullif(s.extra, '')::jsonb ->> '${key}')::float8 / 1000)`;

/** All reports with their values as sent, a table in a statement of a test. */
export const PLAIN = `(SELECT l.lock_id, s.time, ${ms('sent')} AS sent_time, nullif(s.extra, '')::jsonb ->> 'fault' AS clock_fault,
  coalesce(${ms('received')}, s.time + s.delay_ms * interval '1 ms') AS received_at,
  ${REPORTS.columns.map(plain).join(', ')} FROM all_reports s JOIN locks l USING (lock_no)) reports`;
