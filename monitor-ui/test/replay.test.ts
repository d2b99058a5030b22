import type { Alarm } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { alarmsUntil, eventsOf, neighbour, placeAt, pointsUntil, timed } from '../src/console/replay.ts';

const T0 = Date.UTC(2026, 10, 21, 8);
const iso = (s: number) => new Date(T0 + s * 1000).toISOString();
const point = (s: number, lon: number, lockId = 'JT70190001') => ({
  lockId,
  time: iso(s),
  lon,
  lat: 29.3,
  speedKmh: 80,
  headingDeg: 90,
});
const points = timed([point(0, 120), point(30, 120.01), point(1_000, 120.5)]);

const alarm = (started: number, confirmed: number, ended?: number): Alarm => ({
  alarmId: '6f1de0d8-5a3e-4c5e-8a43-0c2a4cf0f8a1',
  lockId: 'JT70190001',
  rule: 'route.deviation',
  kind: 'latched',
  severity: 'critical',
  state: 'open',
  active: true,
  startedAt: iso(started),
  confirmedAt: iso(confirmed),
  raisedAt: iso(confirmed),
  ...(ended === undefined ? {} : { endedAt: iso(ended) }),
  detectedLate: false,
  evidence: {},
});

describe('a truck in the replay', () => {
  it('is nowhere before its first record, and between two where an even move would be', () => {
    expect(placeAt(points, T0 - 1)).toBeUndefined();
    expect(placeAt(points, T0 + 15_000)?.lon).toBeCloseTo(120.005, 9);
    expect(placeAt(points, T0 + 30_000)?.lon).toBe(120.01);
  });

  it('stands where it was last seen while records are missing, and after the last one', () => {
    expect(placeAt(points, T0 + 500_000)).toMatchObject({ lon: 120.01, speedKmh: 0 });
    expect(placeAt(points, T0 + 2_000_000)).toMatchObject({ lon: 120.5, speedKmh: 0 });
  });

  it('has one place though it carries two locks', () => {
    expect(timed([point(0, 120), point(1, 121, 'JT70190002'), point(2, 120.1)]).map(({ lon }) => lon)).toEqual([
      120, 120.1,
    ]);
  });

  it('is found by any number of records', () => {
    const many = Array.from({ length: 1_000 }, (_, i) => ({ timeMs: i * 10 }));
    for (const atMs of [-1, 0, 5, 9_990, 20_000]) {
      expect(pointsUntil(many, atMs)).toBe(many.filter(({ timeMs }) => timeMs <= atMs).length);
    }
  });
});

describe('alarms in the replay', () => {
  it('are not known before they began, nor ended before they ended', () => {
    const all = [alarm(100, 130, 400)];
    expect(alarmsUntil(all, T0 + 99_000)).toEqual([]);
    expect(alarmsUntil(all, T0 + 200_000)[0]).not.toHaveProperty('endedAt');
    expect(alarmsUntil(all, T0 + 400_000)[0]?.endedAt).toBe(iso(400));
  });

  it('are jumped to one after the other, both ways', () => {
    const events = eventsOf([alarm(100, 130, 400)], T0, T0 + 500_000);
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'confirmed', 'ended']);
    expect(neighbour(events, T0 + 100_000, 1)?.kind).toBe('confirmed');
    expect(neighbour(events, T0 + 130_000, -1)?.kind).toBe('started');
    expect(neighbour(events, T0 + 400_000, 1)).toBeUndefined();
  });
});
