import * as turf from '@turf/turf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileZones, crossZones, distanceM, zonesAt } from '../src/index.ts';
import { seeded } from './random.ts';

type Ring = [number, number][];
const polygon = (...rings: Ring[]) => ({ type: 'Polygon' as const, coordinates: rings });
const box = (west: number, south: number, east: number, north: number): Ring => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];

describe('places', () => {
  const yard = compileZones([
    { id: 'yard', polygon: polygon(box(120, 30, 120.1, 30.1), box(120.04, 30.04, 120.06, 30.06)) },
  ]);

  it('an edge and a corner are inside, a hole is outside, the edge of a hole inside', () => {
    const at = (lon: number, lat: number) => zonesAt(yard, lon, lat).length === 1;
    expect([
      at(120.02, 30.02),
      at(120, 30.05),
      at(120.1, 30.1),
      at(120.05, 30.05),
      at(120.04, 30.05),
      at(120.11, 30.05),
    ]).toEqual([true, true, true, false, true, false]);
  });

  it('enter, exit, cross between sparse fixes; nothing for a way that stays', () => {
    const kind = (from: [number, number], to: [number, number]) => crossZones(yard, from, to).map((c) => c.kind);
    expect(kind([119.9, 30.02], [120.02, 30.02])).toEqual(['enter']);
    expect(kind([120.02, 30.02], [119.9, 30.02])).toEqual(['exit']);
    expect(kind([119.9, 30.02], [120.2, 30.02])).toEqual(['cross']);
    expect(kind([119.9, 30.2], [120.2, 30.2])).toEqual([]);
    expect(kind([120.01, 30.01], [120.02, 30.02])).toEqual([]);
    expect(kind([120.02, 30.05], [120.05, 30.05])).toEqual(['exit']);
    expect(kind([Number.NaN, 30], [120.02, 30.02])).toEqual([]);
  });

  it('across the antimeridian', () => {
    const zones = compileZones([
      {
        id: 'p',
        polygon: polygon([
          [179.9, 10],
          [-179.9, 10],
          [-179.9, 10.2],
          [179.9, 10.2],
          [179.9, 10],
        ]),
      },
      { id: 'c', circle: { center: [-179.99, 0], radiusM: 5_000 } },
    ]);
    expect(zonesAt(zones, 179.95, 10.1)).toEqual(['p']);
    expect(zonesAt(zones, -179.95, 10.1)).toEqual(['p']);
    expect(zonesAt(zones, 180, 10.1)).toEqual(['p']);
    expect(zonesAt(zones, 0, 10.1)).toEqual([]);
    expect(zonesAt(zones, 179.98, 0)).toEqual(['c']);
    expect(crossZones(zones, [179.8, 10.1], [-179.8, 10.1])).toEqual([{ id: 'p', kind: 'cross' }]);
    expect(crossZones(zones, [-179.95, 10.1], [179.8, 10.1])).toEqual([{ id: 'p', kind: 'exit' }]);
  });

  it('agrees with turf away from edges, holes included', () => {
    const random = seeded(21);
    for (let round = 0; round < 60; round++) {
      const [cx, cy] = [random() * 300 - 150, random() * 140 - 70];
      const star = (size: number): Ring => {
        const ring: Ring = Array.from({ length: 9 }, (_, i) => {
          const [angle, r] = [(i / 9) * 2 * Math.PI, size * (0.4 + 0.6 * random())];
          return [cx + r * Math.cos(angle), cy + r * Math.sin(angle)];
        });
        return [...ring, ring[0]!];
      };
      const shape = polygon(star(0.1), star(0.03));
      const zones = compileZones([{ id: 'z', polygon: shape }]);
      for (let i = 0; i < 60; i++) {
        const [x, y] = [cx + (random() - 0.5) * 0.24, cy + (random() - 0.5) * 0.24];
        expect(zonesAt(zones, x, y).length === 1).toBe(
          turf.booleanPointInPolygon([x, y], turf.polygon(shape.coordinates)),
        );
      }
    }
  });

  it('a circle holds what is within its radius', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -180, max: 180, noNaN: true }),
        fc.double({ min: -89, max: 89, noNaN: true }),
        fc.double({ min: 10, max: 90_000, noNaN: true }),
        fc.double({ min: -1.5, max: 1.5, noNaN: true }),
        fc.double({ min: -1.5, max: 1.5, noNaN: true }),
        (lon, lat, radiusM, dx, dy) => {
          const zones = compileZones([{ id: 'c', circle: { center: [lon, lat], radiusM } }]);
          const [x, y] = [lon + dx, Math.max(-90, Math.min(90, lat + dy))];
          expect(zonesAt(zones, x, y).length === 1).toBe(distanceM(lon, lat, x, y) <= radiusM);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('10,000 places answer as one by one', () => {
    const random = seeded(4);
    const shapes = Array.from({ length: 10_000 }, (_, i) => {
      const [x, y] = [100 + random() * 20, 25 + random() * 15];
      return i % 2
        ? { id: `${i}`, circle: { center: [x, y] as [number, number], radiusM: 5_000 } }
        : { id: `${i}`, polygon: polygon(box(x, y, x + 0.1, y + 0.1)) };
    });
    const all = compileZones(shapes);
    const single = shapes.map((shape) => compileZones([shape]));
    for (let i = 0; i < 20; i++) {
      const [x, y] = [100 + random() * 20, 25 + random() * 15];
      expect(zonesAt(all, x, y)).toEqual(single.flatMap((zones) => zonesAt(zones, x, y)));
    }
  });

  it('no places, no answer; a place without a shape is refused by name', () => {
    expect(zonesAt(compileZones([]), 120, 30)).toEqual([]);
    expect(() => compileZones([{ id: 'nothing' }])).toThrow('place nothing');
  });
});
