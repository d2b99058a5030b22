import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { decode } from '../record/decode.ts';
import { sentTimeMs } from '../record/record.ts';
import { locksRefusedAround, oldestQuarantine, type QuarantineRow } from '../store/reports/refused.ts';
import type { Intake } from './contract.ts';
import { LEAST_LOCKS } from './platform-clock.ts';
import { replayRefused } from './replay.ts';

/** Earlier versions refused records with a time in the future. */
const REASON = 'time-ahead';
const AT_ONCE = 100;

/**
 * The row as it is to be judged. If five locks were refused within minutes, the clock of the platform was behind and not
 * theirs ahead: then it was received when its newest record says, if that is over by now.
 */
async function asReceived(pool: Pool, row: QuarantineRow, nowMs: number): Promise<QuarantineRow> {
  const locks = await locksRefusedAround(pool, row.at, REASON);
  const { records } = decode(row.lock_id, row.raw, row.at.getTime());
  const newestMs = Math.max(...records.map(sentTimeMs), row.at.getTime());
  return locks < LEAST_LOCKS || newestMs > nowMs ? row : { ...row, at: new Date(newestMs) };
}

/**
 * Sends what earlier versions refused as ahead of their clock through the intake again, oldest first. What is refused again
 * stays in quarantine.
 * @returns how many publishes left it
 */
export async function replayAhead(
  deps: { pool: Pool; log: Logger; receive: Intake['receive']; nowMs: () => number },
  signal: AbortSignal,
): Promise<number> {
  const { pool, log, receive, nowMs } = deps;
  let stored = 0;
  for (let after: number | undefined; !signal.aborted; ) {
    const rows = await oldestQuarantine(pool, { reason: REASON, offices: null, after, limit: AT_ONCE });
    if (rows.length === 0) break;
    const received = await Promise.all(rows.map((row) => asReceived(pool, row, nowMs())));
    const replayed = await replayRefused(pool, receive, received);
    stored += replayed.filter((one) => one.stored > 0).length;
    after = rows.at(-1)?.quarantine_id;
  }
  if (stored > 0) log.info({ publishes: stored }, 'records refused by an earlier version as ahead were judged');
  return stored;
}
