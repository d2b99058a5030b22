import type { Alarm, Route, TrackPoint } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { Laid } from '../src/map/laid.ts';
import { corridorFeatures, flatDistanceM, placeFeatures } from '../src/map/overlays.ts';
import { farthest, parted, trailFeatures } from '../src/map/trail.ts';

const road: [number, number][] = Array.from({ length: 21 }, (_, i) => [120 + i * 0.01, 29]);
const route = (properties: Partial<Route['properties']> = {}): Route => ({
  type: 'Feature',
  geometry: { type: 'LineString', coordinates: road },
  properties: { name: 'r', crs: 'WGS84', halfWidthM: 200, allowedStops: [], requiredPoints: [], ...properties },
});

describe('corridors', () => {
  it('are one line in the true width of the route', () => {
    const { features } = corridorFeatures([route()]);
    expect(features).toHaveLength(1);
    // 400 m at zoom 10: 400 / (156543.03 · cos 29° / 2 / 2^10) pixels of 512-pixel tiles.
    const px0 = features[0]?.properties?.widthPx0 as number;
    expect(px0 * 2 ** 10).toBeCloseTo(400 / ((156_543.03 * Math.cos((29 * Math.PI) / 180)) / 2 / 2 ** 10), 2);
  });

  it('change their width where a leg begins, without a hole between', () => {
    const legs = [{ fromM: 0, toM: 5_000, halfWidthM: 80 }];
    const { features } = corridorFeatures([route({ legs })]);
    expect(features.map((f) => f.properties?.widthPx0)).toHaveLength(2);
    const [first, second] = features.map((f) => (f.geometry.type === 'LineString' ? f.geometry.coordinates : []));
    expect(first?.at(-1)).toEqual(second?.[0]);
    expect((features[0]?.properties?.widthPx0 as number) * 2.5).toBeCloseTo(
      features[1]?.properties?.widthPx0 as number,
      6,
    );
  });
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

  it('is laid on the map anew without its marks, which stay the same while the tail grows', () => {
    const laid: string[] = [];
    const map = new Laid((name, { features }) => laid.push(`${name} ${features.length}`));
    const lay = (points: TrackPoint[]) => {
      const { lines, marks } = parted(trailFeatures(points, [{ ...alarm, endedAt: undefined }], [road], words));
      map.fill('trail', lines);
      map.fill('marks', marks);
    };
    lay(track.slice(0, 16));
    expect(laid).toEqual([]);
    map.begin();
    for (let i = 17; i <= track.length; i++) lay(track.slice(0, i));
    const [first, second, ...later] = laid.map((told) => told.split(' ')[0]);
    expect([first, second]).toEqual(['trail', 'marks']);
    expect(new Set(later)).toEqual(new Set(['trail']));
    lay(track);
    expect(laid).toHaveLength(2 + track.length - 16);

    map.end();
    lay(track.slice(0, 16));
    map.begin();
    expect(laid.slice(-2).map((told) => told.split(' ')[0])).toEqual(['trail', 'marks']);
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
