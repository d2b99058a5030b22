import type { Alarm, Route, TrackPoint } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { MapData } from '../src/map/map-data.ts';
import { corridorFeatures, flatDistanceM, placeFeatures } from '../src/map/overlays.ts';
import { farthest, splitTrail, trailFeatures } from '../src/map/trail.ts';

const road: [number, number][] = Array.from({ length: 21 }, (_, i) => [120 + i * 0.01, 29]);
const route = (properties: Partial<Route['properties']> = {}): Route => ({
  type: 'Feature',
  geometry: { type: 'LineString', coordinates: road },
  properties: { name: 'r', crs: 'WGS84', halfWidthM: 200, allowedStops: [], requiredPoints: [], ...properties },
});

it('draws a route as a line and, below it, its corridor once the platform has computed it', () => {
  const corridor = { type: 'Polygon' as const, coordinates: [[...road, road[0]!]] };
  const shown = corridorFeatures([route(), { ...route(), corridor }]).features;
  expect(shown.map(({ properties, geometry }) => [properties.kind, geometry.type])).toEqual([
    ['area', 'Polygon'],
    ['line', 'LineString'],
    ['line', 'LineString'],
  ]);
  expect(shown[0]?.geometry).toBe(corridor);
});

it('puts the sign of a place inside of it, also where its middle is outside', () => {
  const horseshoe: [number, number][] = [
    [0, 0],
    [0.5, 0],
    [0.5, 0.5],
    [0.4, 0.5],
    [0.4, 0.1],
    [0.1, 0.1],
    [0.1, 0.5],
    [0, 0.5],
    [0, 0],
  ];
  const place = {
    placeId: 'u',
    type: 'Feature' as const,
    geometry: { type: 'Polygon' as const, coordinates: [horseshoe] },
    properties: { name: '堆场', kind: 'yard' as const },
  };
  const sign = placeFeatures([place], []).features.find(({ geometry }) => geometry.type === 'Point')!;
  const [x, y] = sign.geometry.coordinates as [number, number];
  expect(x <= 0.1 || x >= 0.4 || y <= 0.1).toBe(true);
});

it('draws a stop in its true radius', () => {
  const stop = { name: '服务区', center: [120.1, 60] as [number, number], radiusM: 300 };
  const { geometry } = placeFeatures([], [route({ allowedStops: [stop] })]).features[0]!;
  const ring = (geometry.coordinates as number[][][])[0]!;
  for (const at of ring) expect(flatDistanceM(at, stop.center)).toBeCloseTo(300, -1);
});

it('shows each place once, the platform’s own before what a route names', () => {
  const stop = { name: '新昌服务区', center: [120.1, 29] as [number, number], radiusM: 200 };
  const place = {
    placeId: 'p',
    type: 'Feature' as const,
    geometry: {
      type: 'Polygon' as const,
      coordinates: [
        [
          [0, 0],
          [1, 0],
          [1, 1],
          [0, 0],
        ] as [number, number][],
      ],
    },
    properties: { name: '新昌服务区', kind: 'service-area' as const },
  };
  const { features } = placeFeatures([place], [route({ allowedStops: [stop] }), route({ allowedStops: [stop] })]);
  expect(features.map((f) => f.properties?.id)).toEqual(['p', 'p']);
});

describe('a deviation as it happened', () => {
  const start = Date.parse('2026-11-21T03:00:00.000Z');
  // Out to 0.02° north of the road and back, one point a minute.
  const track: TrackPoint[] = Array.from({ length: 21 }, (_, i) => ({
    lockId: 'L',
    time: new Date(start + i * 60_000).toISOString(),
    lon: 120 + i * 0.01,
    lat: 29 + (i >= 5 && i <= 15 ? 0.02 * Math.sin(((i - 5) / 10) * Math.PI) : 0),
  }));
  const alarm: Alarm = {
    alarmId: 'a',
    lockId: 'L',
    rule: 'route.deviation',
    kind: 'latched',
    severity: 'critical',
    state: 'returned',
    active: true,
    lastInsideAt: track[5]!.time,
    startedAt: track[6]!.time,
    endedAt: track[15]!.time,
    raisedAt: track[7]!.time,
    maxDistanceM: 2_226,
    detectedLate: false,
    evidence: {},
  };
  const words = { left: () => 'left', farthest: (m: number) => `far ${m}`, back: () => 'back' };

  it('is the part of the track between leaving and coming back, with its three marks', () => {
    const { features } = trailFeatures(track, [alarm], [road], words);
    const red = features.find((f) => f.properties?.kind === 'deviation');
    expect(red?.geometry.type === 'LineString' && red.geometry.coordinates).toHaveLength(11);
    const marks = features.filter((f) => f.properties?.kind === 'mark');
    expect(marks.map((f) => f.properties?.text)).toEqual(['left', 'far 2226', 'back']);
  });

  it('grows on the map without setting its unchanged marks again', () => {
    const applied: string[] = [];
    const map = new MapData((name, { features }) => applied.push(`${name} ${features.length}`));
    const draw = (points: TrackPoint[]) => {
      const { lines, marks } = splitTrail(trailFeatures(points, [{ ...alarm, endedAt: undefined }], [road], words));
      map.set('trail', lines);
      map.set('marks', marks);
    };
    draw(track.slice(0, 16));
    expect(applied).toEqual([]);
    map.begin();
    for (let i = 17; i <= track.length; i++) draw(track.slice(0, i));
    const [first, second, ...later] = applied.map((entry) => entry.split(' ')[0]);
    expect([first, second]).toEqual(['trail', 'marks']);
    expect(new Set(later)).toEqual(new Set(['trail']));
    draw(track);
    expect(applied).toHaveLength(2 + track.length - 16);

    map.end();
    draw(track.slice(0, 16));
    map.begin();
    expect(applied.slice(-2).map((entry) => entry.split(' ')[0])).toEqual(['trail', 'marks']);
  });

  it('has no mark of coming back while the truck is out', () => {
    const { endedAt: _, ...out } = alarm;
    const { features } = trailFeatures(track.slice(0, 12), [out], [road], words);
    expect(features.filter((f) => f.properties?.kind === 'mark').map((f) => f.properties?.text)).not.toContain('back');
  });

  it('finds the point farthest from the plan, and the foot on the plan', () => {
    const far = farthest(track, [road]);
    expect(far?.point).toBe(track[10]);
    expect(flatDistanceM([far!.point.lon, far!.point.lat], far!.onPlan)).toBeCloseTo(2_226, 0);
  });
});
