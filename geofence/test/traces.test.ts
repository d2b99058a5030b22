import { describe, expect, it } from 'vitest';
import { compileRoute } from '../src/index.ts';
import { changesOf, drive } from './drive.ts';
import { fixesOf, type Point, readAracaju, readParked, readTrace, routeOf } from './traces.ts';

const lineOf = (points: readonly Point[]) => points.map((p) => [p.lon, p.lat] as const);

describe('A1 near Bremen, driven twice', () => {
  const first = readTrace('a1-bremen-1');
  const second = readTrace('a1-bremen-2');

  it.each([50, 100, 200])('the second drive on the first as route raises nothing at half-width %d m', (halfWidthM) => {
    const told = drive(compileRoute(routeOf(lineOf(first), { halfWidthM })), fixesOf(second));
    expect(told.changes).toEqual([]);
    expect(told.problems).toEqual([]);
  });

  it('the first drive on the second as route is off it for 4.6 km, then joins it', () => {
    const told = drive(compileRoute(routeOf(lineOf(second), { halfWidthM: 100 })), fixesOf(first));
    expect(told.confirmed).toHaveLength(1);
    const excursion = told.confirmed[0]!;
    expect(excursion.firstOutsideMs).toBe(first[0]!.timeMs);
    expect(excursion.returnedMs).toBeGreaterThan(excursion.firstOutsideMs);
    expect(excursion.maxDistanceM).toBeGreaterThan(3_500);
    expect(excursion.maxDistanceM).toBeLessThan(4_800);
    expect(excursion.lastInsideMs).toBeUndefined();
    expect(changesOf(told, 'returned')).toHaveLength(1);
  });
});

describe('Munich, one drive at two rates', () => {
  const every1s = readTrace('munich-1s');
  const every15s = readTrace('munich-15s');

  it.each([80, 200])('raises no deviation at either rate at half-width %d m, the jump included', (halfWidthM) => {
    const corridor = compileRoute(routeOf(lineOf(every1s), { halfWidthM }));
    for (const trace of [every1s, every15s]) {
      const told = drive(corridor, fixesOf(trace));
      expect(told.confirmed).toEqual([]);
      expect(changesOf(told, 'provisional')).toEqual([]);
    }
  });

  it('names the jump in the fast trace as impossible, once', () => {
    const told = drive(compileRoute(routeOf(lineOf(every15s), { halfWidthM: 200 })), fixesOf(every1s));
    expect(told.confirmed).toEqual([]);
    expect(told.problems.filter((p) => p.problem !== 'after-jump')).toEqual([
      { timeMs: 1_410_325_467_000, problem: 'impossible-jump' },
    ]);
  });

  it('finds the same excursions at both rates where the route leaves a part of the drive out', () => {
    const without = every15s.filter((p) => p.timeMs < every15s[20]!.timeMs || p.timeMs > every15s[34]!.timeMs);
    const corridor = compileRoute(routeOf(lineOf(without), { halfWidthM: 80 }));
    const [fast, slow] = [drive(corridor, fixesOf(every1s)), drive(corridor, fixesOf(every15s))];
    expect(slow.confirmed.length).toBeGreaterThan(0);
    expect(fast.confirmed).toHaveLength(slow.confirmed.length);
    for (const [index, excursion] of slow.confirmed.entries()) {
      expect(Math.abs(fast.confirmed[index]!.firstOutsideMs - excursion.firstOutsideMs)).toBeLessThanOrEqual(15_000);
      expect(Math.abs(fast.confirmed[index]!.returnedMs! - excursion.returnedMs!)).toBeLessThanOrEqual(15_000);
    }
  });
});

describe('receivers standing still', () => {
  const logs = readParked().filter((log) => log.points.length > 5);

  it('covers at least four receivers', () => expect(logs.length).toBeGreaterThanOrEqual(4));

  it.each(logs)('$name raises no deviation, no direction and no impossible motion', ({ points }) => {
    const { lon, lat } = points[0]!;
    const corridor = compileRoute(
      routeOf(
        [
          [lon - 0.2, lat],
          [lon, lat],
          [lon + 0.2, lat],
        ],
        { halfWidthM: 80 },
      ),
    );
    const told = drive(corridor, fixesOf(points));
    expect(told.changes.filter(({ change }) => change !== 'gap')).toEqual([]);
    expect(told.problems.filter(({ problem }) => problem !== 'time-backwards')).toEqual([]);
  });
});

describe('Aracaju, 146 tracks of cars and buses', () => {
  const tracks = readAracaju().filter((track) => {
    const [lon, lat] = [track.map((p) => p.lon), track.map((p) => p.lat)];
    const wide = Math.max(...lon) - Math.min(...lon) + Math.max(...lat) - Math.min(...lat);
    return track.length >= 20 && wide > 0.003;
  });

  it('covers at least eighty tracks', () => expect(tracks.length).toBeGreaterThanOrEqual(80));

  it('every track on itself as route stays green, gaps and crossings included', () => {
    for (const track of tracks) {
      const corridor = compileRoute(routeOf(lineOf(track), { halfWidthM: 50 }));
      const told = drive(corridor, fixesOf(track));
      expect(told.confirmed).toEqual([]);
      expect(changesOf(told, 'provisional')).toEqual([]);
    }
  });

  it('every track of six minutes 33 km beside its route is confirmed off the route', () => {
    const long = tracks.filter((track) => track.at(-1)!.timeMs - track[0]!.timeMs >= 360_000);
    expect(long.length).toBeGreaterThan(50);
    for (const track of long) {
      const beside = track.map((p) => [p.lon, p.lat + 0.3] as const);
      const told = drive(compileRoute(routeOf(beside, { halfWidthM: 200 })), fixesOf(track));
      expect(told.confirmed).toHaveLength(1);
      expect(told.confirmed[0]!.firstOutsideMs).toBe(track[0]!.timeMs);
    }
  });
});
