import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRoute, distanceM, type RouteProblem } from '../src/index.ts';
import { seeded, wander } from './random.ts';
import { readLine, routeOf } from './traces.ts';

type Line = [number, number][];
const shapesOf = (line: Line): RouteProblem[] => checkRoute(routeOf(line)).warnings.filter(({ shape }) => shape);
const kindsOf = (line: Line) => shapesOf(line).map(({ shape }) => shape!.kind);
/** 10 km to the east, a point every 100 m or so. */
const straight: Line = Array.from({ length: 101 }, (_, i) => [120 + i * 0.001, 30]);

describe('the shape of a route', () => {
  it('is nothing to warn of where a road is straight, bends, climbs in hairpins, or is real', () => {
    expect(shapesOf(straight)).toEqual([]);
    const hairpins: Line = Array.from({ length: 20 }, (_, i) => [
      120 + (Math.floor((i + 1) / 2) % 2) * 0.004,
      30 + Math.floor(i / 2) * 0.0006,
    ]);
    expect(shapesOf(hairpins)).toEqual([]);
    expect(shapesOf(readLine('road-yiwu-beilun'))).toEqual([]);
  });

  it('names a spike with its point, its place and its kilometre', () => {
    const spiked: Line = [...straight.slice(0, 41), [120.04, 30.003], ...straight.slice(40)];
    expect(shapesOf(spiked)).toEqual([
      {
        path: 'geometry.coordinates.41',
        at: [expect.closeTo(120.04, 6), expect.closeTo(30.003, 6)],
        message: expect.stringMatching(/^a spike: comes 3[34]0 m back the way it went, at km 4\.2$/),
        shape: { kind: 'spike', alongM: expect.closeTo(4185, -1), lengthM: 340 },
      },
    ]);
  });

  it('names a spike of three points out and three back that are not the same points', () => {
    const out: Line = [
      [120.0401, 30.001],
      [120.0402, 30.002],
      [120.0403, 30.003],
    ];
    const back: Line = [
      [120.0402, 30.0021],
      [120.0401, 30.0011],
      [120.04, 30],
    ];
    expect(kindsOf([...straight.slice(0, 41), ...out, ...back, ...straight.slice(41)])).toEqual(['spike']);
  });

  it('names where the line turns and runs back over itself', () => {
    const [found, ...more] = shapesOf([...straight, ...straight.slice(60, 100).reverse()]);
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      path: 'geometry.coordinates.100',
      message: expect.stringMatching(/for 3\.[89] km$/),
    });
    expect(found!.shape!.kind).toBe('runs-back');
  });

  it('names a U-turn on to the other carriageway as running back', () => {
    const turn: Line = [
      [120.1001, 30.00003],
      [120.10015, 30.00008],
      [120.1001, 30.00013],
    ];
    const other: Line = straight.map(([lon]): [number, number] => [lon, 30.00016]).reverse();
    expect(kindsOf([...straight, ...turn, ...other])).toEqual(['runs-back']);
  });

  it('names a scribble once, with its kilometres of road', () => {
    const random = seeded(4);
    const spot: Line = Array.from({ length: 80 }, () => [120.05 + random() * 2.5e-4, 30 + random() * 2.5e-4]);
    const found = shapesOf([...straight.slice(0, 51), ...spot, ...straight.slice(51)]);
    expect(found.map(({ shape }) => shape!.kind)).toEqual(['scribble']);
    expect(found[0]!.message).toMatch(/^1\.\d km of road lie within 40 m of one spot, from km 4\.8 on$/);
  });

  it('names where it crosses itself with both kilometres, across the antimeridian as well', () => {
    const loop: Line = [
      [179.9, 0],
      [-179.9, 0],
      [-179.9, 0.1],
      [180, 0.1],
      [180, -0.1],
    ];
    const [found, ...more] = shapesOf(loop);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ path: 'geometry.coordinates.0', shape: { kind: 'crossing' } });
    expect(distanceM(...found!.at!, 180, 0)).toBeLessThan(1);
    expect(found!.message).toMatch(/km 11\.1 and km 55\.6 of the route meet here/);
  });

  it('does not take a loop that ends where it began for a crossing', () => {
    expect(
      shapesOf([
        [120, 30],
        [120.1, 30],
        [120.1, 30.1],
        [120, 30],
      ]),
    ).toEqual([]);
  });

  it('finds every crossing that comparing all pairs of segments finds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 4, max: 40 }), (seed, count) => {
        const line = wander(seeded(seed), 120, 30, count, 900);
        const found = shapesOf(line).filter(({ shape }) => shape!.kind === 'crossing');
        let expected = 0;
        for (let i = 0; i < count - 1; i++) {
          for (let k = i + 2; k < count - 1; k++) if (cross(line[i]!, line[i + 1]!, line[k]!, line[k + 1]!)) expected++;
        }
        expect(found.length).toBe(Math.min(20, expected));
      }),
      { numRuns: 300 },
    );
  });

  it('of 100,000 points on one yard is told in bounded time', () => {
    const random = seeded(2);
    const line: Line = Array.from({ length: 100_000 }, () => [120 + random() * 0.002, 30 + random() * 0.002]);
    const found = shapesOf(line);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(60);
  });
});

type Point = [number, number];
function cross(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point) =>
    Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  return side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);
}
