import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serveBasemap } from '../../src/basemap/served.ts';
import { readConfig } from '../../src/config.ts';
import { pmtilesArchive } from '../archive.ts';
import { startPlatform, type TestPlatform } from './platform.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealwatch-basemap-'));
const archive = pmtilesArchive();
const path = join(folder, 'zhejiang.pmtiles');
let platform: TestPlatform | undefined;

beforeAll(() => {
  writeFileSync(path, archive);
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>wall</title>');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function startedWith(source?: string): Promise<TestPlatform> {
  const given = source === undefined ? {} : { SEALWATCH_BASEMAP: source, SEALWATCH_BASEMAP_ATTRIBUTION: '天地图' };
  const basemap = await serveBasemap(readConfig(given).basemap);
  platform = await startPlatform({ wallDir: folder, basemap });
  return platform;
}

/** The addresses that a browser may load a kind of thing from. */
async function allowed(kind: string): Promise<string[]> {
  const { headers } = await platform!.call('GET', '/wall', { key: null });
  const rule = String(headers['content-security-policy'])
    .split(';')
    .find((line) => line.startsWith(`${kind} `));
  return rule!.split(' ').slice(1);
}

describe('without a basemap of its own the platform', () => {
  beforeAll(() => startedWith());
  afterAll(() => platform?.stop());

  test('tells of none, serves none, and lets the pages load nothing from elsewhere', async () => {
    expect((await platform!.call('GET', 'basemap')).body).toEqual({ kind: 'offline' });
    expect((await platform!.call('GET', '/basemap/operator.pmtiles')).status).toBe(404);
    expect(await allowed('img-src')).toEqual(["'self'", 'data:', 'blob:']);
    expect(await allowed('connect-src')).toEqual(["'self'"]);
    const { headers } = await platform!.call('GET', '/wall', { key: null });
    expect(headers['referrer-policy']).toBe('no-referrer');
  });
});

describe('with a template of tiles the platform', () => {
  beforeAll(() => startedWith('https://t{0-1}.tiles.example/{z}/{x}/{y}.png?tk=1a2b3c'));
  afterAll(() => platform?.stop());

  test('tells it, key and all, to those who are signed in, and to nobody else', async () => {
    const tiles = [0, 1].map((s) => `https://t${s}.tiles.example/{z}/{x}/{y}.png?tk=1a2b3c`);
    expect((await platform!.call('GET', 'basemap')).body).toEqual({
      kind: 'tiles',
      layers: [tiles],
      attribution: '天地图',
      tone: 'light',
    });
    const stranger = await platform!.call('GET', 'basemap', { key: null });
    expect([stranger.status, stranger.text.includes('1a2b3c')]).toEqual([401, false]);
  });

  test('lets the pages load pictures from those hosts and from no others, and be named there by their origin', async () => {
    const hosts = ['https://t0.tiles.example', 'https://t1.tiles.example'];
    expect(await allowed('img-src')).toEqual(["'self'", 'data:', 'blob:', ...hosts]);
    expect(await allowed('connect-src')).toEqual(["'self'", ...hosts]);
    expect(await allowed('default-src')).toEqual(["'self'"]);
    expect(await allowed('script-src')).toEqual(["'self'"]);
    const { headers } = await platform!.call('GET', '/wall', { key: null });
    expect(headers['referrer-policy']).toBe('strict-origin');
  });
});

describe('with a PMTiles file the platform', () => {
  beforeAll(() => startedWith(path));
  afterAll(() => platform?.stop());

  test('tells what is in it, and lets the pages load nothing from elsewhere', async () => {
    expect((await platform!.call('GET', 'basemap')).body).toEqual({
      kind: 'pmtiles',
      path: '/basemap/operator.pmtiles',
      content: 'raster',
      minZoom: 0,
      maxZoom: 0,
      bounds: [-180, -85, 180, 85],
      attribution: '天地图',
      tone: 'light',
    });
    expect(await allowed('connect-src')).toEqual(["'self'"]);
  });

  test('serves it in ranges, to those who are signed in', async () => {
    const range = (bytes: string, key?: null) =>
      platform!.call('GET', '/basemap/operator.pmtiles', {
        headers: { range: bytes },
        ...(key === null ? { key } : {}),
      });
    const head = await range('bytes=0-6');
    expect([head.status, head.text, head.headers['content-range']]).toEqual([
      206,
      'PMTiles',
      `bytes 0-6/${archive.length}`,
    ]);
    expect((await range(`bytes=${archive.length}-`)).status).toBe(416);
    expect((await range('bytes=0-6', null)).status).toBe(401);
  });
});

describe('a PMTiles file that cannot be used stops the start, with what is wrong', () => {
  const served = (file: string) =>
    serveBasemap(readConfig({ SEALWATCH_BASEMAP: file, SEALWATCH_BASEMAP_ATTRIBUTION: 'x' }).basemap);
  test.each([
    ['gone', undefined, 'cannot be read (ENOENT)'],
    ['short', Buffer.from('PMTiles'), 'is not a PMTiles file of version 3'],
    ['a picture', Buffer.alloc(200, 1), 'is not a PMTiles file of version 3'],
    ['of vectors in MapLibre’s own form', pmtilesArchive({ tileType: 6 }), 'has tiles that the screens cannot draw'],
  ])('%s', async (name, content, said) => {
    const file = join(folder, `${name}.pmtiles`);
    if (content) writeFileSync(file, content);
    await expect(served(file)).rejects.toThrow(said);
  });
});
