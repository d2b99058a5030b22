import imported from 'gcoord';
import { describe, expect, it } from 'vitest';
import { checkRoute, compileRoute, distanceM, locate, positionAt, RouteError } from '../src/index.ts';
import { readLine, routeOf } from './traces.ts';

// See src/crs.ts on gcoord's types.
const gcoord = imported as unknown as typeof imported.default;
const road = readLine('road-yiwu-beilun');

const refusal = (input: unknown) => {
  const check = checkRoute(input);
  expect(check.ok).toBe(false);
  expect(check.route).toBeUndefined();
  return check.problems[0]!;
};

describe('a bad route is refused with the reason and the place', () => {
  const line = (coordinates: unknown) => ({ ...routeOf(road), geometry: { type: 'LineString', coordinates } });

  it('one point', () => {
    expect(refusal(line([[120, 30]]))).toEqual({
      path: 'geometry.coordinates',
      message: 'expected at least 2 points, got 1',
      at: [120, 30],
    });
  });

  it('two points that are one place', () => {
    expect(
      refusal(
        line([
          [120, 30],
          [120, 30],
        ]),
      ).message,
    ).toMatch(/0\.0 m long.*two different points/);
  });

  it('longitude and latitude swapped', () => {
    expect(refusal(line(road.map(([lon, lat]) => [lat, lon])))).toMatchObject({
      path: 'geometry.coordinates.0',
      message: expect.stringContaining('swapped'),
      at: [29.2214, 119.95744],
    });
  });

  it('swapped where both are possible, told by the ends of the route', () => {
    const swapped = routeOf(
      [
        [48.1, 11.5],
        [48.2, 11.6],
      ],
      { origin: { name: 'yard', center: [11.5, 48.1], radiusM: 300 } },
    );
    expect(refusal(swapped)).toMatchObject({ path: 'properties.origin', message: expect.stringContaining('swapped') });
  });

  it('a jump of 300 km', () => {
    expect(
      refusal(
        line([
          [120, 30],
          [120.01, 30],
          [123.2, 30],
          [123.21, 30],
        ]),
      ),
    ).toMatchObject({
      path: 'geometry.coordinates.2',
      message: expect.stringMatching(/jumps 307 km/),
      at: [123.2, 30],
    });
  });

  it('NaN and null', () => {
    expect(
      refusal(
        line([
          [120, 30],
          [Number.NaN, 30],
          [120.1, 30],
        ]),
      ),
    ).toMatchObject({
      path: 'geometry.coordinates.1',
      message: 'expected [lon, lat] in degrees, got [NaN, 30]',
      at: [120, 30],
    });
    expect(refusal(line([[120, 30], null])).path).toBe('geometry.coordinates.1');
  });

  it('projected metres without a CRS, and a CRS that cannot be read', () => {
    expect(
      refusal(
        line([
          [13358338, 3503549],
          [13358400, 3503600],
        ]),
      ).message,
    ).toMatch(/cannot be WGS84.*projected/);
    const crs = { type: 'name', properties: { name: 'urn:ogc:def:crs:EPSG::3857' } };
    expect(refusal({ ...routeOf(road), crs }).path).toBe('crs');
    expect(refusal({ ...routeOf(road), properties: { name: 'x', crs: 'CGCS' } }).path).toBe('properties.crs');
  });

  it('legs that overlap, run backwards or lie beyond the end', () => {
    const legs = (...pairs: [number, number][]) =>
      routeOf(road, { legs: pairs.map(([fromM, toM]) => ({ fromM, toM, halfWidthM: 80 })) });
    expect(refusal(legs([0, 5_000], [4_000, 9_000])).message).toMatch(/overlaps properties\.legs\.0/);
    expect(refusal(legs([5_000, 4_000])).path).toBe('properties.legs.0.toM');
    expect(refusal(legs([400_000, 500_000])).path).toBe('properties.legs.0.fromM');
  });

  it.each([undefined, null, 7, 'x', [], {}, { type: 'Feature' }, { type: 'Feature', geometry: { type: 'Point' } }])(
    'never throws on %j',
    (input) => {
      expect(checkRoute(input).ok).toBe(false);
    },
  );

  it('compileRoute throws a RouteError with all of it', () => {
    expect(() =>
      compileRoute(
        routeOf([
          [120, 30],
          [124, 30],
        ]),
      ),
    ).toThrow(RouteError);
    expect(() =>
      compileRoute(
        routeOf([
          [120, 30],
          [124, 30],
        ]),
      ),
    ).toThrow(/jumps/);
  });
});

describe('coordinates of Chinese maps', () => {
  it.each(['GCJ02', 'BD09'] as const)('%s is converted to within 1 m, stops and ends too, and said so', (crs) => {
    const shift = (p: [number, number]) => gcoord.transform([...p], gcoord.WGS84, gcoord[crs]) as [number, number];
    const stop = { name: 'stop', center: road[700]!, radiusM: 200 };
    const shifted = routeOf(road.map(shift), {
      crs,
      allowedStops: [{ ...stop, center: shift(stop.center) }],
      origin: { name: 'yard', center: shift(road[0]!), radiusM: 300 },
    });
    const check = checkRoute(shifted);
    expect(check.ok).toBe(true);
    expect(check.warnings.map((w) => w.message).join()).toContain(`converted from ${crs}`);
    expect(check.route!.properties.crs).toBe('WGS84');
    const converted = check.route!.geometry.coordinates as [number, number][];
    for (const [i, [lon, lat]] of converted.entries()) expect(distanceM(lon, lat, ...road[i]!)).toBeLessThan(1);
    expect(
      distanceM(...(check.route!.properties.allowedStops[0]!.center as [number, number]), ...road[700]!),
    ).toBeLessThan(1);
    // Converting twice would show here.
    expect(compileRoute(check.route!).lengthM).toBeCloseTo(compileRoute(shifted).lengthM, 3);
  });

  it('a route in China that does not say its CRS is taken with a warning', () => {
    const { crs: _, ...properties } = routeOf(road).properties;
    const check = checkRoute({ ...routeOf(road), properties });
    expect(check.ok).toBe(true);
    expect(check.warnings[0]).toMatchObject({ path: 'properties.crs', message: expect.stringContaining('GCJ02') });
    expect(checkRoute(routeOf(road)).warnings).toEqual([]);
  });
});

describe('a compiled route', () => {
  it('has the length of its line', () => {
    const corridor = compileRoute(routeOf(road));
    expect(corridor.lengthM).toBeCloseTo(229_149.5, 0);
    expect(corridor.pointCount).toBe(1_370);
  });

  it('drops repeated points and joins the lines of a MultiLineString, gaps named', () => {
    const corridor = compileRoute(
      routeOf([
        [120, 30],
        [120, 30],
        [120.1, 30],
        [120.1, 30],
        [120.2, 30],
      ]),
    );
    expect(corridor.pointCount).toBe(3);
    const lines = {
      type: 'MultiLineString',
      coordinates: [
        [
          [120, 30],
          [120.1, 30],
        ],
        [
          [120.1, 30],
          [120.2, 30],
        ],
        [
          [120.21, 30],
          [120.3, 30],
        ],
      ],
    };
    const check = checkRoute({ ...routeOf(road), geometry: lines });
    expect(check.warnings).toMatchObject([
      { path: 'geometry.coordinates.2.0', at: [120.21, 30], message: expect.stringMatching(/begins 1\.0 km/) },
    ]);
    expect(compileRoute(check.route!).pointCount).toBe(5);
  });

  it('gives every leg its own half-width, to the metre', () => {
    const legs = [
      { fromM: 0, toM: 5_000, halfWidthM: 80 },
      { fromM: 220_000, toM: 240_000, halfWidthM: 60 },
    ];
    const corridor = compileRoute(routeOf(road, { halfWidthM: 200, legs }));
    const widthAt = (progressM: number) => {
      const at = positionAt(corridor, progressM);
      return locate(corridor, at.lon, at.lat).halfWidthM;
    };
    expect([4_999, 5_001, 219_999, 220_001, 229_000].map(widthAt)).toEqual([80, 200, 200, 60, 60]);
    expect(corridor.lengthM).toBeCloseTo(compileRoute(routeOf(road)).lengthM, 3);
  });

  it('a receiver left running is a route too: 30,000 points on one yard', () => {
    const scribble = Array.from({ length: 30_000 }, (_, i): [number, number] => [
      120 + 0.001 * Math.sin(i * 12.9898) ** 3,
      30 + 0.001 * Math.sin(i * 78.233),
    ]);
    const corridor = compileRoute(routeOf(scribble));
    expect(Math.abs(locate(corridor, 120.0002, 30, { segment: 5 }).offsetM)).toBeLessThan(10);
  });
});
