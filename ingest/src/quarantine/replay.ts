import type { Pool } from 'pg';
import { type Replayed, replayRefused } from '../intake/replay.ts';
import type { Principal } from '../people/principal.ts';
import type { ReportDoor } from '../ports.ts';
import { audit } from '../store/people/audit.ts';
import type { QuarantineRow } from '../store/reports/refused.ts';

/** Sends refused publishes through the intake again; a row that was stored leaves the quarantine, and is in the audit. */
export async function replay(
  { pool, door }: { pool: Pool; door: ReportDoor },
  caller: Principal,
  rows: QuarantineRow[],
): Promise<Replayed[]> {
  const receive: typeof door.receive = (...publish) => door.receive(...publish);
  const replayed = await replayRefused(pool, receive, rows);
  for (const { quarantineId, stored } of replayed.filter((one) => one.stored > 0)) {
    const entry = { actor: caller.name, action: 'quarantine.replay', subject: `quarantine:${quarantineId}` };
    const before = { reason: rows.find((row) => row.quarantine_id === quarantineId)?.reason };
    await audit(pool, { ...entry, before, after: { stored } });
  }
  return replayed;
}
