import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { hashSecret } from '../ingest/src/broker/lock-access.ts';
import { createPool } from '../ingest/src/postgres/database.ts';
import { keepReports } from '../ingest/src/postgres/partitions.ts';
import type { TrackedReport } from '../ingest/src/record/report.ts';
import { insertLocks } from '../ingest/src/store/locks/locks.ts';
import { insertReports } from '../ingest/src/store/reports/batch.ts';
import { closeDays } from '../ingest/src/store/reports/closing.ts';
import { lockReports } from '../ingest/src/store/reports/reports.ts';
import { freshDatabase, type TestDatabase, testLog } from '../ingest/test/database.ts';
import { type Platform, startPlatform } from './platform.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const SECRET = 'a-secret-of-at-least-128-bits-of-chance';
const LOCKS = ['JT70200001', 'JT70200002', 'JT70200003'];
const [DRIVEN, SEALED] = LOCKS as [string, string, string];
/** Days of reports; what this test asks for lies in the last three. */
const DAYS = 40;
const OLD_MS = 4 * DAY_MS;
const A_DAY = 12;
const nowMs = Date.now();
const { timescale } = inject('databaseServer');

let database: TestDatabase;
let platform: Platform;
/** Every answer of the door, so that none is a refusal unseen. */
const answers = new Map<string, number>();

function recordOf(lockId: string, seq: number, timeMs: number): TrackedReport {
  const position = { lon: 120 + (seq % 90) * 0.001, lat: 30, source: 'gnss' };
  const seal = { rope: 'inserted', motor: 'locked', cover: 'closed' } as const;
  return { lockId, boot: 1, seq, timeMs, receivedMs: timeMs, kind: 'live', mode: 'sealed', position, seal };
}

beforeAll(async () => {
  database = await freshDatabase();
  const filling = { pool: createPool({ connectionString: database.url }, testLog, { max: 4 }) };
  const { pool } = filling;
  await insertLocks(
    pool,
    LOCKS.map((lockId) => ({ lockId, model: 'test', secretHash: hashSecret(SECRET) })),
  );
  for (let day = -DAYS; day <= 0; day += 5) await keepReports(pool, { nowMs: nowMs + day * DAY_MS, log: testLog });
  const records = LOCKS.flatMap((lockId) =>
    Array.from({ length: DAYS * A_DAY }, (_, seq) =>
      recordOf(lockId, seq, nowMs - (DAYS * A_DAY - seq) * (DAY_MS / A_DAY)),
    ),
  );
  await insertReports(pool, records);
  await pool.query(`UPDATE locks SET max_boot = 1, max_seq = $1, created_at = $2`, [
    DAYS * A_DAY,
    new Date(nowMs - DAYS * DAY_MS),
  ]);
  if (!timescale) {
    await closeDays(pool, { nowMs, log: testLog });
    // Who opens an old block is answered 500, or is not acknowledged.
    await pool.query(`UPDATE report_blocks SET block = '\\xff' WHERE last_time < $1`, [new Date(nowMs - OLD_MS)]);
  } else
    await pool.query(`SELECT compress_chunk(c, true) FROM show_chunks('reports', older_than => INTERVAL '2 days') c`);
  await pool.query('ANALYZE');
  // What the connections of the filling have done is told when they end.
  await filling.pool.end();
});
afterAll(async () => {
  await platform?.stop();
  await database?.drop();
});

async function call(method: string, path: string, body?: unknown) {
  const answer = await platform.call<Record<string, unknown>>(method, path, body);
  answers.set(`${method} ${path.replace(/\?.*/, '')}`, answer.status);
  return answer.body;
}

/** Chunks older than what is asked for, and where their columns are kept. */
async function oldChunks(): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT unnest(ARRAY[i.chunk_name, k.table_name]) AS name FROM timescaledb_information.chunks i
     JOIN _timescaledb_catalog.chunk c ON c.table_name = i.chunk_name
     LEFT JOIN _timescaledb_catalog.chunk k ON k.id = c.compressed_chunk_id
     WHERE i.hypertable_name = 'reports' AND i.range_end <= $1`,
    [new Date(nowMs - OLD_MS)],
  );
  return rows.map(({ name }) => name);
}

/** How often each of them was read, by connections that have ended: these have told all they did. Of plain days blocks tell. */
async function oldDaysRead(): Promise<Record<string, number>> {
  if (!timescale) return {};
  const { rows } = await database.pool.query<{ name: string; scans: number }>(
    `SELECT relname AS name, seq_scan + coalesce(idx_scan, 0) AS scans FROM pg_stat_all_tables
     WHERE relname = ANY ($1) ORDER BY 1`,
    [await oldChunks()],
  );
  return Object.fromEntries(rows.map(({ name, scans }) => [name, scans]));
}

async function oldDays(): Promise<number> {
  if (timescale) return (await oldChunks()).length;
  const { rows } = await database.pool.query<{ n: number }>(
    `SELECT count(DISTINCT date_trunc('day', first_time)) AS n FROM report_blocks WHERE block = '\\xff'`,
  );
  return rows[0]!.n;
}

async function routesThatRead(): Promise<{ path: string; names: string[] }[]> {
  const { paths } = (await platform.call('GET', '/../openapi.json')).body as {
    paths?: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
  };
  const document = paths ?? (await (await fetch(`${platform.app.http}/openapi.json`)).json()).paths;
  return Object.entries(document as NonNullable<typeof paths>)
    .filter(([path, methods]) => path.startsWith('/api/v1/') && methods.get)
    .map(([path, methods]) => ({
      path: path.slice('/api/v1'.length),
      names: (methods.get?.parameters ?? []).filter((one) => one.in === 'query').map((one) => one.name),
    }));
}

const iso = (agoMs: number) => new Date(nowMs - agoMs).toISOString();

/** Trips taken over and sealed, their reports live, late and again, everything that reads, and their ends. */
async function everything(): Promise<void> {
  const coordinates = Array.from({ length: 101 }, (_, i) => [120 + i / 1_000, 30]);
  const route = {
    type: 'Feature',
    geometry: { type: 'LineString', coordinates },
    properties: { name: 'road', halfWidthM: 200 },
  };
  await call('PUT', '/routes/road', route);
  const declared = (lockId: string, containerNo: string) => ({
    declarationNo: `292120261${String(answers.size).padStart(9, '0')}`,
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'road',
    vehicle: { tractorPlate: '浙G12345' },
    units: [{ containerNo, lockId }],
  });
  await database.pool.query('UPDATE locks SET simulated = true');
  const takeover = { sealedAt: iso(DAY_MS + 60 * MINUTE_MS), departedAt: iso(DAY_MS) };
  const { tripId } = await call('POST', '/trips', { ...declared(DRIVEN, 'CSQU3054383'), takeover });
  const clients = new Map<string, Awaited<ReturnType<Platform['connectLock']>>>();
  const send = async (record: TrackedReport, kind = 'live') => {
    const { lockId, timeMs, receivedMs: _, ...rest } = record;
    const client = clients.get(lockId) ?? (await platform.connectLock(lockId, SECRET));
    clients.set(lockId, client);
    const body = { v: 1, ...rest, kind, time: new Date(timeMs).toISOString() };
    await client.publishAsync(`locks/${lockId}/report`, JSON.stringify(body), { qos: 1 });
  };
  const first = DAYS * A_DAY + 1;
  const sealed = await call('POST', '/trips', declared(SEALED, 'MSKU9070323'));
  for (const [n, step] of ['release', 'hang', 'seal'].entries()) {
    await send(recordOf(SEALED, first + n, Date.now()));
    await call('POST', `/trips/${String(sealed.tripId)}/${step}`, {});
  }
  for (let i = 0; i < 5; i++) await send(recordOf(DRIVEN, first + i, Date.now()));
  await send(recordOf(DRIVEN, first + 10, nowMs - 90 * MINUTE_MS), 'backfill');
  // A record that is stored is sent again.
  await send({ ...recordOf(DRIVEN, DAYS * A_DAY - 3, nowMs - 3 * (DAY_MS / A_DAY)) }, 'backfill');
  const about: Record<string, string> = { tripId: String(tripId), lockId: DRIVEN, routeId: 'road', office: '2921' };
  const times: Record<string, string> = { from: iso(2 * DAY_MS), to: iso(0), at: iso(60 * MINUTE_MS) };
  for (const { path, names } of await routesThatRead()) {
    const url = path.replaceAll(/\{([^}]+)\}/g, (_all, name: string) => about[name] ?? randomUUID());
    const asked = names.filter((name) => times[name]).map((name) => `${name}=${encodeURIComponent(times[name] ?? '')}`);
    if (!url.includes('/stream')) await call('GET', `${url}?${asked.join('&')}`);
  }
  await call('POST', '/routes/what-if', { routeId: 'road', route, from: iso(2 * DAY_MS), to: iso(0) });
  for (const id of [tripId, sealed.tripId]) await call('POST', `/trips/${String(id)}/cancel`, { reason: 'test' });
}

it('what people and locks ask of some days touches no other day of reports', async () => {
  const before = await oldDaysRead();
  // Of TimescaleDB weeks, each with its columns.
  expect(await oldDays()).toBeGreaterThan(timescale ? 8 : 30);
  platform = await startPlatform({ DATABASE_URL: database.url, SEALWATCH_RETENTION_DAYS: '400' });
  await everything();
  await platform.app.stop();
  expect(await oldDaysRead()).toEqual(before);
  const failed = [...answers].filter(([, status]) => status >= 500 || status === 401);
  expect(failed).toEqual([]);
  const done = [...answers].filter(([, status]) => status < 300).map(([route]) => route);
  expect(done.length).toBeGreaterThan(25);
  expect(done.filter((route) => /^POST \/trips\/[^/]+\/(seal|cancel)$/.test(route)).length).toBeGreaterThan(1);
});

it('and a statement that names no time is found out', async () => {
  if (!timescale) {
    await expect(lockReports(database.pool, { lockId: DRIVEN, limit: 10, offices: null })).rejects.toThrow(
      /ends too early|form/,
    );
    return;
  }
  const before = await oldDaysRead();
  const other = await database.pool.connect();
  await other.query('SELECT 1 FROM reports WHERE boot = 3');
  other.release(true);
  await expect.poll(oldDaysRead).not.toEqual(before);
});
