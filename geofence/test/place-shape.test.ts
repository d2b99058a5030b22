import type { Polygon } from '@sealwatch/schemas';
import * as turf from '@turf/turf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPolygon, woundRight } from '../src/index.ts';

type Ring = [number, number][];
const shape = (...coordinates: Ring[]): Polygon => ({ type: 'Polygon', coordinates });
const square = (west: number, south: number, size: number): Ring => [
  [west, south],
  [west + size, south],
  [west + size, south + size],
  [west, south + size],
  [west, south],
];

describe('the polygon of a place', () => {
  it('is valid with holes, also where a hole touches the outer ring in one point, and across the antimeridian', () => {
    expect(checkPolygon(shape(square(120, 30, 1), square(120.2, 30.2, 0.1), square(120.5, 30.5, 0.1)))).toEqual([]);
    const touching: Ring = [
      [120, 30.5],
      [120.2, 30.4],
      [120.2, 30.6],
      [120, 30.5],
    ];
    expect(checkPolygon(shape(square(120, 30, 1), touching))).toEqual([]);
    expect(
      checkPolygon(
        shape([
          [179.9, 1],
          [-179.9, 1],
          [-179.9, 1.1],
          [179.9, 1.1],
          [179.9, 1],
        ]),
      ),
    ).toEqual([]);
  });

  it.each<[string, Polygon, object]>([
    ['a ring that is not closed', shape(square(120, 30, 1).slice(0, 4)), { path: 'coordinates[0]', value: [120, 31] }],
    [
      'a ring without area',
      shape([
        [120, 30],
        [120, 30],
        [120, 30],
        [120, 30],
      ]),
      { path: 'coordinates[0]', value: 0 },
    ],
    [
      'a bow tie, where it crosses',
      shape([
        [120, 30],
        [121, 31],
        [121, 30],
        [120, 31.5],
        [120, 30],
      ]),
      { path: 'coordinates[0][0]', value: [expect.closeTo(120.6, 9), expect.closeTo(30.6, 9)] },
    ],
    [
      'a ring that touches itself',
      shape([
        [120, 30],
        [122, 30],
        [121, 31],
        [122, 32],
        [120, 32],
        [121, 31],
        [120, 30],
      ]),
      { value: [121, 31] },
    ],
    [
      'a spike',
      shape([
        [120, 30],
        [121, 30],
        [122, 30],
        [121, 30],
        [121, 31],
        [120, 31],
        [120, 30],
      ]),
      { path: 'coordinates[0][1]' },
    ],
    [
      'a hole that crosses the outer ring',
      shape(square(120, 30, 1), square(120.9, 30.2, 0.5)),
      { path: 'coordinates[0][1]' },
    ],
    ['a hole outside', shape(square(120, 30, 1), square(125, 30, 0.5)), { path: 'coordinates[1]', value: [125, 30] }],
  ])('is refused for %s, with path, value and what was expected', (_name, polygon, problem) => {
    const [first] = checkPolygon(polygon);
    expect(first).toMatchObject({ ...problem, message: expect.any(String), expected: expect.any(String) });
  });

  it('is valid exactly where turf says that nothing of it crosses', () => {
    const at = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 }));
    fc.assert(
      fc.property(fc.uniqueArray(at, { minLength: 3, maxLength: 7, selector: String }), (points) => {
        const ring = points.map(([x, y]): [number, number] => [120 + x / 10, 30 + y / 10]);
        ring.push(ring[0]!);
        const polygon = shape(ring);
        const isValid =
          turf.booleanValid(polygon) && turf.area(polygon) > 1 && turf.kinks(polygon).features.length === 0;
        if (isValid) expect(checkPolygon(polygon)).toEqual([]);
        if (turf.kinks(polygon).features.length > 0) expect(checkPolygon(polygon)).not.toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of 10,000 points is checked without comparing all pairs', () => {
    const ring: Ring = Array.from({ length: 10_000 }, (_, i) => {
      const angle = (i / 10_000) * 2 * Math.PI;
      return [
        120 + (1 + 0.1 * Math.sin(40 * angle)) * Math.cos(angle),
        30 + (1 + 0.1 * Math.sin(40 * angle)) * Math.sin(angle),
      ];
    });
    ring.push(ring[0]!);
    expect(checkPolygon(shape(ring))).toEqual([]);
  });

  it('is wound right: outside counter-clockwise, holes clockwise, the same points', () => {
    const hole = square(120.2, 30.2, 0.1);
    for (const [outer, inner] of [
      [square(120, 30, 1), hole],
      [square(120, 30, 1).reverse(), hole],
      [square(120, 30, 1).reverse(), [...hole].reverse()],
    ]) {
      const { coordinates } = woundRight(shape(outer!, inner!));
      expect(coordinates.map((ring) => turf.booleanClockwise(ring as Ring))).toEqual([false, true]);
      expect(coordinates.map((ring) => ring.map(String).sort())).toEqual(
        [outer!, inner!].map((r) => r.map(String).sort()),
      );
    }
    const pacific: Ring = [
      [179.9, 1],
      [179.9, 1.1],
      [-179.9, 1.1],
      [-179.9, 1],
      [179.9, 1],
    ];
    expect(woundRight(shape(pacific)).coordinates[0]).toEqual([...pacific].reverse());
  });
});
