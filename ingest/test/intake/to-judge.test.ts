import { randomUUID } from 'node:crypto';
import type { MqttClient } from 'mqtt';
import type { PoolClient } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { askToJudge, stillToJudge } from '../../src/store/trips/to-judge.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from './rig.ts';

const MINUTE = 60_000;
const LOCKS = Array.from({ length: 25 }, (_, i) => `JT701000${String(i).padStart(2, '0')}`);
const LOCK = LOCKS[0]!;

let db: TestDatabase;
let rig: Rig;
let startMs: number;

beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('TRUNCATE reports, alarms, trip_units, trip_checkpoints, trips, outbox, commands, locks CASCADE');
  await registerLocks(db, ...LOCKS);
  startMs = Date.now() - 60 * MINUTE;
});
afterEach(() => rig.close());

/** Two records off the road, an hour ago: red for a trip that has them. */
async function stray(lock: MqttClient, lockId: string): Promise<void> {
  for (const minute of [20, 21, 22])
    await send(lock, lockId, report(minute, startMs + minute * MINUTE, 120.2 + minute / 1000, { offM: 2_000 }));
}

const red = async () =>
  (await rig.rows<{ trip_id: string }>(`SELECT trip_id FROM alarms WHERE rule = 'route.deviation' AND active`)).map(
    (row) => row.trip_id,
  );
const waiting = async () =>
  (await rig.rows<{ trip_id: string }>('SELECT trip_id FROM to_judge')).map((row) => row.trip_id);

/** A trip whose records the platform had before it. */
const declared = (lockId = LOCK) => declareTrip(db, [lockId], startMs);
/** One for each lock. */
async function allDeclared(): Promise<string[]> {
  const tripIds: string[] = [];
  for (const lockId of LOCKS) tripIds.push(await declared(lockId));
  return tripIds;
}

/** From now on writing an alarm of the lock's trip fails in the store, as a row that cannot be kept does. */
async function poison(lockId: string): Promise<() => Promise<unknown>> {
  await db.pool.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.lock_id = '${lockId}' THEN RAISE EXCEPTION 'poison' USING ERRCODE = '22000'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER poison BEFORE INSERT ON alarms FOR EACH ROW EXECUTE FUNCTION poison()`);
  return () => db.pool.query('DROP FUNCTION IF EXISTS poison CASCADE');
}

describe('what waits to be judged', () => {
  test('is judged by the start that finds it, before reports are accepted', async () => {
    rig = await startRig({ db, toJudgeEveryMs: 0 });
    await stray(await rig.lock(LOCK), LOCK);
    const tripId = await declared();
    expect(await red()).toEqual([]);
    await rig.close();
    rig = await startRig({ db, toJudgeEveryMs: 0 });
    expect(await red()).toEqual([tripId]);
    expect(await waiting()).toEqual([]);
  });

  test('is found by the look every second where the hint was lost', async () => {
    rig = await startRig({ db, toJudgeEveryMs: 20 });
    await stray(await rig.lock(LOCK), LOCK);
    const tripId = await declared();
    await vi.waitFor(async () => expect(await waiting()).toEqual([]), 60_000);
    expect(await red()).toEqual([tripId]);
  });

  test('stays where it was asked for again while it was judged', async () => {
    rig = await startRig({ db, toJudgeEveryMs: 0 });
    const tripId = await declared();
    // Judging is held up by its own write, in which the next change of the plan asks.
    const other: PoolClient = await db.pool.connect();
    try {
      await other.query('BEGIN');
      await other.query('SELECT FROM trips WHERE trip_id = $1 FOR UPDATE', [tripId]);
      const judged = rig.intake.judgeWaiting();
      await vi.waitFor(async () => {
        const { rows } = await db.pool.query(
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
        );
        expect(rows).not.toEqual([]);
      }, 60_000);
      const told: string[][] = [];
      rig.intake.onJudged(({ tripIds }) => told.push(tripIds));
      await other.query(
        'INSERT INTO to_judge (trip_id) VALUES ($1) ON CONFLICT (trip_id) DO UPDATE SET asked = excluded.asked',
        [tripId],
      );
      await other.query('COMMIT');
      await judged;
      // It was judged once by the plan of before and once by the newest: the second took it out.
      expect(told).toEqual([[tripId]]);
      expect(await stillToJudge(db.pool, [tripId])).toEqual([]);
      expect(rig.committed.filter((one) => one.tripIds.includes(tripId))).toHaveLength(2);
    } finally {
      other.release();
    }
  });

  test('and cannot be judged keeps no other from it, is counted, and is judged once it can be', async () => {
    rig = await startRig({ db, toJudgeEveryMs: 20 });
    for (const lockId of LOCKS) await stray(await rig.lock(lockId), lockId);
    const cure = await poison(LOCKS[3]!);
    const tripIds = await allDeclared();
    const bad = tripIds[3]!;
    try {
      await vi.waitFor(async () => expect(await waiting()).toEqual([bad]), 60_000);
      expect((await red()).toSorted()).toEqual(tripIds.filter((tripId) => tripId !== bad).toSorted());
      const failures = () => rig.metric('judging_failures_total');
      await vi.waitFor(async () => expect(await failures()).toBeGreaterThanOrEqual(1), 60_000);
      // It is tried again with growing pauses, and reports and other changes go on beside it.
      const later = LOCKS.map((lockId, i) => ({ lockId, tripId: tripIds[i]! })).filter(({ tripId }) => tripId !== bad);
      await askToJudge(db.pool, [later[0]!.tripId]);
      await vi.waitFor(async () => expect(await waiting()).toEqual([bad]), 60_000);
      await vi.waitFor(async () => expect(await rig.metric('to_judge')).toBe(1), 60_000);
    } finally {
      await cure();
    }
    await vi.waitFor(async () => expect(await waiting()).toEqual([]), 60_000);
    expect((await red()).toSorted()).toEqual(tripIds.toSorted());
  });

  test('does not keep live reports waiting: they are stored while a long queue is worked off', async () => {
    rig = await startRig({ db, toJudgeEveryMs: 0 });
    const lock = await rig.lock(LOCK);
    await allDeclared();
    let stored = 0;
    const left: number[] = [];
    rig.intake.onJudged(({ tripIds: judged }) => {
      left.push(judged.length);
      if (left.length === 1) void stray(lock, LOCK).then(() => stored++);
    });
    await rig.intake.judgeWaiting();
    expect(left).toEqual([20, 5]);
    await vi.waitFor(() => expect(stored).toBe(1), 60_000);
  });
});

test('who asks for a trip that is not there asks for nothing', async () => {
  rig = await startRig({ db, toJudgeEveryMs: 0 });
  await askToJudge(db.pool, [randomUUID()]);
  expect(await waiting()).toEqual([]);
});
