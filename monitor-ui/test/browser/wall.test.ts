import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FeedPassage } from '@sealwatch/schemas';
import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startFakePlatform } from '../fake/platform.ts';
import { keepPicture, newView, sharedChromium } from './chromium.ts';

const PATIENCE = { timeout: 180_000 };
/** A picture taken of a map that is drawn in software costs as much as drawing it. */
const LOOKING = { ...PATIENCE, interval: 500 };
/** The demo's truck that leaves the road in these tests. */
const TRUCK = 17;

/** The screens as an installation has them; built before the run. */
const dist = fileURLToPath(new URL('../../dist', import.meta.url));
let browser: Browser;
let fake: Awaited<ReturnType<typeof startFakePlatform>>;
let outside: string[];
let complaints: string[];

beforeAll(async () => {
  browser = await sharedChromium();
});
beforeEach(async () => {
  fake = await startFakePlatform({
    dist,
    road: new URL('../fixtures/road-yiwu-beilun.geojson', import.meta.url),
    tickMs: 500,
  });
  outside = [];
  complaints = [];
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await fake.close();
  expect(outside).toEqual([]);
  expect(complaints).toEqual([]);
});

/** Alarms raised and disposed of in the compressed day. */
const DAY = process.env.SEALWATCH_DEEP ? 6_000 : 100;

const LARGE = { width: 960, height: 540 };
/** For tests that read what the page says, not what the map shows. */
const SMALL = { width: 640, height: 360 };

async function open({ path = '/wall', locale = 'zh-CN', size = SMALL } = {}): Promise<Page> {
  const page = await (await newView(browser, { ...size, locale, reducedMotion: 'reduce' })).newPage();
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(fake.url) && !/^(blob|data):/.test(url)) outside.push(url);
  });
  page.on('console', (message) => {
    // That the connection was lost is the matter of some of these tests, and the browser says so by itself.
    const expected = /WebSocket connection|ERR_CONNECTION|401 \(Unauthorized\)/.test(message.text());
    if (message.type() === 'error' && !expected) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(fake.url + path);
  return page;
}

const count = (page: Page, key: string) => page.locator(`[data-count="${key}"] dd`);

const passageOf = (n: number): FeedPassage => ({
  passageId: `passage-${n}`,
  gateId: 'daxie-gate',
  gateName: '大榭卡口',
  gateLane: '1',
  direction: 'in',
  at: new Date(Date.now() + n).toISOString(),
  plate: '浙G12345',
  verdict: 'release',
  code: 'Y',
  lane: 'fast',
  reasons: [],
  writtenOff: true,
  display: '放行',
  decidedInMs: 8,
});

/** A truck leaves the road: provisional at once, confirmed a moment later. */
function leave() {
  const alarm = fake.world.leave(TRUCK, 1_800, 9, Date.now());
  fake.changeAlarm(alarm);
  return {
    alarm,
    plate: fake.world.trucks[TRUCK]!.trip.vehicle.tractorPlate,
    confirm: () => {
      fake.world.trucks[TRUCK]!.status = 'red';
      Object.assign(alarm, { state: 'open', confirmedAt: new Date().toISOString() });
      fake.changeAlarm({ ...alarm });
    },
  };
}

type Ink = 'red' | 'corridor';

let reader: Page | undefined;

/** Share of the pixels in a picture that have the colour of red trucks or of planned corridors, read on a page of its own. */
async function shareOf(ink: Ink, png: Buffer): Promise<number> {
  if (!reader || reader.isClosed()) reader = await (await newView(browser)).newPage();
  return reader.evaluate(
    async ([base64, ink]) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const draw = new OffscreenCanvas(image.width, image.height).getContext('2d');
      draw?.drawImage(image, 0, 0);
      const { data } = draw!.getImageData(0, 0, image.width, image.height);
      let found = 0;
      for (let i = 0; i < data.length; i += 4) {
        const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
        if (ink === 'red' ? r > 180 && g < 90 && b < 110 : r < 90 && g > 110 && b > 150) found++;
      }
      return (found * 4) / data.length;
    },
    [png.toString('base64'), ink] as const,
  );
}

/** The same, in the square around the truck looked at. */
async function aroundTruck(page: Page, ink: Ink, reachPx: number): Promise<number> {
  const at = (await page.locator('.tag.chosen').boundingBox(PATIENCE))!;
  const clip = { x: at.x - reachPx, y: at.y - reachPx, width: 2 * reachPx, height: 2 * reachPx };
  return shareOf(ink, await page.screenshot({ clip, ...PATIENCE }));
}

/** The camera leaves a new red truck by itself after 30 s, in which a busy machine may draw nothing; one chosen by key it keeps. */
const stayThere = (page: Page) => page.keyboard.press('j');

// In software a page takes its time to draw, more so on a busy machine.
describe('the wall', () => {
  it('shows a truck that leaves the route in red at once, with its card, by itself', async () => {
    const page = await open({ size: LARGE });
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
    await expect.poll(() => count(page, 'red').textContent(), PATIENCE).toBe('0');
    expect(await page.locator('[data-card]').count()).toBe(0);

    expect(await page.locator('.maplibregl-ctrl-attrib').textContent()).toContain('用软件绘图');
    const { alarm, plate, confirm } = leave();
    const card = page.locator(`[data-card="${alarm.alarmId}"]`);
    await card.waitFor(PATIENCE);
    expect(await card.textContent()).toContain(plate);
    expect(await card.textContent()).toContain('疑似，待确认');
    confirm();
    await expect.poll(() => card.textContent(), PATIENCE).toContain('待处置');
    expect(await card.textContent()).toContain('1.8 km');
    expect(await card.locator('a[href^="tel:"]').allTextContents()).toEqual(['0000-2921', '0000-3104']);
    await expect.poll(() => count(page, 'red').textContent(), PATIENCE).toBe('1');
    expect(await page.locator('[data-alarm]').first().getAttribute('data-alarm')).toBe(alarm.alarmId);
    expect(await page.locator('[data-step]').count()).toBe(5);

    const tag = page.locator('.tag.chosen');
    await tag.waitFor({ state: 'attached', ...PATIENCE });
    await stayThere(page);
    await expect.poll(() => aroundTruck(page, 'red', 15), LOOKING).toBeGreaterThan(0.2);
    await keepPicture(page, 'wall-red.zh-CN');
  });

  it('takes an acknowledgement by keyboard and shows the name on another screen', async () => {
    const [one, other] = await Promise.all([open(), open({ locale: 'en' })]);
    await expect.poll(() => count(one, 'inTransit').textContent(), PATIENCE).toBe('40');
    await expect.poll(() => count(other, 'inTransit').textContent(), PATIENCE).toBe('40');
    const { alarm, confirm } = leave();
    confirm();
    await one.locator(`[data-card="${alarm.alarmId}"] .main:enabled`).waitFor(PATIENCE);
    await one.keyboard.press('a');
    const row = other.locator(`[data-alarm="${alarm.alarmId}"]`);
    await expect.poll(() => row.textContent(), PATIENCE).toContain('Acknowledged · 陈伟');
    await expect.poll(() => other.locator('.edge').count(), PATIENCE).toBe(0);
  });

  it('asks for a snapshot after a gap', async () => {
    const page = await open();
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
    expect(fake.state.resyncs).toBe(0);
    fake.lose();
    await expect.poll(() => fake.state.resyncs, PATIENCE).toBeGreaterThan(0);
    await expect.poll(() => page.locator('[data-link]').count(), PATIENCE).toBe(0);
  });

  it('never shows old data as new: says it when the feed falls silent, and when it is back', async () => {
    const page = await open();
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
    fake.state.silent = true;
    const banner = page.locator('[data-link]');
    await expect.poll(() => banner.allTextContents(), PATIENCE).toEqual([expect.stringContaining('未更新')]);
    fake.state.silent = false;
    await expect.poll(() => banner.count(), PATIENCE).toBe(0);
  });

  it('survives the loss of the graphics: says so, and draws map and trucks again', async () => {
    const page = await open({ size: LARGE });
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
    leave().confirm();
    const tag = page.locator('.tag.chosen');
    await tag.waitFor({ state: 'attached', ...PATIENCE });
    await stayThere(page);
    const drawn = async () => {
      await expect.poll(() => aroundTruck(page, 'red', 15), LOOKING).toBeGreaterThan(0.2);
      await expect.poll(() => aroundTruck(page, 'corridor', 80), LOOKING).toBeGreaterThan(0.005);
    };
    await drawn();
    await page.evaluate(() => {
      const contexts = [...document.querySelectorAll<HTMLCanvasElement>('.map canvas')].map(
        (canvas) => canvas.getContext('webgl2')!.getExtension('WEBGL_lose_context')!,
      );
      Object.assign(window, { contexts });
      for (const context of contexts) context.loseContext();
    });
    await page.locator('.dark').waitFor(PATIENCE);
    await page.evaluate(() => {
      for (const context of (window as unknown as { contexts: { restoreContext(): void }[] }).contexts)
        context.restoreContext();
    });
    await expect.poll(() => page.locator('.dark').count(), PATIENCE).toBe(0);
    await drawn();
  });

  it('keeps heap and document constant over a compressed day of alarms, passages and positions', async () => {
    const page = await open();
    const cdp = await page.context().newCDPSession(page);
    const size = async () => {
      await cdp.send('HeapProfiler.collectGarbage');
      const { usedSize } = await cdp.send('Runtime.getHeapUsage');
      const { nodes } = await cdp.send('Memory.getDOMCounters');
      return { heapMb: usedSize / 1e6, nodes };
    };
    let n = 0;
    const pass = async (alarms: number) => {
      while (alarms > 0) {
        const raised = Array.from({ length: 25 }, () => {
          n++;
          fake.passage(passageOf(n));
          const alarm = fake.world.raise(n % 40, 'route.deviation', 'critical', 'latched');
          fake.changeAlarm(alarm);
          return alarm;
        });
        const last = page.locator(`[data-alarm="${raised.at(-1)!.alarmId}"]`);
        await last.waitFor({ state: 'attached', ...PATIENCE });
        fake.tick(400);
        for (const alarm of raised) fake.changeAlarm({ ...alarm, state: 'disposed', active: false });
        await last.waitFor({ state: 'detached', ...PATIENCE });
        for (const { alarmId } of raised) fake.world.alarms.delete(alarmId);
        alarms -= raised.length;
      }
    };
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
    await pass(25);
    const before = await size();
    await pass(DAY);
    const after = await size();
    expect(after.heapMb).toBeLessThan(before.heapMb + 3);
    // Cards and lists come and go; an alarm that stayed would leave some thirty nodes.
    expect(after.nodes).toBeLessThan(before.nodes + 1_500);
  });

  it('loads itself again when the platform was built anew', async () => {
    const page = await open();
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
    await page.evaluate(() => {
      document.title = 'before';
    });
    fake.state.build = 'build-2';
    fake.cut();
    await expect.poll(() => page.title(), PATIENCE).not.toBe('before');
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
  });

  it('sends who is not signed in to the sign-in page, and back to the wall', async () => {
    fake.state.signedIn = false;
    const page = await open();
    await page.waitForURL(`${fake.url}/sign-in`, PATIENCE);
    await page.fill('[name="name"]', '陈伟');
    await page.fill('[name="password"]', 'a long one');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${fake.url}/wall`, PATIENCE);
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
  });
});

describe('the first load of the wall', () => {
  it('takes at most 600 kB of script and 1.5 MB of base map, gzipped, and nothing of the consoles', async () => {
    const page = await open({ path: '/sign-in' });
    const loaded = new Set<string>();
    page.on('request', (request) => loaded.add(new URL(request.url()).pathname));
    await page.goto(`${fake.url}/wall`);
    await expect.poll(() => count(page, 'inTransit').textContent(), PATIENCE).toBe('40');
    await expect.poll(() => [...loaded].some((path) => path.includes('worker')), PATIENCE).toBe(true);
    const scripts = [...loaded].filter((path) => /\.m?js$/.test(path));
    expect(scripts.filter((path) => /Console|TripsPage|GatePage/.test(path))).toEqual([]);
    const bytes = (paths: string[]) =>
      paths.reduce((sum, path) => sum + gzipSync(readFileSync(join(dist, path))).length, 0);
    expect(bytes(scripts)).toBeGreaterThan(200_000);
    expect(bytes(scripts)).toBeLessThanOrEqual(600_000);
    expect(bytes(readdirSync(join(dist, 'basemap')).map((name) => `basemap/${name}`))).toBeLessThanOrEqual(1_500_000);
  });
});
