import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { keepReports } from '../../src/postgres/partitions.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from '../intake/rig.ts';

const DAY_MS = 86_400_000;
const LOCKS = Array.from({ length: 20 }, (_, i) => `JT7010${String(1_000 + i)}`);
/** More than Timescale decompresses for one statement that writes (100,000), in all days but the last two. */
const DAYS = 20;
const A_DAY = 300;
const NOW_MS = Date.now();

let db: TestDatabase;
let rig: Rig;
const isTimescale = () => inject('databaseServer').timescale;

beforeAll(async () => {
  if (!isTimescale()) return;
  db = await freshDatabase();
  await registerLocks(db, ...LOCKS);
  await keepReports(db.pool, { nowMs: NOW_MS, log: testLog });
  await db.pool.query(
    `INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind, lon, lat, source, in_order)
     SELECT lock_no, 1, n, t, 0, 'a', 1200000000 + n * 10000, 300000000, 'a', true FROM unnest($1::text[]) AS of(lock_id)
       JOIN locks USING (lock_id), generate_series(0, $2::int) n, LATERAL (SELECT to_timestamp($3 / 1000.0) - ($2 - n) * interval '288 s' AS t) x`,
    [LOCKS, DAYS * A_DAY, NOW_MS],
  );
  await db.pool.query('UPDATE locks SET max_boot = 1, max_seq = $1', [DAYS * A_DAY]);
  await db.pool.query(`SELECT compress_chunk(c, true) FROM show_chunks('reports', older_than => INTERVAL '2 days') c`);
  rig = await startRig({ db });
});
afterAll(async () => {
  await rig?.close();
  await db?.drop();
});

test.runIf(isTimescale())('a trip is taken over, sealed and ended on compressed days, and reports go on', async () => {
  const lock = await rig.lock(LOCKS[0]!);
  const tripId = await declareTrip(db, [LOCKS[0]!], NOW_MS - 15 * DAY_MS);
  await rig.intake.refreshTrips([tripId]);
  await db.pool.query('UPDATE trip_units SET tracked_to = $2 WHERE trip_id = $1', [
    tripId,
    new Date(NOW_MS - 9 * DAY_MS),
  ]);
  await rig.intake.refreshTrips([tripId]);
  await send(lock, LOCKS[0]!, report(DAYS * A_DAY + 1, Date.now(), 120.1));
  expect(await rig.rows('SELECT 1 FROM reports WHERE seq > $1', [DAYS * A_DAY])).toHaveLength(1);
});
