import * as turf from '@turf/turf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beyondM,
  type Corridor,
  type CorridorPolygon,
  compileRoute,
  corridorPolygon,
  positionAt,
} from '../src/index.ts';
import { seeded, wander } from './random.ts';
import { readLine, routeOf } from './traces.ts';

type Line = [number, number][];
const featureOf = (shape: CorridorPolygon) => turf.feature(shape as GeoJSON.Polygon | GeoJSON.MultiPolygon);
const ringsOf = (shape: CorridorPolygon) => (shape.type === 'Polygon' ? [shape.coordinates] : shape.coordinates);

/** Positions across the whole width and a little more, on both sides of every stretch of the route. */
function* beside(corridor: Corridor, count: number, random: () => number): Generator<[number, number]> {
  for (let i = 0; i < count; i++) {
    const at = positionAt(corridor, random() * corridor.lengthM);
    const awayM = (random() * 2 - 1) * 1.6 * corridor.widestM;
    const to = turf.destination([at.lon, at.lat], awayM, at.headingDeg + 90 + random() * 40, { units: 'meters' });
    const [lon, lat] = to.geometry.coordinates as [number, number];
    yield [((((lon + 180) % 360) + 360) % 360) - 180, lat];
  }
}

/** Where the polygon and the judge's measure part by more than is written at `corridorPolygon`. */
function disagreements(corridor: Corridor, count: number, seed = 1): string[] {
  const shape = featureOf(corridorPolygon(corridor));
  const found: string[] = [];
  for (const [lon, lat] of beside(corridor, count, seeded(seed))) {
    const share = 0.03;
    const inside = turf.booleanPointInPolygon([lon, lat], shape);
    const clearlyIn = beyondM(corridor, lon, lat, 1 - share) < -2;
    const clearlyOut = beyondM(corridor, lon, lat, 1 + share) > 2;
    if ((clearlyIn && !inside) || (clearlyOut && inside)) {
      found.push(
        `${lon} ${lat}: ${beyondM(corridor, lon, lat).toFixed(1)} m beyond the edge, in the polygon ${inside}`,
      );
    }
  }
  return found;
}

function faults(shape: CorridorPolygon): string[] {
  const found: string[] = [];
  for (const rings of ringsOf(shape)) {
    for (const [i, ring] of rings.entries()) {
      if (turf.booleanClockwise(ring) === (i === 0)) found.push(`ring ${i} is wound the wrong way`);
      if (ring.some(([lon, lat]) => Math.abs(lon) > 180 || Math.abs(lat) > 90)) found.push(`ring ${i} is off the map`);
    }
    if (turf.kinks(turf.polygon(rings)).features.length > 0) found.push('rings cross');
  }
  return found;
}

const REAL = {
  'road Yiwu – Beilun': readLine('road-yiwu-beilun'),
  'rail Beilun – Guixi': readLine('rail-beilun-guixi'),
  'rail to Dostyk': readLine('rail-dostyk-alashankou', 0),
};

describe('the corridor as a polygon holds what the judge holds for inside', () => {
  it.each(Object.entries(REAL))('on the real line %s, with narrow legs at its ends', (_name, line) => {
    const { lengthM } = compileRoute(routeOf(line));
    const legs = [
      { fromM: 0, toM: 4_000, halfWidthM: 80 },
      { fromM: lengthM / 2, toM: lengthM / 2 + 9_000, halfWidthM: 1_500 },
      { fromM: lengthM - 8_000, toM: lengthM, halfWidthM: 60 },
    ];
    const corridor = compileRoute(routeOf(line, { legs }));
    expect(disagreements(corridor, 3_000)).toEqual([]);
    expect(faults(corridorPolygon(corridor))).toEqual([]);
  });

  it('on random roads of any width that cross themselves, at every latitude up to 78°', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.integer({ min: -179, max: 179 }),
        fc.integer({ min: -78, max: 78 }),
        fc.integer({ min: 2, max: 120 }),
        fc.constantFrom(15, 150, 1_500, 9_000),
        fc.array(fc.constantFrom(10, 80, 200, 800, 5_000), { minLength: 1, maxLength: 4 }),
        (seed, lon, lat, count, stepM, widths) => {
          const line = wander(seeded(seed), lon, lat, count, stepM).map(([x, y]): [number, number] => [
            ((((x + 180) % 360) + 360) % 360) - 180,
            Math.max(-79, Math.min(79, y)),
          ]);
          const { lengthM } = compileRoute(routeOf(line));
          const legM = lengthM / widths.length;
          const legs = widths.map((halfWidthM, i) => ({ fromM: i * legM, toM: (i + 1) * legM, halfWidthM }));
          const corridor = compileRoute(routeOf(line, { legs }));
          expect(disagreements(corridor, 60, seed)).toEqual([]);
          expect(faults(corridorPolygon(corridor))).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('at right angles, one after the other, of legs with different widths', () => {
    const stairs: Line = Array.from({ length: 12 }, (_, i) => [
      120 + Math.ceil(i / 2) * 0.02,
      30 + Math.floor(i / 2) * 0.02,
    ]);
    const legs = [
      { fromM: 0, toM: 3_000, halfWidthM: 400 },
      { fromM: 3_000, toM: 9_000, halfWidthM: 50 },
    ];
    const corridor = compileRoute(routeOf(stairs, { legs }));
    expect(disagreements(corridor, 4_000)).toEqual([]);
    expect(faults(corridorPolygon(corridor))).toEqual([]);
  });

  it('with a hole where a road goes round a block and closes on itself', () => {
    const block: Line = [
      [120, 30],
      [120.05, 30],
      [120.05, 30.05],
      [120, 30.05],
      [120, 29.97],
    ];
    const shape = corridorPolygon(compileRoute(routeOf(block)));
    expect(shape.type === 'Polygon' && shape.coordinates.length).toBe(2);
    expect(turf.booleanPointInPolygon([120.025, 30.025], featureOf(shape))).toBe(false);
    expect(faults(shape)).toEqual([]);
  });

  it('on straights of 200 km far north, which are great circles and not straight in degrees', () => {
    const corridor = compileRoute(
      routeOf([
        [20, 70],
        [25, 70],
        [30, 69.5],
      ]),
    );
    expect(disagreements(corridor, 3_000)).toEqual([]);
  });

  it('cut at the antimeridian', () => {
    const line: Line = [
      [179.8, 50],
      [-180, 50.1],
      [-179.7, 50],
      [179.9, 50.02],
    ];
    const corridor = compileRoute(routeOf(line));
    const shape = corridorPolygon(corridor);
    expect(shape.type).toBe('MultiPolygon');
    expect(faults(shape)).toEqual([]);
    expect(disagreements(corridor, 3_000)).toEqual([]);
    for (const rings of ringsOf(shape)) {
      const lons = rings.flat().map(([lon]) => lon);
      expect(Math.max(...lons) - Math.min(...lons)).toBeLessThan(1);
    }
  });

  it('of a line scribbled over one yard, and is refused where no end of it is in sight', () => {
    const scribble = (count: number): Corridor => {
      const random = seeded(9);
      const line: Line = Array.from({ length: count }, () => [120 + random() * 0.002, 30 + random() * 0.002]);
      return compileRoute(routeOf(line, { halfWidthM: 50 }));
    };
    expect(disagreements(scribble(200), 500)).toEqual([]);
    expect(() => corridorPolygon(scribble(3_000))).toThrow(/more than 300 bends within the corridor's own width/);
  });

  it('is refused beyond 80° of latitude and around the whole earth', () => {
    const at = (line: Line) => () => corridorPolygon(compileRoute(routeOf(line)));
    expect(
      at([
        [10, 85],
        [12, 85],
      ]),
    ).toThrow(/beyond 80° of latitude, got 85/);
    const around: Line = Array.from({ length: 330 }, (_, i) => [i - 170 > 180 ? i - 530 : i - 170, 60]);
    expect(at(around)).toThrow(/more than 300° of longitude/);
  });
});
