import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { PIXEL_PNG, pmtilesArchive, WATER_MVT } from '../ingest/test/archive.ts';
import { INK } from '../monitor-ui/src/map/ink.ts';
import { newView, sharedChromium } from '../monitor-ui/test/browser/chromium.ts';
import { type Platform, startPlatform } from './platform.ts';

const PATIENCE = { timeout: 180_000 };
/** A picture taken of a map that is drawn in software costs as much as drawing it. */
const LOOKING = { ...PATIENCE, interval: 500 };
const CREDIT = '某某地图 审图号 GS(2026)0000号';
const AWAY = '在线底图暂不可用，当前为内置底图';

const folder = mkdtempSync(join(tmpdir(), 'sealwatch-basemap-'));
let browser: Browser;
let platform: Platform | undefined;
let tiles: Server;
let tilesAt: string;
const asked: string[] = [];

beforeAll(async () => {
  browser = await sharedChromium();
  tiles = createServer((request, response) => {
    asked.push(`${request.headers.referer} ${request.url}`);
    response.writeHead(200, { 'content-type': 'image/png', 'access-control-allow-origin': '*' }).end(PIXEL_PNG);
  });
  await new Promise<void>((resolve) => tiles.listen(0, '127.0.0.1', resolve));
  tilesAt = `http://127.0.0.1:${(tiles.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await platform?.stop();
});
afterAll(async () => {
  tiles?.close();
  rmSync(folder, { recursive: true });
});

async function openWall(
  source: string,
  before?: (page: Page) => Promise<unknown>,
): Promise<{ page: Page; elsewhere: Set<string> }> {
  platform = await startPlatform({
    SEALWATCH_BASEMAP: source,
    SEALWATCH_BASEMAP_ATTRIBUTION: CREDIT,
    SEALWATCH_BASEMAP_TONE: 'dark',
  });
  const page = await (await newView(browser, { width: 640, height: 480, reducedMotion: 'reduce' })).newPage();
  await before?.(page);
  const elsewhere = new Set<string>();
  page.on('request', (request) => {
    const { origin } = new URL(request.url());
    if (/^http/.test(origin) && origin !== platform?.app.http) elsewhere.add(origin);
  });
  await page.goto(await platform.app.signInLink('王芳', 'operator'));
  return { page, elsewhere };
}

const credits = (page: Page) => page.locator('.maplibregl-ctrl-attrib').textContent(PATIENCE);

const colourOf = (ink: string) => [1, 3, 5].map((at) => Number.parseInt(ink.slice(at, at + 2), 16));

/** The colour in the middle of the map, which is land: red, green, blue. */
async function middle(page: Page): Promise<[number, number, number]> {
  const png = (await page.screenshot({ clip: { x: 300, y: 200, width: 8, height: 8 } })).toString('base64');
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const draw = new OffscreenCanvas(8, 8).getContext('2d');
    draw?.drawImage(image, 0, 0);
    const [red, green, blue] = draw!.getImageData(4, 4, 1, 1).data;
    return [red!, green!, blue!];
  }, png);
}

/** Whether the picture that every tile is made of is seen there. */
async function isDrawn(page: Page): Promise<boolean> {
  const [red, green, blue] = await middle(page);
  return red > 120 && green < 60 && blue > 120;
}

it('draws the tiles of the operator, credits them and asks no other host; without them it says so, on the bundled map', async () => {
  const { page, elsewhere } = await openWall(`${tilesAt}/{z}/{x}/{y}.png`);
  await expect.poll(() => isDrawn(page), LOOKING).toBe(true);
  expect(await credits(page)).toContain(CREDIT);
  expect(await credits(page)).toContain('Natural Earth');
  expect(await credits(page)).not.toContain(AWAY);
  expect([...elsewhere]).toEqual([tilesAt]);
  expect(asked[0]).toMatch(new RegExp(`^${platform?.app.http}/ /\\d+/\\d+/\\d+.png$`));

  tiles.close();
  tiles.closeAllConnections();
  await page.reload();
  await expect.poll(() => credits(page), PATIENCE).toContain(AWAY);
  expect((await credits(page))?.split(AWAY)).toHaveLength(2);
  expect(await isDrawn(page)).toBe(false);
  expect(await page.locator('.failed').count()).toBe(0);
});

it('draws a PMTiles file that the platform serves, and asks nobody else', async () => {
  const file = join(folder, 'world.pmtiles');
  writeFileSync(file, pmtilesArchive());
  const { page, elsewhere } = await openWall(file);
  await expect.poll(() => isDrawn(page), LOOKING).toBe(true);
  expect(await credits(page)).toContain(CREDIT);
  expect([...elsewhere]).toEqual([]);
});

it('draws a PMTiles file of vectors above the bundled land', async () => {
  const file = join(folder, 'water.pmtiles');
  writeFileSync(file, pmtilesArchive({ tileType: 1, tile: WATER_MVT }));
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { page } = await openWall(file, (opened) =>
    opened.route('**/operator.pmtiles', (route) => released.then(() => route.continue())),
  );
  await expect.poll(() => middle(page), LOOKING).toEqual(colourOf(INK.land));
  release();
  await expect.poll(() => middle(page), LOOKING).toEqual(colourOf(INK.sea));
  expect(await credits(page)).toContain(CREDIT);
});
