import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Trip } from '@sealwatch/schemas';
import type { MqttClient } from 'mqtt';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPool, urlOf } from '../ingest/src/postgres/database.ts';
import { type EmbeddedServer, startEmbedded } from '../ingest/src/postgres/embedded/embedded.ts';
import { newView, sharedChromium } from '../monitor-ui/test/browser/chromium.ts';
import { type Platform, startPlatform } from './platform.ts';

const PATIENCE = { timeout: 180_000 };
const LOCK = 'JT70190002';
const DOWN = '数据库中断，报文暂未入库';
/** Straight east for some 39 km; the truck drives it at 100 km/h and reports every 30 s. */
const LINE: [number, number][] = [
  [120, 29.3],
  [120.4, 29.3],
];
const STEP_DEG = 0.00858;
/** 1.5 km beside the road. */
const OFF_DEG = 0.0135;
const REPORT_MS = 30_000;
/** The last of the truck's reports is of about now. */
const startMs = Date.now() - 20 * REPORT_MS;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

// A server of its own, because it is stopped here.
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-outage-'));
let server: EmbeddedServer;
let platform: Platform;
let browser: Browser;
let lock: MqttClient;

async function must<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await platform.call<T>(method, path, body);
  expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body;
}

beforeAll(async () => {
  chmodSync(folder, 0o711);
  const settings = { fsync: 'off', shared_buffers: '32MB' };
  [server, browser] = await Promise.all([startEmbedded({ dataDir: folder, log: silent, settings }), sharedChromium()]);
  platform = await startPlatform({ DATABASE_URL: urlOf(server, server.user, server.database) });
  const properties = {
    name: '向东',
    halfWidthM: 200,
    origin: { name: '义乌', center: LINE[0], radiusM: 500 },
    destination: { name: '大榭', center: LINE[1], radiusM: 800 },
  };
  await must('PUT', '/routes/east', {
    type: 'Feature',
    geometry: { type: 'LineString', coordinates: LINE },
    properties,
  });
  const { secret } = await must<{ secret: string }>('POST', '/locks', {
    lockId: LOCK,
    model: 'JT701D',
    simulated: true,
  });
  await must<Trip>('POST', '/trips', {
    declarationNo: '292120260900000002',
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'east',
    vehicle: { tractorPlate: '浙G90002' },
    units: [{ containerNo: 'MSKU9070323', lockId: LOCK }],
    takeover: {
      sealedAt: new Date(startMs - REPORT_MS).toISOString(),
      departedAt: new Date(startMs).toISOString(),
    },
  });
  lock = await platform.connectLock(LOCK, secret);
});
afterAll(async () => {
  for (const context of browser?.contexts() ?? []) await context.close();
  await platform?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Resolves when the platform has acknowledged the reports, i.e. when they are in the database. */
function publish(from: number, to: number, offDeg = 0): Promise<unknown> {
  const reports = Array.from({ length: to - from }, (_, i) => ({
    v: 1,
    boot: 1,
    seq: from + i + 1,
    time: new Date(startMs + (from + i) * REPORT_MS).toISOString(),
    kind: 'live',
    mode: 'sealed',
    position: {
      lon: LINE[0]![0] + (from + i) * STEP_DEG,
      lat: LINE[0]![1] + offDeg,
      accuracyM: 5,
      speedKmh: 100,
      headingDeg: 90,
      source: 'gnss',
    },
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 7 },
    battery: { percent: 80, charging: false },
  }));
  return lock.publishAsync(`locks/${LOCK}/report`, JSON.stringify(reports), { qos: 1 });
}

/** The server's process and all that serve connections. */
async function processes(): Promise<number[]> {
  const pool = createPool({ connectionString: urlOf(server, server.user, server.database) }, silent);
  const { rows } = await pool.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
  await pool.end();
  return [server.pid, ...rows.map(({ pid }) => pid)];
}

const count = (page: Page, key: string) => page.locator(`[data-count="${key}"] dd`).textContent(PATIENCE);

it('a database that stops is said on the wall at once, though nobody reports; when it is back the wall goes on, and a truck that then leaves its road turns red', async () => {
  await publish(0, 5);
  const page = await (await newView(browser, { width: 960, height: 540, reducedMotion: 'reduce' })).newPage();
  await page.goto(await platform.app.signInLink('王芳', 'operator'));
  await expect.poll(() => count(page, 'green'), PATIENCE).toBe('1');
  const banner = page.locator('.notice');
  await expect.poll(() => banner.count(), PATIENCE).toBe(0);

  const stopped = await processes();
  for (const pid of stopped) process.kill(pid, 'SIGSTOP');
  let kept = false;
  let keeping: Promise<unknown> | undefined;
  try {
    await banner.filter({ hasText: DOWN }).waitFor(PATIENCE);
    expect(await banner.textContent()).toMatch(/画面停在 \d\d:\d\d.*未更新/);
    await page.locator('.top.stale').waitFor(PATIENCE);
    const ready = await fetch(`${platform.app.http}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('database: ')]);
    keeping = publish(5, 8).then(() => {
      kept = true;
    });
    // Time goes on on the wall, and the lock hears nothing.
    const said = await banner.textContent();
    await expect.poll(() => banner.textContent(), PATIENCE).not.toBe(said);
    expect(kept).toBe(false);
  } finally {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
  }
  await keeping;
  await expect.poll(() => banner.count(), PATIENCE).toBe(0);
  await expect.poll(() => page.locator('.top.stale').count(), PATIENCE).toBe(0);
  expect([await count(page, 'green'), await count(page, 'red')]).toEqual(['1', '0']);

  await publish(8, 18, OFF_DEG);
  await expect.poll(() => count(page, 'red'), PATIENCE).toBe('1');
  const card = page.locator('[data-card]');
  await card.waitFor(PATIENCE);
  expect(await card.textContent()).toContain('浙G90002');
});
