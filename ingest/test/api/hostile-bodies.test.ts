import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import * as readRoute from '../../src/roads/read-route.ts';
import { addGate, ROUTE, startPlatform, type TestPlatform } from './platform.ts';

vi.mock('../../src/roads/read-route.ts', { spy: true });

let platform: TestPlatform;
let url: string;
beforeAll(async () => {
  platform = await startPlatform();
  url = await platform.api.listen({ host: '127.0.0.1', port: 0 });
  await addGate(platform);
  expect((await send('routes/check', JSON.stringify(ROUTE), 'application/json', 'supervisor')).status).toBe(200);
});
afterAll(() => platform?.stop());

const keys = new Map<string, Promise<string>>();
async function send(path: string, body: string | Buffer, type: string, who: string) {
  const key = keys.get(who) ?? platform.key(who as 'supervisor');
  keys.set(who, key);
  const headers = { authorization: `Bearer ${await key}`, 'content-type': type };
  const method = path.startsWith('places/') ? 'PUT' : 'POST';
  return fetch(`${url}/api/v1/${path}`, { method, headers, body });
}

const MB = 1024 * 1024;
const GPX = 'application/gpx+xml';
const KML = 'application/vnd.google-earth.kml+xml';
const JSON_TYPE = 'application/json';
const GEOJSON = 'application/geo+json';
const filled = (unit: string, bytes: number) => unit.repeat(Math.ceil(bytes / unit.length)).slice(0, bytes);
const attributes = (n: number) => Array.from({ length: n }, (_, i) => ` a${i}="1"`).join('');
const members = (n: number) => `{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join(',')}}`;

/** Bodies that cost much for their size, and the status that answers them. */
const HOSTILE: [name: string, path: string, type: string, body: () => string, status: number[]][] = [
  ['GPX with 700,000 attributes', 'routes/check', GPX, () => `<gpx${attributes(700_000)}/>`, [422]],
  ['16 MB of [ as JSON', 'routes/check', JSON_TYPE, () => filled('[', 16 * MB), [422]],
  ['16 MB of [ as GeoJSON', 'routes/check', GEOJSON, () => filled('[', 16 * MB), [422]],
  ['16 MB of [ in a what-if', 'routes/what-if', JSON_TYPE, () => `{"route":${filled('[', 16 * MB - 10)}`, [422]],
  ['16 MB of empty objects', 'routes/check', JSON_TYPE, () => `[${filled('{},', 6 * MB)}{}]`, [422]],
  ['a million members', 'routes/check', JSON_TYPE, () => members(1_000_000), [422]],
  ['deep XML', 'routes/check', KML, () => filled('<a>', 2 * MB), [422]],
  ['one huge attribute', 'routes/check', GPX, () => `<gpx a="${filled('x', 4 * MB)}"/>`, [422]],
  [
    'many GPX points without a place',
    'routes/check',
    GPX,
    () => `<gpx><trk><trkseg>${filled('<trkpt/>', 2 * MB)}`,
    [422],
  ],
  [
    '180,000 points',
    'routes/check',
    JSON_TYPE,
    () =>
      JSON.stringify({
        ...ROUTE,
        geometry: {
          type: 'MultiLineString',
          coordinates: [Array(90_000).fill([120, 29]), Array(90_000).fill([120, 29])],
        },
      }),
    [200],
  ],
  ['1 MB of [ where a trip is declared', 'trips', JSON_TYPE, () => filled('[', MB), [422]],
  [
    '1 MB of items where a gate asks',
    'gates/daxie-1/passages',
    JSON_TYPE,
    () => `{"containers":[${filled('1,', MB - 100)}1]}`,
    [422],
  ],
  ['200,000 members where a place is put', 'places/p', JSON_TYPE, () => members(80_000), [422]],
  ['8 MB of locks', 'locks/import', JSON_TYPE, () => `{"locks":[${filled('{},', 8 * MB - 100)}{}]}`, [422]],
  ['a gate message of 128 KB of attributes', 'jgs/14', 'text/xml', () => `<A${attributes(10_000)}/>`, [400]],
  ['a gate message of deep XML', 'jgs/14', 'text/xml', () => filled('<a>', 120 * 1024), [400]],
];

describe('a hostile body', () => {
  test.each(HOSTILE)('%s is answered, and others meanwhile', async (_name, path, type, body, status) => {
    const text = Buffer.from(body());
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    let done = false;
    const hostile = send(path, text, type, 'supervisor').finally(() => (done = true));
    let others = 0;
    while (!done) {
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      others++;
    }
    const answer = await hostile;
    delay.disable();
    if (process.env.SEALWATCH_SAY) console.log(_name, answer.status, others, 'longest turn ms', delay.max / 1e6);
    expect(status).toContain(answer.status);
  });

  test('six at once from one caller are answered one after the other, and another caller is not kept waiting', async () => {
    const text = `<gpx>${filled('<wpt a="1" b="2"/>', MB)}</gpx>`;
    const order: string[] = [];
    const hostile = Array.from({ length: 6 }, async (_, i) => {
      const answer = await send('routes/check', text, GPX, 'supervisor');
      order.push(`hostile ${i}`);
      expect([422, 429]).toContain(answer.status);
    });
    const other = send('routes/check', JSON.stringify(ROUTE), JSON_TYPE, 'operator').then((answer) => {
      order.push('other');
      expect(answer.status).toBe(200);
    });
    await Promise.all([...hostile, other]);
    expect(order.indexOf('other')).toBeLessThan(5);
  });

  test('is never parsed by the thread that answers', () => {
    expect(readRoute.readRoute).not.toHaveBeenCalled();
  });
});
