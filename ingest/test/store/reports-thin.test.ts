import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TimedPoint, thinTrack } from '../../src/store/reports/thin.ts';

/** The definition, without a heap: greatest distance of any left-out point from an even move between its kept neighbours. */
function slowErrorM(points: TimedPoint[], kept: number[]): number {
  let errorM = 0;
  for (let k = 1; k < kept.length; k++) {
    const a = points[kept[k - 1]!]!;
    const b = points[kept[k]!]!;
    for (let i = kept[k - 1]! + 1; i < kept[k]!; i++) {
      const p = points[i]!;
      const share = b.timeMs === a.timeMs ? 0 : (p.timeMs - a.timeMs) / (b.timeMs - a.timeMs);
      const lat = a.lat + (b.lat - a.lat) * share;
      const east = (p.lon - a.lon - (b.lon - a.lon) * share) * 111_195 * Math.cos((lat * Math.PI) / 180);
      errorM = Math.max(errorM, Math.hypot(east, (p.lat - lat) * 111_195));
    }
  }
  return errorM;
}

const track = fc
  .array(
    fc.record({
      lon: fc.double({ min: 119, max: 122, noNaN: true }),
      lat: fc.double({ min: 28, max: 31, noNaN: true }),
    }),
    {
      minLength: 1,
      maxLength: 120,
    },
  )
  .map((points) => points.map((point, i) => ({ ...point, timeMs: 1_795_000_000_000 + i * 30_000 })));

describe('thinning a track', () => {
  it('keeps first, last and what must stay, at most as many as asked for, and says its true error', () => {
    fc.assert(
      fc.property(
        track,
        fc.integer({ min: 2, max: 60 }),
        fc.array(fc.nat(119), { maxLength: 10 }),
        (points, max, wanted) => {
          const keep = wanted.filter((i) => i < points.length);
          const { kept, errorM } = thinTrack(points, max, keep);
          expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
          for (const i of [0, points.length - 1, ...keep]) expect(kept).toContain(i);
          expect(kept.length).toBeLessThanOrEqual(Math.max(max, new Set([0, points.length - 1, ...keep]).size));
          expect(errorM).toBeCloseTo(slowErrorM(points, kept), 3);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('leaves a short track alone', () => {
    const points = [0, 1, 2].map((i) => ({ timeMs: i, lon: i, lat: 0 }));
    expect(thinTrack(points, 3)).toEqual({ kept: [0, 1, 2], errorM: 0 });
  });

  it('keeps both ends of a stop on a straight road, which a thinning by line alone would lose', () => {
    const points = Array.from({ length: 100 }, (_, i) => ({
      timeMs: i * 30_000,
      lon: 120 + 0.005 * (i < 40 ? i : Math.max(40, i - 30)),
      lat: 29,
    }));
    expect(thinTrack(points, 4).kept).toEqual([0, 40, 70, 99]);
  });

  it('finds the one ramp in a day of straight motorway', () => {
    const points = Array.from({ length: 10_000 }, (_, i) => ({
      timeMs: i * 5_000,
      lon: 120 + i * 1e-4,
      lat: i === 7_321 ? 29.02 : 29,
    }));
    expect(thinTrack(points, 5).kept).toContain(7_321);
  });
});
