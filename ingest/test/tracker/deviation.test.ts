import { describe, expect, it } from 'vitest';
import { clock, Ledger, onRoad, planOf, reporter } from './trip.ts';

describe('route.deviation', () => {
  it('is provisional at the first outside fix, confirmed by the second, returned on re-entry, and stays active', () => {
    const make = reporter();
    const ledger = new Ledger(planOf());
    // time, kilometre, metres off, expected phase
    const table: [string, number, number, string | undefined][] = [
      ['08:00:00', 0, 0, undefined],
      ['08:01:00', 1, 20, undefined],
      ['08:02:00', 2, 190, undefined],
      ['08:03:00', 3, 350, 'provisional'],
      ['08:03:30', 3.5, 900, 'open'],
      ['08:04:00', 4, 1_800, 'open'],
      ['08:05:00', 5, 195, 'open'],
      ['08:06:00', 6, 100, 'returned'],
      ['08:07:00', 7, 0, 'returned'],
    ];
    for (const [time, km, offM, phase] of table) {
      ledger.take(make(time, onRoad(km, offM)));
      expect([time, ledger.one('route.deviation')?.phase]).toEqual([time, phase]);
    }
    const alarm = ledger.one('route.deviation');
    expect(alarm).toMatchObject({ active: true, kind: 'latched', severity: 'critical', detectedLate: false });
    expect(clock(alarm?.lastInsideMs)).toBe('08:02:00');
    expect(clock(alarm?.startedMs)).toBe('08:03:00');
    expect(clock(alarm?.confirmedMs)).toBe('08:03:30');
    expect(clock(alarm?.endedMs)).toBe('08:06:00');
    expect(alarm?.maxDistanceM).toBeCloseTo(1_800, -1);
    expect(ledger.rules()).toEqual(['route.deviation']);
  });
});
