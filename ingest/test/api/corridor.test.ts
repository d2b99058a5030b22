import { booleanClockwise, booleanPointInPolygon } from '@turf/turf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addRoute, startPlatform, type TestPlatform } from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
});
afterAll(() => platform?.stop());

const routeOf = (coordinates: [number, number][], properties: object = {}) => ({
  type: 'Feature',
  geometry: { type: 'LineString', coordinates },
  properties: { name: 'A – B', crs: 'WGS84', ...properties },
});
const east: [number, number][] = [
  [120, 30],
  [120.2, 30],
];

test('the corridor of a version is GeoJSON of its own widths; a later version changes the newest only', async () => {
  await platform.call('PUT', 'routes/wide', { body: routeOf(east, { halfWidthM: 500 }) });
  const legs = [{ fromM: 0, toM: 5_000, halfWidthM: 50 }];
  await platform.call('PUT', 'routes/wide', { body: routeOf(east, { halfWidthM: 500, legs }) });
  const first = await platform.call('GET', 'routes/wide/corridor?version=1');
  const newest = await platform.call('GET', 'routes/wide/corridor');
  expect(first.status).toBe(200);
  expect(first.headers['content-type']).toMatch(/^application\/geo\+json/);
  expect(first.body).toMatchObject({ type: 'Feature', properties: { routeId: 'wide', version: 1, name: 'A – B' } });
  const [before, now] = [first, newest].map(
    ({ body }) => body.geometry as { type: 'Polygon'; coordinates: [number, number][][] },
  );
  expect(booleanClockwise(before!.coordinates[0]!)).toBe(false);
  // 220 m beside the first kilometre: inside of 500 m, outside of 50 m.
  expect(booleanPointInPolygon([120.01, 30.002], before!)).toBe(true);
  expect(booleanPointInPolygon([120.01, 30.002], now!)).toBe(false);
  expect(booleanPointInPolygon([120.15, 30.002], now!)).toBe(true);
});

test('a corridor that nobody can draw is refused by name; the route itself is not', async () => {
  const north = routeOf([
    [10, 85],
    [12, 85],
  ]);
  expect((await platform.call('PUT', 'routes/north', { body: north })).status).toBe(201);
  const answer = await platform.call('GET', 'routes/north/corridor');
  expect([answer.status, answer.body.code]).toEqual([422, 'route.no-corridor']);
  expect(answer.body.errors[0]?.message).toMatch(/beyond 80° of latitude/);
  expect((await platform.call('GET', 'routes/nowhere/corridor')).body.code).toBe('route.not-found');
});

test('a check warns of the shape with its place and kilometre, and has the corridor', async () => {
  const spiked: [number, number][] = [
    [120, 30],
    [120.1, 30],
    [120.1, 30.004],
    [120.1, 30],
    [120.2, 30],
  ];
  const { body } = await platform.call('POST', 'routes/check', { body: routeOf(spiked) });
  expect(body.ok).toBe(true);
  const warnings = body.warnings as { path: string; at?: number[]; shape?: { kind: string; alongM: number } }[];
  const found = warnings.filter(({ shape }) => shape);
  expect(found).toMatchObject([
    {
      path: 'geometry.coordinates.2',
      at: [120.1, 30.004],
      shape: { kind: 'spike', alongM: expect.closeTo(10_075, -2) },
    },
  ]);
  expect(body.corridor).toMatchObject({ type: 'Polygon' });
});

test('a place is refused with field, value and expectation where its rings cross, and is kept wound right', async () => {
  const place = (ring: [number, number][]) => ({
    type: 'Feature',
    geometry: { type: 'Polygon', coordinates: [ring] },
    properties: { name: '禁区', kind: 'restricted' },
  });
  const bowTie: [number, number][] = [
    [120, 30],
    [121, 31],
    [121, 30],
    [120, 31],
    [120, 30],
  ];
  const refused = await platform.call('PUT', 'places/zone', { body: place(bowTie) });
  expect([refused.status, refused.body.code]).toEqual([422, 'request.invalid']);
  expect(refused.body.errors[0]).toMatchObject({
    path: 'geometry.coordinates[0][0]',
    value: [120.5, 30.5],
    expected: 'rings that meet neither themselves nor each other',
  });
  const clockwise: [number, number][] = [
    [120, 30],
    [120, 31],
    [121, 31],
    [121, 30],
    [120, 30],
  ];
  await platform.call('PUT', 'places/zone', { body: place(clockwise) });
  const kept = (await platform.call('GET', 'places/zone')).body.geometry as { coordinates: [number, number][][] };
  expect(kept.coordinates[0]).toEqual([...clockwise].reverse());
});
