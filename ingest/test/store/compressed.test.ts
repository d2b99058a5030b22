import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { keepReports } from '../../src/postgres/partitions.ts';
import { tripRecords } from '../../src/store/reports/roster.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from '../intake/rig.ts';

const DAY_MS = 86_400_000;
const IS_DEEP = process.env.SEALWATCH_DEEP !== undefined;
const LOCKS = Array.from({ length: IS_DEEP ? 100 : 20 }, (_, i) => `JT7010${String(1_000 + i)}`);
/** More than Timescale decompresses for one statement that writes (100,000), in all days but the last two. */
const DAYS = IS_DEEP ? 31 : 20;
const A_DAY = IS_DEEP ? 1_000 : 300;
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
       JOIN locks USING (lock_id), generate_series(0, $2::int) n, LATERAL (SELECT to_timestamp($3 / 1000.0) - ($2 - n) * $4::float8 * interval '1 ms' AS t) x`,
    [LOCKS, DAYS * A_DAY, NOW_MS, DAY_MS / A_DAY],
  );
  await db.pool.query('UPDATE locks SET max_boot = 1, max_seq = $1, last_time = $2, created_at = $3', [
    DAYS * A_DAY,
    new Date(NOW_MS),
    new Date(NOW_MS - DAYS * DAY_MS),
  ]);
  await db.pool.query(`SELECT compress_chunk(c, true) FROM show_chunks('reports', older_than => INTERVAL '2 days') c`);
  rig = await startRig({ db });
});
afterAll(async () => {
  await rig?.close();
  await db?.drop();
});

test.runIf(isTimescale())('a trip is taken over and ended on compressed days, and reports go on', async () => {
  const lock = await rig.lock(LOCKS[0]!);
  const timed = async (what: string, work: () => Promise<unknown>) => {
    const from = performance.now();
    await work();
    if (IS_DEEP) console.info(`${what}: ${Math.round(performance.now() - from)} ms`);
  };
  const tripId = await declareTrip(db, [LOCKS[0]!], NOW_MS - 15 * DAY_MS);
  await timed('taken over 15 days ago', () => rig.judge(tripId));
  expect(await tripRecords(db.pool, tripId, 0)).toHaveLength(15 * A_DAY + 1);
  const endedAt = new Date(NOW_MS - 9 * DAY_MS);
  await db.pool.query('UPDATE trip_units SET tracked_to = $2 WHERE trip_id = $1', [tripId, endedAt]);
  await timed('ended 9 days ago', () => rig.judge(tripId));
  expect(await tripRecords(db.pool, tripId, 0)).toHaveLength(6 * A_DAY);
  const seq = DAYS * A_DAY + 1;
  await timed('a live report', () => send(lock, LOCKS[0]!, report(seq, Date.now(), 120.1)));
  const late = report(seq + 1, NOW_MS - 12 * DAY_MS, 120.1, { kind: 'backfill' });
  await timed('a late report of a compressed day', () => send(lock, LOCKS[0]!, late));
  await timed('the same again', () => send(lock, LOCKS[0]!, late));
  const again = report(77, NOW_MS - 2 * DAY_MS, 120.1, { kind: 'backfill' });
  await timed('a number that a compressed day has', () => send(lock, LOCKS[0]!, again));
  expect(await rig.rows('SELECT 1 FROM reports WHERE seq > $1', [DAYS * A_DAY])).toHaveLength(2);
  expect(await rig.rows('SELECT reason FROM quarantine')).toEqual([{ reason: 'identity-conflict' }]);
});
