import { afterAll, beforeAll, expect, test } from 'vitest';
import { Roster } from '../../src/intake/roster.ts';
import { startTrack } from '../../src/tracker/index.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from './rig.ts';

const START_MS = Date.UTC(2026, 0, 1);
/** Beyond a thousand they are followed while reports are accepted. */
const TRIPS = process.env.SEALWATCH_DEEP ? 100_000 : 1_200;
const NEWEST = `JT76${String(TRIPS).padStart(6, '0')}`;

let db: TestDatabase;
let rig: Rig;
let startedWithinMs: number;
const progress: string[] = [];

beforeAll(async () => {
  db = await freshDatabase();
  await fillTrips();
  await db.pool.query('ANALYZE');
  const beganMs = performance.now();
  rig = await startRig({ db, onProgress: (text) => progress.push(text) });
  startedWithinMs = performance.now() - beganMs;
});
afterAll(async () => {
  await rig?.close();
  await db.drop();
});

/** One trip by the front door, and copies of it: each with its lock, an hour of records and a checkpoint in its middle. */
async function fillTrips(): Promise<void> {
  await registerLocks(db, 'JT76000000');
  const tripId = await declareTrip(db, ['JT76000000'], START_MS);
  const roster = new Roster(db.pool);
  await roster.ensureTrips([tripId]);
  const trip = roster.trip(tripId);
  if (!trip) throw new Error('the first trip is not judged');
  const state = { ...startTrack(trip.plan).state, lastTimeMs: START_MS + 1_800_000 };
  await db.pool.query(
    `INSERT INTO locks (lock_id, secret_hash) SELECT 'JT76' || lpad(n::text, 6, '0'), secret_hash
     FROM locks, generate_series(1, $1::int) n`,
    [TRIPS],
  );
  await db.pool.query(
    `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version,
       tractor_plate, status, steps, total_m, sealed_at, departed_at, taken_over_at, created_at)
     SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, declaration_no, mode, origin_office,
       destination_office, route_id, route_version, tractor_plate, status, steps, total_m, sealed_at, departed_at,
       taken_over_at, created_at + n * interval '1 ms' FROM trips, generate_series(1, $1::int) n`,
    [TRIPS],
  );
  await db.pool.query(
    `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, tracked_from)
     SELECT t.trip_id, 0, u.container_no, 'JT76' || right(t.trip_id::text, 6), u.tracked_from
     FROM trips t, trip_units u WHERE t.trip_id::text LIKE '00000000-0000-4000-8000-%'`,
  );
  await db.pool.query(
    `INSERT INTO trip_checkpoints SELECT trip_id, $1, $2 FROM trips WHERE trip_id::text LIKE '00000000-0000-4000-8000-%'`,
    [new Date(START_MS + 1_800_000), state],
  );
  await db.pool.query(
    `INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind, lon, lat, source)
     SELECT lock_no, 1, i, $1::timestamptz + i * interval '10 min', 0, 'a', 1200000000 + i * 100000, 300000000, 'a' FROM locks, generate_series(1, 6) i WHERE lock_id > 'JT76000000'`,
    [new Date(START_MS)],
  );
}

test('with very many trips reports are accepted before all are followed, and a trip that reports early is judged', async () => {
  const lock = await rig.lock(NEWEST);
  const rows = [
    report(7, START_MS + 4_000_000, 120.2, { offM: 900 }),
    report(8, START_MS + 4_030_000, 120.2, { offM: 900 }),
  ];
  await send(lock, NEWEST, rows);
  const alarms = await rig.rows('SELECT rule FROM alarms WHERE lock_id = $1', [NEWEST]);
  expect(alarms).toContainEqual({ rule: 'route.deviation' });
  console.info(`${TRIPS} trips: reports accepted after ${Math.round(startedWithinMs)} ms`);
});

test('the others are followed between batches, which is told, until none is missing', async () => {
  await expect.poll(() => rig.metric('trips'), { timeout: 240_000 }).toBe(TRIPS + 1);
  await expect.poll(() => progress.at(-1)).toBe(`following ${TRIPS + 1} trips`);
});
