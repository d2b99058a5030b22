import { Report } from '@sealwatch/schemas';
import fc from 'fast-check';
import type pg from 'pg';
import { codecOf } from '../../src/record/codec.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import type { TestDatabase } from '../database.ts';
import { validValues } from '../record/arbitrary.ts';

export const DAY_MS = 86_400_000;
export const NOW_MS = Date.parse('2026-11-21T09:00:00Z');
export const LOCKS = ['JT70300001', 'JT70300002'];
export const DAYS = 5;

/** Records of every shape, two locks in turn over some days, and one of a clock that was years wrong. */
export function formerRecords(): TrackedReport[] {
  const codec = codecOf(Report);
  return fc.sample(validValues(Report), { numRuns: 300, seed: 7 }).map((value, i) => {
    const { boot: _boot, seq: _seq, ...report } = value;
    const read = codec.read(LOCKS[i % 2]!, JSON.parse(JSON.stringify({ ...report, boot: 3, seq: i })), NOW_MS);
    if ('reason' in read) throw new Error(read.detail);
    const timeMs = i === 299 ? 946_684_800_000 : NOW_MS - ((300 - i) / 300) * DAYS * DAY_MS;
    const record = { ...read.record, timeMs, receivedMs: NOW_MS };
    if (i % 7 === 0) return { ...record, sentMs: timeMs - 3_600_000, clockFault: 'slow' as const };
    return i === 298 ? { ...record, boot: 2 ** 33 + 5, seq: 2 ** 32 - 2 } : record;
  });
}

/** As the statement of then wrote them. */
export async function writeFormer({ pool }: TestDatabase, records: readonly TrackedReport[]): Promise<void> {
  const { columns } = codecOf(Report);
  for (const record of records) {
    const values = columns.map(({ name, valueIn }) =>
      name === 'events' && valueIn(record) !== undefined ? JSON.stringify(valueIn(record)) : (valueIn(record) ?? null),
    );
    await pool.query(
      `INSERT INTO reports (lock_id, time, received_at, sent_time, clock_fault, ${columns.map(({ name }) => name).join(', ')})
       VALUES ($1, $2, $3, $4, $5, ${columns.map((_, i) => `$${i + 6}`).join(', ')})`,
      [
        record.lockId,
        new Date(record.timeMs),
        new Date(record.receivedMs),
        record.sentMs === undefined ? null : new Date(record.sentMs),
        record.clockFault ?? null,
        ...values,
      ],
    );
  }
}

export const byIdentity = (a: TrackedReport, b: TrackedReport) =>
  a.lockId < b.lockId ? -1 : a.lockId > b.lockId ? 1 : a.boot - b.boot || a.seq - b.seq;

/** The partitions of then. */
export async function makeFormerDays(pool: pg.Pool): Promise<void> {
  for (let day = 0; day < DAYS; day++) {
    const from = new Date(Math.floor(NOW_MS / DAY_MS) * DAY_MS - day * DAY_MS);
    const name = from.toISOString().slice(0, 10).replaceAll('-', '');
    const to = new Date(from.getTime() + DAY_MS).toISOString();
    await pool.query(
      `CREATE TABLE reports_${name} PARTITION OF reports FOR VALUES FROM ('${from.toISOString()}') TO ('${to}')`,
    );
  }
}

export async function addLocks(pool: pg.Pool): Promise<void> {
  await pool.query(
    `INSERT INTO locks (lock_id, secret_hash, max_boot, max_seq, last_time) SELECT unnest($1::text[]), '', $2, $3, $4`,
    [LOCKS, 2 ** 33 + 5, 2 ** 32 - 2, new Date(NOW_MS)],
  );
}
