// What a report costs to keep: bytes, and time to write and read. Run: npm run bench:store [-- REPORTS]
// A fresh embedded server with the settings of `serve` (fsync on), or DATABASE_URL (an empty database, e.g. TimescaleDB).
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../dist/postgres/database.js';
import { migrate } from '../dist/postgres/migrate.js';
import { keepReports } from '../dist/postgres/partitions.js';
import { inTransaction } from '../dist/postgres/queryable.js';
import { insertReports } from '../dist/store/reports/batch.js';
import { lockReports, tripTrack } from '../dist/store/reports/reports.js';
import { snapshotAt } from '../dist/store/reports/snapshot.js';

const REPORTS = Number(process.argv[2] ?? 300_000);
const LOCKS = 1_000;
const BATCH = 500;
const STEP_MS = 30_000;
const TRIP_ID = '6f0a3f0e-5d1c-4b5e-9a59-2f7c63f5a001';

const quiet = { info: () => {}, warn: () => {}, error: (fields, message) => console.error(message, fields) };
const lockId = (n) => `JT701${String(n).padStart(5, '0')}`;
const print = (name, value) => console.log(`${name.padEnd(44)} ${value}`);

/** mulberry32: the same reports at every run. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A sealed lock under way: every field of the contract's example but the events, which one report in fifty has. */
function report(random, n, seq, timeMs) {
  return {
    lockId: lockId(n),
    boot: 12,
    seq,
    timeMs,
    receivedMs: timeMs + Math.round(random() * 2_000),
    kind: 'live',
    mode: 'sealed',
    position: {
      lon: Number((120 + n / 1_000 + seq * 0.0002 + random() * 1e-5).toFixed(6)),
      lat: Number((29.3 + random() * 0.01).toFixed(6)),
      accuracyM: 3 + Math.round(random() * 9),
      speedKmh: Number((60 + random() * 30).toFixed(1)),
      headingDeg: Math.round(random() * 359),
      satellites: 8 + Math.round(random() * 8),
      source: 'gnss',
    },
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 381 },
    battery: { percent: 86, charging: false },
    network: { rssiDbm: -60 - Math.round(random() * 30) },
    ...(random() < 0.02 ? { events: [{ type: 'vibration' }] } : {}),
  };
}

async function timed(times, work) {
  const took = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await work();
    took.push(performance.now() - from);
  }
  took.sort((a, b) => a - b);
  return `p50 ${took[Math.floor(times / 2)].toFixed(1)} ms, worst ${took.at(-1).toFixed(1)} ms`;
}

async function write(pool, endMs) {
  const random = randomOf(1);
  const rounds = Math.ceil(REPORTS / LOCKS);
  let rows = [];
  const from = performance.now();
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < LOCKS; n++) {
      rows.push(report(random, n, round, endMs - (rounds - round) * STEP_MS));
      if (rows.length < BATCH) continue;
      await inTransaction(pool, (client) => insertReports(client, rows));
      rows = [];
    }
  }
  print(
    `durable writes, one connection, ${BATCH} a commit`,
    `${Math.round((rounds * LOCKS) / ((performance.now() - from) / 1_000))} reports/s`,
  );
  return rounds * LOCKS;
}

async function sizes(pool, count, hypertable) {
  const { rows } = await pool.query(
    hypertable
      ? `SELECT table_bytes AS heap, index_bytes AS index, total_bytes AS total FROM hypertable_detailed_size('reports')`
      : `SELECT sum(pg_table_size(inhrelid)) AS heap, sum(pg_indexes_size(inhrelid)) AS index, sum(pg_total_relation_size(inhrelid)) AS total
         FROM pg_inherits WHERE inhparent = 'reports'::regclass`,
  );
  const each = (bytes) => `${(Number(bytes) / count).toFixed(0)} bytes`;
  print('one report', each(rows[0].total));
  print('  of it the row', each(rows[0].heap));
  print('  of it the two indexes', each(rows[0].index));
}

async function run(database) {
  const { pool } = database;
  await migrate(pool);
  const nowMs = Date.now();
  const endMs = nowMs - (nowMs % STEP_MS);
  const { storage } = await keepReports(pool, { nowMs, log: quiet });
  print('storage', `${storage.kind}, ${database.description}`);
  await pool.query(
    `INSERT INTO routes (route_id, version, name, feature, created_by) VALUES ('bench', 1, 'bench', '{}', 'bench')`,
  );
  await pool.query(
    `INSERT INTO locks (lock_id, secret_hash) SELECT 'JT701' || lpad(n::text, 5, '0'), '' FROM generate_series(0, $1 - 1) n`,
    [LOCKS],
  );
  await pool.query(
    `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version, tractor_plate, status, steps, departed_at)
     VALUES ($1, 'x', 'road', '2921', '3104', 'bench', 1, 'x', 'in-transit', '[]', '2000-01-01')`,
    [TRIP_ID],
  );
  await pool.query(
    `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, tracked_from) VALUES ($1, 0, 'x', $2, '2000-01-01')`,
    [TRIP_ID, lockId(7)],
  );
  const count = await write(pool, endMs);
  await pool.query('VACUUM ANALYZE reports');
  await sizes(pool, count, storage.kind === 'hypertable');
  if (storage.columnstore) {
    await pool.query(`SELECT compress_chunk(c, true) FROM show_chunks('reports') c`);
    console.log('after the columnstore has taken every chunk:');
    await sizes(pool, count, true);
  }
  const middleMs = endMs - (REPORTS / LOCKS / 2) * STEP_MS;
  print(
    '500 records of a lock',
    await timed(50, () => lockReports(pool, { lockId: lockId(7), fromMs: middleMs, offices: null, limit: 500 })),
  );
  print(
    'track of a trip, thinned to 100 points',
    await timed(50, () => tripTrack(pool, { tripId: TRIP_ID, maxPoints: 100 })),
  );
  print(`the wall at a time, ${LOCKS} locks`, await timed(10, () => snapshotAt(pool, middleMs, null)));
}

const folder = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
chmodSync(folder, 0o711);
const from = performance.now();
const database = await openDatabase({
  dataDir: join(folder, 'data'),
  databaseUrl: process.env.DATABASE_URL,
  log: quiet,
});
print('first start of the database', `${Math.round(performance.now() - from)} ms`);
try {
  await run(database);
} finally {
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
}
