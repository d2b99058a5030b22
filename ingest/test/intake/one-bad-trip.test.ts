import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from './rig.ts';

const HOUR = 3_600_000;
const LOCKS = ['JT70300001', 'JT70300002', 'JT70300003'];

let db: TestDatabase;
let rig: Rig | undefined;
let tripIds: string[];
let bad: string;

beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('TRUNCATE reports, alarms, trip_units, trip_checkpoints, trips, outbox, commands, locks CASCADE');
  await registerLocks(db, ...LOCKS);
  tripIds = [];
  const departedMs = Date.now() - 6 * HOUR;
  for (const lockId of LOCKS) tripIds.push(await declareTrip(db, [lockId], departedMs));
  await db.pool.query('UPDATE trips SET time_limit_min = 60');
  // They are seen on the road once; that they are late the clock alone tells.
  rig = await startRig({ db, nowMs: () => departedMs + HOUR / 2 });
  for (const lockId of LOCKS) {
    const lock = await rig.lock(lockId);
    await send(
      lock,
      lockId,
      [1, 2].map((seq) => report(seq, departedMs + seq * 60_000, 120.1 + seq / 100)),
    );
  }
  await rig.close();
  // The first to be looked at, so that the others come after it.
  bad = tripIds[0]!;
});
afterEach(() => rig?.close());

const overdue = async () =>
  (await db.pool.query(`SELECT trip_id FROM alarms WHERE rule = 'time.overdue' AND active`)).rows
    .map(({ trip_id }) => trip_id)
    .toSorted();

/** Each makes one trip fail in another step, and says how it is mended. */
const FAULTS: Record<string, () => Promise<() => Promise<unknown>>> = {
  'alarms cannot be stored': async () => {
    await db.pool.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF NEW.trip_id = '${bad}' THEN RAISE EXCEPTION 'poison' USING ERRCODE = '22000'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER poison BEFORE INSERT ON alarms FOR EACH ROW EXECUTE FUNCTION poison()`);
    return () => db.pool.query('DROP FUNCTION poison CASCADE');
  },
  'checkpoint cannot be read': async () => {
    await db.pool.query(`INSERT INTO trip_checkpoints VALUES ($1, now() - interval '5 h', '{"lastTimeMs": 1}')`, [bad]);
    return () => db.pool.query('DELETE FROM trip_checkpoints');
  },
  'route cannot be compiled': async () => {
    const { rows } = await db.pool.query<{ feature: { geometry: unknown } }>(
      `SELECT feature FROM routes WHERE route_id = 'road'`,
    );
    const broken = { ...rows[0]!.feature, geometry: null };
    await db.pool.query(
      `INSERT INTO routes (route_id, version, name, feature, created_by) VALUES ('broken', 1, 'broken', $1, 'test')`,
      [broken],
    );
    await db.pool.query(`UPDATE trips SET route_id = 'broken', route_version = 1 WHERE trip_id = $1`, [bad]);
    return () => db.pool.query(`UPDATE trips SET route_id = 'road' WHERE trip_id = $1`, [bad]);
  },
};

test.each(Object.keys(FAULTS))(
  'a trip whose %s keeps neither the platform from its start nor another from its clock, and is checked once it can be',
  async (fault) => {
    const mend = await FAULTS[fault]!();
    try {
      rig = await startRig({ db });
      expect(await overdue()).toEqual(tripIds.slice(1).toSorted());
      expect(await rig.metric('judging_failures_total')).toBeGreaterThanOrEqual(1);
    } finally {
      await mend();
    }
    const checked = rig;
    await vi.waitFor(
      async () => {
        await checked.intake.checkLiveness();
        expect(await overdue()).toEqual(tripIds.toSorted());
      },
      { timeout: 60_000, interval: 100 },
    );
  },
);
