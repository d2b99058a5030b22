// What a report costs to keep: bytes, and time to write and read. Run: npm run bench:store [-- REPORTS]
// A fresh embedded server with the settings of `serve` (fsync on), and beside it an empty database at DATABASE_URL, e.g. on
// TimescaleDB; EMBEDDED=0: this alone.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../dist/postgres/database.js';
import { migrate } from '../dist/postgres/migrate.js';
import { keepReports } from '../dist/postgres/partitions.js';
import { inTransaction } from '../dist/postgres/queryable.js';
import { insertReports } from '../dist/store/reports/batch.js';
import { closeDays } from '../dist/store/reports/closing.js';
import { recordsByIdentity } from '../dist/store/reports/identities.js';
import { lockReports, tripTrack } from '../dist/store/reports/reports.js';
import { snapshotAt } from '../dist/store/reports/snapshot.js';

const REPORTS = Number(process.argv[2] ?? 1_000_000);
const LOCKS = 400;
const DAYS = 31;
const BATCH = 500;
const ROUNDS = Math.ceil(REPORTS / LOCKS);
const DAY_MS = 86_400_000;
const STEP_MS = Math.floor((DAYS * DAY_MS) / ROUNDS);
const TRIP_ID = '6f0a3f0e-5d1c-4b5e-9a59-2f7c63f5a001';

const quiet = { info: () => {}, warn: () => {}, error: (fields, message) => console.error(message, fields) };
const lockId = (n) => `JT701${String(n).padStart(5, '0')}`;

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
      lon: Number((120 + n / 1_000 + (seq % 5_000) * 0.0001 + random() * 1e-5).toFixed(6)),
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
    await work(i);
    took.push(performance.now() - from);
  }
  took.sort((a, b) => a - b);
  return `p50 ${took[Math.floor(times / 2)].toFixed(1)} ms, worst ${took.at(-1).toFixed(1)} ms`;
}

async function write(pool, endMs) {
  const random = randomOf(1);
  let rows = [];
  let tookMs = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < LOCKS; n++) {
      rows.push(report(random, n, 2 * round, endMs - (ROUNDS - round) * STEP_MS));
      if (rows.length < BATCH) continue;
      const from = performance.now();
      await inTransaction(pool, (client) => insertReports(client, rows));
      tookMs += performance.now() - from;
      rows = [];
    }
  }
  await inTransaction(pool, (client) => insertReports(client, rows));
  await pool.query('UPDATE locks SET max_boot = 12, max_seq = $1, last_time = to_timestamp($2 / 1000.0)', [
    2 * ROUNDS,
    endMs,
  ]);
  return `${Math.round((ROUNDS * LOCKS) / (tookMs / 1_000))}/s`;
}

/** Rows, indexes and what is kept aside (TOAST), bytes a report; of plain days the two newest are still written to. */
async function sizes(pool, hypertable) {
  const { rows } = await pool.query(
    hypertable
      ? `SELECT sum(table_bytes) AS heap, sum(index_bytes) AS index, sum(toast_bytes) AS toast FROM hypertable_detailed_size('reports')`
      : `SELECT sum(pg_relation_size(inhrelid)) AS heap, sum(pg_indexes_size(inhrelid)) AS index,
           sum(pg_table_size(inhrelid) - pg_relation_size(inhrelid)) AS toast FROM pg_inherits WHERE inhparent = 'reports'::regclass`,
  );
  const each = (bytes) => (Number(bytes ?? 0) / (ROUNDS * LOCKS)).toFixed(1);
  const { heap, index, toast } = rows[0];
  return `${each(Number(heap) + Number(index) + Number(toast))} (row ${each(heap)}, index ${each(index)}, aside ${each(toast)})`;
}

/** Every figure of one database, by name. */
async function measure(database) {
  const { pool } = database;
  await migrate(pool);
  const nowMs = Date.now();
  const endMs = nowMs - (nowMs % 1_000);
  for (let day = -DAYS; day <= 0; day += 4) await keepReports(pool, { nowMs: nowMs + day * DAY_MS, log: quiet });
  const { storage } = await keepReports(pool, { nowMs, log: quiet });
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
  const figures = new Map([['storage', `${storage.kind}, ${database.description}`]]);
  figures.set(`durable writes, one connection, ${BATCH} a commit`, await write(pool, endMs));
  await pool.query('VACUUM ANALYZE reports');
  figures.set('a report as written, bytes', await sizes(pool, storage.kind === 'hypertable'));
  if (storage.columnstore) {
    await pool.query(`SELECT compress_chunk(c, true) FROM show_chunks('reports', older_than => INTERVAL '2 days') c`);
    await pool.query('VACUUM ANALYZE reports');
    figures.set('a report of a day that is closed, bytes', await closedSize(pool));
  } else {
    const from = performance.now();
    await closeDays(pool, { nowMs, log: quiet });
    const tookS = (performance.now() - from) / 1_000;
    for (const table of ['reports', 'report_blocks']) await pool.query(`VACUUM ANALYZE ${table}`);
    figures.set('a report of a day that is closed, bytes', await blocksSize(pool));
    figures.set('closing days', `${Math.round((ROUNDS * LOCKS) / tookS)} reports/s`);
  }
  const span = (agoMs) => ({
    tripId: TRIP_ID,
    fromMs: endMs - agoMs - 3 * 3_600_000,
    toMs: endMs - agoMs,
    maxPoints: 100_000,
  });
  figures.set('3 h of a track, 3 h ago', await timed(30, () => tripTrack(pool, span(3 * 3_600_000))));
  figures.set('3 h of a track, 30 days ago', await timed(30, () => tripTrack(pool, span(30 * DAY_MS))));
  figures.set(
    'a track of 31 days, thinned to 100',
    await timed(10, () => tripTrack(pool, { tripId: TRIP_ID, maxPoints: 100 })),
  );
  const list = { lockId: lockId(9), fromMs: endMs - 10 * DAY_MS, offices: null, limit: 500 };
  figures.set('500 records of a lock, 10 days ago', await timed(30, () => lockReports(pool, list)));
  figures.set(`the wall 1 h ago, ${LOCKS} locks`, await timed(10, () => snapshotAt(pool, endMs - 3_600_000, null)));
  figures.set(
    `the wall 20 days ago, ${LOCKS} locks`,
    await timed(10, () => snapshotAt(pool, endMs - 20 * DAY_MS, null)),
  );
  const identity = (n, more) => ({
    lockId: lockId(n % LOCKS),
    boot: 12,
    seq: 2 * (ROUNDS - 1 - (n % 50)),
    timeMs: endMs,
    ...more,
  });
  const asked = Array.from({ length: 400 }, (_, n) => n);
  const again = asked.map((n) => identity(n, { timeMs: endMs - (1 + (n % 50)) * STEP_MS }));
  figures.set('400 records sent again', await timed(20, () => recordsByIdentity(pool, again)));
  // Numbers that no record has, each between those of its two neighbours: what a lock sends late.
  const late = asked.map((n) =>
    identity(n, { seq: 2 * (ROUNDS - 2 - (n % 50)) + 1, timeMs: endMs - (1.5 + (n % 50)) * STEP_MS }),
  );
  figures.set('400 late records that are new', await timed(20, () => recordsByIdentity(pool, late)));
  const elsewhere = asked.map((n) => identity(n, { timeMs: endMs - 12 * DAY_MS }));
  figures.set('400 records stored with another time', await timed(5, () => recordsByIdentity(pool, elsewhere)));
  return figures;
}

async function blocksSize(pool) {
  const { rows } = await pool.query(
    `SELECT pg_total_relation_size('report_blocks') AS bytes, pg_indexes_size('report_blocks') AS index,
       sum(reports) AS reports, count(*) AS blocks FROM report_blocks`,
  );
  const { bytes, index, reports, blocks } = rows[0];
  return `${(bytes / reports).toFixed(1)} (index ${(index / reports).toFixed(1)}; ${blocks} blocks)`;
}

async function closedSize(pool) {
  const { rows } = await pool.query(
    `SELECT sum(after_compression_total_bytes) AS bytes, sum(after_compression_toast_bytes) AS toast,
       (SELECT sum(numrows_pre_compression) FROM _timescaledb_catalog.compression_chunk_size) AS reports
     FROM chunk_compression_stats('reports') WHERE compression_status = 'Compressed'`,
  );
  const { bytes, toast, reports } = rows[0];
  return `${(bytes / reports).toFixed(1)} (aside ${(toast / reports).toFixed(1)})`;
}

async function figuresOf(databaseUrl) {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
  chmodSync(folder, 0o711);
  const database = await openDatabase({ dataDir: join(folder, 'data'), databaseUrl, log: quiet });
  try {
    return await measure(database);
  } finally {
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const columns = [];
if (process.env.EMBEDDED !== '0') columns.push(await figuresOf(undefined));
if (process.env.DATABASE_URL) columns.push(await figuresOf(process.env.DATABASE_URL));
console.log(`${ROUNDS * LOCKS} reports of ${LOCKS} locks in ${DAYS} days`);
for (const name of columns[0].keys())
  console.log(`${name.padEnd(46)} ${columns.map((figures) => figures.get(name).padEnd(54)).join(' ')}`);
