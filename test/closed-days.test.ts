import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashSecret } from '../ingest/src/broker/lock-access.ts';
import { keepReports } from '../ingest/src/postgres/partitions.ts';
import { closableParts, openFromMs } from '../ingest/src/postgres/partitions-closing.ts';
import type { TrackedReport } from '../ingest/src/record/report.ts';
import { insertLocks } from '../ingest/src/store/locks/locks.ts';
import { insertReports } from '../ingest/src/store/reports/batch.ts';
import { freshDatabase, type TestDatabase, testLog } from '../ingest/test/database.ts';
import { type Platform, startPlatform } from './platform.ts';

const NOBODY = '6f0a3f0e-5d1c-4b5e-9a59-2f7c63f5a0ff';
const DAY_MS = 86_400_000;
const SECRET = 'a-secret-of-at-least-128-bits-of-chance';
const LOCKS = ['JT70300001', 'JT70300002', 'JT70300003'] as const;
const [DRIVEN, LATER] = LOCKS;
const DAYS = 9;
const STEP_MS = 20 * 60_000;
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;

let database: TestDatabase;
let platform: Platform;

/** East along the road, 20 minutes a step, with a stop off it. */
function recordOf(lockId: string, seq: number): TrackedReport {
  const timeMs = nowMs - DAYS * DAY_MS + seq * STEP_MS;
  const off = seq % 100 > 60 && seq % 100 < 70 ? 0.02 : 0;
  const position = { lon: 120 + (seq % 100) * 0.001, lat: 30 + off, source: 'gnss', speedKmh: 61.25, satellites: 9 };
  const seal = { rope: 'inserted', motor: 'locked', cover: 'closed' } as const;
  const more = seq % 9 === 0 ? { events: [{ type: 'vibration' as const }] } : {};
  return {
    lockId,
    boot: 1,
    seq,
    timeMs,
    receivedMs: timeMs + 900,
    kind: 'live',
    mode: 'sealed',
    position,
    seal,
    ...more,
  };
}

const records = LOCKS.flatMap((lockId) =>
  Array.from({ length: (DAYS * DAY_MS) / STEP_MS }, (_, seq) => recordOf(lockId, seq)),
);

beforeAll(async () => {
  database = await freshDatabase({ storage: 'plain' });
  const { pool } = database;
  await insertLocks(
    pool,
    LOCKS.map((lockId) => ({ lockId, model: 'test', secretHash: hashSecret(SECRET) })),
  );
  for (let day = -DAYS; day <= 0; day += 3) await keepReports(pool, { nowMs: nowMs + day * DAY_MS, log: testLog });
  await insertReports(pool, records);
  await pool.query(`UPDATE locks SET simulated = true, max_boot = 1, max_seq = $1, last_time = $2, created_at = $3`, [
    records.at(-1)!.seq,
    new Date(records.at(-1)!.timeMs),
    new Date(nowMs - DAYS * DAY_MS),
  ]);
});
afterAll(async () => {
  await platform?.stop();
  await database?.drop();
});

async function call(method: string, path: string, body?: unknown) {
  const answer = await platform.call<Record<string, unknown>>(method, path, body);
  return answer.body;
}

async function takeOver(lockId: string, containerNo: string, daysAgo: number): Promise<string> {
  const at = (ms: number) => new Date(ms).toISOString();
  const departedMs = nowMs - daysAgo * DAY_MS;
  const { tripId } = await call('POST', '/trips', {
    declarationNo: `29212026100000${containerNo.slice(-4)}`,
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'road',
    vehicle: { tractorPlate: '浙G12345' },
    units: [{ containerNo, lockId }],
    takeover: { sealedAt: at(departedMs - 60_000), departedAt: at(departedMs) },
  });
  expect(tripId).toBeTypeOf('string');
  return String(tripId);
}

const coordinates = Array.from({ length: 101 }, (_, i) => [120 + i / 1_000, 30]);
const road = {
  type: 'Feature',
  geometry: { type: 'LineString', coordinates },
  properties: { name: 'road', halfWidthM: 200 },
};

/** Every route that reads, about a trip, its lock and days that are closed; those whose answers change by themselves are null. */
async function answers(tripId: string): Promise<Map<string, string | null>> {
  const { paths } = (await (await fetch(`${platform.app.http}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>;
  };
  const about: Record<string, string> = { tripId, lockId: DRIVEN, routeId: 'road', office: '2921' };
  const iso = (daysAgo: number) => encodeURIComponent(new Date(nowMs - daysAgo * DAY_MS).toISOString());
  const times: Record<string, string> = { from: iso(6.2), to: iso(3.2), at: iso(4.5) };
  const urls = Object.entries(paths).flatMap(([path, methods]) => {
    if (!path.startsWith('/api/v1/') || !methods.get || path.includes('/stream')) return [];
    const own = path.slice('/api/v1'.length).replaceAll(/\{([^}]+)\}/g, (_all, name: string) => about[name] ?? NOBODY);
    const asked = (methods.get.parameters ?? [])
      .filter(({ name }) => times[name])
      .map(({ name }) => `${name}=${times[name]}`);
    return [`${own}?${asked.join('&')}`, ...(asked.length > 0 ? [`${own}?`] : [])];
  });
  const all = new Map<string, string | null>();
  for (const url of urls) all.set(url, JSON.stringify(await platform.call('GET', url)));
  for (const url of urls) if (all.get(url) !== JSON.stringify(await platform.call('GET', url))) all.set(url, null);
  const whatIf = { routeId: 'road', route: road, from: new Date(nowMs - 8 * DAY_MS), to: new Date(nowMs) };
  return all.set('what-if', JSON.stringify(await platform.call('POST', '/routes/what-if', whatIf)));
}

async function listed(lockId: string): Promise<Record<string, unknown>[]> {
  const all: Record<string, unknown>[] = [];
  for (let cursor = ''; ; ) {
    const page = (await call('GET', `/locks/${lockId}/reports?limit=100${cursor}`)) as {
      items: Record<string, unknown>[];
      next?: string;
    };
    all.push(...page.items);
    if (!page.next) return all;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

/** A day that was held is empty, and dropped by a later round. */
const closed = () =>
  expect
    .poll(
      async () =>
        (await database.pool.query('SELECT 1 FROM reports WHERE time < $1', [new Date(openFromMs(nowMs))])).rows,
      { timeout: 60_000 },
    )
    .toEqual([]);

it('days that are closed are answered as before, take records late and again, and can be taken over', async () => {
  // Its day is not closed before somebody lets go of it.
  const holder = await database.pool.connect();
  await holder.query('BEGIN');
  const parts = await closableParts(database.pool, nowMs);
  for (const { name } of parts) await holder.query(`LOCK TABLE ${name} IN SHARE MODE`);
  expect(parts.length).toBeGreaterThan(5);
  platform = await startPlatform({ DATABASE_URL: database.url });
  await call('PUT', '/routes/road', road);
  const tripId = await takeOver(DRIVEN, 'CSQU3054383', 6);
  const before = await answers(tripId);
  const list = await listed(DRIVEN);
  expect(list).toHaveLength(records.length / LOCKS.length);
  await holder.query('COMMIT');
  holder.release();
  await closed();
  expect((await database.pool.query('SELECT 1 FROM report_blocks')).rows.length).toBeGreaterThan(15);
  const after = await answers(tripId);
  const stable = [...before].filter(([url, answer]) => answer !== null && after.get(url) !== null);
  expect(stable.length).toBeGreaterThan(40);
  expect(Object.fromEntries(stable.map(([url]) => [url, after.get(url)]))).toEqual(Object.fromEntries(stable));
  for (const part of ['/track?', '/reports?from', 'what-if'])
    expect(stable.map(([url]) => url).join(' ')).toContain(part);
  expect(await listed(DRIVEN)).toEqual(list);

  const client = await platform.connectLock(DRIVEN, SECRET);
  const send = ({ timeMs, receivedMs: _, lockId, ...record }: TrackedReport) =>
    client.publishAsync(
      `locks/${lockId}/report`,
      JSON.stringify({ v: 1, ...record, kind: 'backfill', time: new Date(timeMs).toISOString() }),
      { qos: 1 },
    );
  const again = recordOf(DRIVEN, 200);
  await send(again);
  const late = { ...recordOf(DRIVEN, 300), seq: 10_000, timeMs: recordOf(DRIVEN, 300).timeMs + 1_000 };
  await send(late);
  const withLate = await listed(DRIVEN);
  expect(withLate.filter(({ seq }) => seq !== 10_000)).toEqual(list);
  expect(withLate).toHaveLength(list.length + 1);

  await platform.app.stop();
  platform = await startPlatform({ DATABASE_URL: database.url });
  const inBlocks = `SELECT coalesce(sum(reports), 0)::int AS n FROM report_blocks`;
  const inRows = 'SELECT 1 FROM reports_default';
  await expect.poll(async () => (await database.pool.query(inRows)).rows.length, { timeout: 60_000 }).toBe(0);
  expect((await database.pool.query<{ n: number }>(inBlocks)).rows[0]!.n).toBeGreaterThan(list.length);
  expect(await listed(DRIVEN)).toEqual(withLate);

  const laterId = await takeOver(LATER, 'MSKU9070323', 5);
  const { points } = (await call('GET', `/trips/${laterId}/track`)) as { points: unknown[] };
  expect(points).toHaveLength(
    records.filter(({ lockId, timeMs }) => lockId === LATER && timeMs >= nowMs - 5 * DAY_MS).length,
  );
});
