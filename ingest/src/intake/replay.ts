import { reportTopic } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { decode } from '../record/decode.ts';
import { bootIn, lifeOf, sentBoot } from '../record/life.ts';
import { sameBody } from '../record/record.ts';
import type { TrackedReport } from '../record/report.ts';
import { recordsByIdentity } from '../store/reports/identities.ts';
import { deleteQuarantine, type QuarantineRow } from '../store/reports/refused.ts';
import { loadLocks } from '../store/reports/roster.ts';
import { reportKey } from '../tracker/index.ts';
import type { Intake } from './contract.ts';

/** The result of replaying one row of the quarantine. */
export interface Replayed {
  quarantineId: number;
  /** Records of it that are in the store now. */
  stored: number;
  /** Why it, or a part of it, is still refused; such a part stays in quarantine. */
  refused: { reason: string; detail: string }[];
}

interface Reading {
  row: QuarantineRow;
  records: TrackedReport[];
  refused: Replayed['refused'];
}

/**
 * Sends refused publishes through the intake again, after a fix, as received when they were refused. A row of which no
 * record can be taken stays as it is; the others are deleted after their records were committed. After a crash in between
 * they can be replayed again, because the same record again changes nothing.
 */
export async function replayRefused(
  pool: Pool,
  receive: Intake['receive'],
  rows: readonly QuarantineRow[],
): Promise<Replayed[]> {
  const readings = rows.map(readAgain);
  const before = await storedBodies(pool, readings);
  const going = readings.filter(({ records }) => records.some((record) => isFree(record, before)));
  await Promise.all(going.map(({ row }) => sendAgain(receive, row)));
  const after = await storedBodies(pool, readings);
  await deleteQuarantine(
    pool,
    going.map(({ row }) => row.quarantine_id),
  );
  return readings.map(({ row, records, refused }) => {
    const missing = records.filter((record) => !isStored(record, after));
    const others = missing.map((record) => ({
      reason: after.has(reportKey(record)) ? 'identity-conflict' : 'unstorable',
      detail: `boot ${record.boot}, seq ${record.seq}: refused again`,
    }));
    const stored = records.length - missing.length;
    return { quarantineId: row.quarantine_id, stored, refused: [...refused, ...others] };
  });
}

function readAgain(row: QuarantineRow): Reading {
  if (row.topic !== reportTopic(row.lock_id)) {
    const detail = `topic: ${row.topic}, expected ${reportTopic(row.lock_id)}: only reports can be replayed`;
    return { row, records: [], refused: [{ reason: 'not-a-report', detail }] };
  }
  const { records, refusals } = decode(row.lock_id, row.raw, row.at.getTime());
  const refused = refusals.map(({ reason, detail }) => ({ reason, detail }));
  return { row, records, refused };
}

/** What is stored under the numbers of the records, in any life of their lock; by the numbers as sent. */
type Stored = ReadonlyMap<string, TrackedReport[]>;

async function storedBodies(pool: Pool, readings: Reading[]): Promise<Stored> {
  const locks = await loadLocks(pool, [...new Set(readings.map(({ row }) => row.lock_id))]);
  const lives = new Map(locks.map(({ lockId, maxBoot }) => [lockId, Math.max(0, lifeOf(maxBoot))]));
  const identities = readings.flatMap(({ records }) =>
    records.flatMap((record) => {
      const life = lives.get(record.lockId) ?? 0;
      return Array.from({ length: life + 1 }, (_, i) => ({ ...record, boot: bootIn(i, record.boot) }));
    }),
  );
  const stored = new Map<string, TrackedReport[]>();
  for (const record of await recordsByIdentity(pool, identities)) {
    const key = reportKey({ ...record, boot: sentBoot(record.boot) });
    stored.set(key, [...(stored.get(key) ?? []), record]);
  }
  return stored;
}

/** Whether the identity is unused, or stored with the same body. */
function isFree(record: TrackedReport, stored: Stored): boolean {
  return !stored.has(reportKey(record)) || isStored(record, stored);
}

function isStored(record: TrackedReport, stored: Stored): boolean {
  return stored.get(reportKey(record))?.some((kept) => sameBody(kept, record)) ?? false;
}

function sendAgain(receive: Intake['receive'], row: QuarantineRow): Promise<void> {
  return new Promise((resolve, reject) => {
    receive(row.lock_id, row.raw, (error) => (error ? reject(error) : resolve()), row.at.getTime());
  });
}
