import type { Pool } from 'pg';
import { Roster } from '../../src/intake/roster.ts';
import { tripRecords } from '../../src/store/reports/roster.ts';
import { type AlarmFact, advance, startTrack } from '../../src/tracker/index.ts';
import { PLAIN } from '../store/plain.ts';
import type { Sending } from './journey.ts';

/** A lock, and what was acknowledged of it. */
export interface Acknowledged {
  lockId: string;
  log: readonly Sending[];
}

interface Stored {
  lock_id: string;
  boot: number;
  seq: number;
  ms: number;
  lon: number | null;
  rope: string | null;
  copies: number;
}

/** What of the acknowledged is not in the store, or is there more than once; in words, empty where all is well. */
export async function missingOf(pool: Pool, locks: readonly Acknowledged[]): Promise<string[]> {
  const { rows } = await pool.query<Stored>(
    `SELECT lock_id, boot, seq, extract(epoch FROM min(time))::float8 * 1000 AS ms, min(lon) AS lon, min(rope) AS rope,
       count(*)::int AS copies FROM ${PLAIN} GROUP BY lock_id, boot, seq`,
  );
  const stored = new Map(rows.map((row) => [`${row.lock_id} ${row.boot} ${row.seq}`, row]));
  const wrong = rows.filter((row) => row.copies !== 1).map((row) => `${row.lock_id} ${row.boot} ${row.seq}: twice`);
  for (const lock of locks) {
    for (const record of lock.log.flatMap((sending) => sending.records)) {
      const row = stored.get(`${lock.lockId} ${record.boot} ${record.seq}`);
      const name = `${lock.lockId} ${record.boot} ${record.seq}`;
      if (!row) wrong.push(`${name}: acknowledged and not stored`);
      else if (Math.round(row.ms) !== Date.parse(record.time) || row.lon !== record.position.lon)
        wrong.push(`${name}: stored as another`);
    }
  }
  return [...wrong, ...(await unquarantined(pool, locks))];
}

async function unquarantined(pool: Pool, locks: readonly Acknowledged[]): Promise<string[]> {
  const { rows } = await pool.query<{ lock_id: string; raw: Buffer }>('SELECT lock_id, raw FROM quarantine');
  const kept = new Set(rows.map((row) => `${row.lock_id} ${row.raw.toString()}`));
  return locks.flatMap((lock) =>
    lock.log
      .filter(({ records, payload }) => records.length === 0 && !kept.has(`${lock.lockId} ${payload}`))
      .map(({ payload }) => `${lock.lockId}: ${payload.slice(0, 60)} acknowledged and not in quarantine`),
  );
}

interface Told {
  rule: string;
  phase: string;
  active: boolean;
  startedMs: number;
  confirmedMs: number | null;
  endedMs: number | null;
}

/** The alarms of a trip as the store has them, by id; but for a silence that only the clock told (law 3: liveness aside). */
export async function storedAlarms(pool: Pool, tripId: string): Promise<Record<string, Told>> {
  const ms = (column: string) => `round(extract(epoch FROM ${column}) * 1000)::float8`;
  const { rows } = await pool.query<{ alarm_id: string } & Told>(
    `SELECT alarm_id, rule, phase, active, ${ms('started_at')} AS "startedMs", ${ms('confirmed_at')} AS "confirmedMs",
       ${ms('ended_at')} AS "endedMs" FROM alarms
     WHERE trip_id = $1 AND NOT (rule = 'comms.silent' AND active)`,
    [tripId],
  );
  return Object.fromEntries(rows.map(({ alarm_id, ...told }) => [alarm_id, told]));
}

/** The alarms that the stored rows mean: read from the first to the last and judged one by one. */
export async function replayedAlarms(pool: Pool, tripId: string): Promise<Record<string, Told>> {
  const roster = new Roster(pool);
  await roster.ensureTrips([tripId]);
  const plan = roster.trip(tripId)?.plan;
  if (!plan) throw new Error(`trip ${tripId} is not judged`);
  const facts = new Map<string, AlarmFact>();
  let track = startTrack(plan);
  for (const record of await tripRecords(pool, tripId, 0)) {
    const step = advance(plan, track, [record]);
    if (!step.ok) throw new Error(`${record.lockId} ${record.boot} ${record.seq} is out of order`);
    track = step.track;
    for (const alarmId of step.withdrawn) facts.delete(alarmId);
    for (const fact of step.changes) facts.set(fact.alarmId, fact);
  }
  return Object.fromEntries(
    [...facts.values()].map((fact) => [
      fact.alarmId,
      {
        rule: fact.rule,
        phase: fact.phase,
        active: fact.active,
        startedMs: fact.startedMs,
        confirmedMs: fact.confirmedMs ?? null,
        endedMs: fact.endedMs ?? null,
      },
    ]),
  );
}
