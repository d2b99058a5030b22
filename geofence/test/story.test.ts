import { describe, expect, it } from 'vitest';
import { compileRoute, type JudgedFix, positionAt } from '../src/index.ts';
import { changesOf, drive } from './drive.ts';
import { readLine, routeOf } from './traces.ts';

/*
 * The case the platform exists for: six hours from Yiwu to Beilun; two hours in, a ramp; twenty minutes at least 300 m
 * off the line; back on the road at the same place, and on to the end.
 */
const road = readLine('road-yiwu-beilun');
const HOURS_6_S = 6 * 3_600;
const RAMP_S = 2 * 3_600;
const OFF_S = 20 * 60;
const plain = compileRoute(routeOf(road, { halfWidthM: 200 }));
const speed = plain.lengthM / (HOURS_6_S - OFF_S);

/** Where the truck is `second` s into the trip. */
function truth(second: number): { lon: number; lat: number } {
  const off = Math.min(Math.max(0, second - RAMP_S), OFF_S);
  const at = positionAt(plain, (second - off) * speed);
  // 600 m of ramp out and back, 900 m beside the road in between.
  const awayM = Math.min(off * 10, (OFF_S - off) * 10, 900);
  return { lon: at.lon, lat: at.lat + awayM / 111_195 };
}

function reports(everyS: number): JudgedFix[] {
  return Array.from({ length: Math.floor(HOURS_6_S / everyS) + 1 }, (_, i) => ({
    lockId: 'LOCK01',
    boot: 1,
    seq: i + 1,
    timeMs: i * everyS * 1_000,
    source: 'gnss' as const,
    accuracyM: 5,
    ...truth(i * everyS),
  }));
}

describe('six hours, a ramp, twenty minutes, back', () => {
  it.each([5, 30, 60])(
    'is red from the ramp on at a report every %d s, with the facts an inspector needs',
    (everyS) => {
      const told = drive(plain, reports(everyS));
      expect(told.confirmed).toHaveLength(1);
      const [e] = told.confirmed;
      const crossing = (RAMP_S + 20.5) * 1_000;
      expect(e!.firstOutsideMs - crossing).toBeLessThanOrEqual(everyS * 1_000);
      expect(e!.confirmedMs! - crossing).toBeLessThanOrEqual(2 * everyS * 1_000);
      expect(Math.abs(e!.crossedMs! - crossing)).toBeLessThan(everyS * 1_000);
      expect(Math.abs(e!.returnedMs! - e!.firstOutsideMs - OFF_S * 1_000)).toBeLessThan(120_000);
      expect(e!.maxDistanceM).toBeGreaterThan(500);
      expect(e!.leftAtM! / 1_000).toBeCloseTo((RAMP_S * speed) / 1_000, 0);
      expect(changesOf(told, 'returned')).toHaveLength(1);
      expect(told.problems).toEqual([]);
    },
  );

  it('its twin at a service area stays green', () => {
    const there = truth(RAMP_S + OFF_S / 2);
    const allowedStops = [{ name: 'service area', center: [there.lon, there.lat] as [number, number], radiusM: 950 }];
    const told = drive(compileRoute(routeOf(road, { halfWidthM: 200, allowedStops })), reports(30));
    expect(told.changes).toEqual([]);
  });

  it('with a report every 30 minutes the detour is lost, but not the time', () => {
    // Reports fall before the ramp and after the return.
    const sleepy = reports(60)
      .filter((_, i) => i % 30 === 29)
      .map((fix, i) => ({ ...fix, seq: i + 1 }));
    const told = drive(plain, sleepy);
    expect(told.outside).toBe(0);
    expect(told.confirmed).toEqual([]);
    expect(changesOf(told, 'gap')).toHaveLength(1);
  });
});
