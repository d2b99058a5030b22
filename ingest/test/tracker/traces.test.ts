import { compileRoute, distanceM } from '@sealwatch/geofence';
import { Route } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { type Point, readAracaju, readParked, readTrace, routeOf } from '../../../geofence/test/traces.ts';
import { resolveParams } from '../../src/params/resolve.ts';
import { compilePlaces, type TrackedReport, type TripPlan } from '../../src/tracker/index.ts';
import { Ledger, LOCK, SHUT } from './trip.ts';

/**
 * Drives and standing receivers that nobody on the project made (sources: geofence/test/fixtures/README.md), as the records
 * of a sealed lock, through every rule of the tracker.
 */
function planOn(line: readonly Point[], halfWidthM: number, sealedAtMs: number): TripPlan {
  const coordinates = line.map(({ lon, lat }) => [lon, lat] as const);
  const route = Route.parse(routeOf(coordinates, { halfWidthM }));
  return {
    tripId: '5b0e1c9e-0000-4000-8000-00000000000b',
    locks: [LOCK],
    corridor: compileRoute(route),
    route,
    places: compilePlaces([]),
    params: resolveParams(),
    sealedAtMs,
    disposals: [],
  };
}

function recordsOf(points: readonly Point[]): TrackedReport[] {
  return points.map(({ timeMs, lon, lat, speedKmh, accuracyM }, seq) => ({
    lockId: LOCK,
    boot: 1,
    seq,
    timeMs,
    receivedMs: timeMs + 800,
    kind: 'live',
    mode: 'tracking',
    seal: SHUT,
    position: {
      lon,
      lat,
      source: 'gnss',
      ...(speedKmh === undefined ? {} : { speedKmh }),
      ...(accuracyM === undefined ? {} : { accuracyM }),
    },
  }));
}

/** One record after the other, as they come. */
function driven(points: readonly Point[], line: readonly Point[], halfWidthM: number): Ledger {
  const ledger = new Ledger(planOn(line, halfWidthM, points[0]!.timeMs - 1_000));
  for (const report of recordsOf(points)) ledger.take(report);
  return ledger;
}

interface Told {
  fromMs: number;
  toMs?: number;
  maxDistanceM: number;
}

const excursionsOf = (ledger: Ledger) => (ledger.one('route.deviation')?.evidence.excursions ?? []) as Told[];

describe('the A1 near Bremen, driven twice', () => {
  const [first, second] = [readTrace('a1-bremen-1'), readTrace('a1-bremen-2')];

  it.each([50, 100, 200])('drive 2 on drive 1 as its route raises nothing at a half-width of %d m', (halfWidthM) => {
    const ledger = driven(second, first, halfWidthM);
    expect(ledger.rules()).toEqual([]);
    expect(ledger.withdrawn).toEqual([]);
  });

  it('drive 1 on drive 2 as its route is off by up to 4.6 km, joins it, and stays red with one excursion', () => {
    const ledger = driven(first, second, 100);
    expect(ledger.rules()).toEqual(['route.deviation']);
    const alarm = ledger.one('route.deviation');
    expect(alarm).toMatchObject({ active: true, phase: 'returned', startedMs: first[0]!.timeMs });
    expect(excursionsOf(ledger)).toHaveLength(1);
    expect(alarm!.maxDistanceM).toBeGreaterThan(4_600);
    expect(alarm!.maxDistanceM).toBeLessThan(4_700);
  });
});

describe('one drive through Munich at two rates', () => {
  const rates = [readTrace('munich-1s'), readTrace('munich-15s')] as const;

  it.each([50, 80, 200])(
    'is on its road at both rates at a half-width of %d m; the jump is told and not red',
    (halfWidthM) => {
      for (const line of rates) {
        const [fast, slow] = rates.map((points) => driven(points, line, halfWidthM)) as [Ledger, Ledger];
        expect(slow.rules()).toEqual([]);
        expect(fast.rules().filter((rule) => rule !== 'motion.impossible')).toEqual([]);
      }
    },
  );

  it.each([80, 200])(
    'leaves a road that lacks a part of it at both rates, at the same places, within one record',
    (halfWidthM) => {
      const [every1s, every15s] = rates;
      const line = every15s.filter((_, i) => i < 20 || i > 34);
      const [fast, slow] = [driven(every1s, line, halfWidthM), driven(every15s, line, halfWidthM)];
      const [quick, sparse] = [excursionsOf(fast), excursionsOf(slow)];
      expect(sparse.length).toBeGreaterThan(0);
      expect(quick).toHaveLength(sparse.length);
      for (const [i, { fromMs, toMs = 0 }] of sparse.entries()) {
        expect(Math.abs(quick[i]!.fromMs - fromMs)).toBeLessThanOrEqual(15_000);
        expect(Math.abs((quick[i]!.toMs ?? 0) - toMs)).toBeLessThanOrEqual(15_000);
      }
    },
  );
});

describe('receivers standing still', () => {
  const EVERY_MS = 10_000;
  const logs = readParked().filter(({ points }) => points.length > 5);

  /** An hour of it, the log again and again, on a road that passes the first fix. */
  function parked(points: readonly Point[]): Ledger {
    const { lon, lat } = points[0]!;
    const began = points[0]!.timeMs;
    const line = [-0.2, 0, 0.2].map((east) => ({ timeMs: 0, lon: lon + east, lat }));
    const hour = Array.from({ length: 360 }, (_, i) => ({
      ...points[i % points.length]!,
      timeMs: began + i * EVERY_MS,
    }));
    return driven(hour, line, 50);
  }

  it.each(logs)('$name raises one stop that does not end, no deviation and no motion', ({ points }) => {
    const ledger = parked(points);
    expect(ledger.rules()).toEqual(['time.unapproved-stop']);
    expect(ledger.one('time.unapproved-stop')).toMatchObject({ active: true, startedMs: points[0]!.timeMs });
    expect(ledger.withdrawn).toEqual([]);
  });
});

/** Some were left running on a table. */
function isDriven(track: readonly Point[]): boolean {
  const { lon, lat } = track[0]!;
  return track.some((point) => distanceM(lon, lat, point.lon, point.lat) > 300);
}

describe('Aracaju, cars and buses', () => {
  it('every track is on itself as its road, at a half-width of 50 m', () => {
    const tracks = readAracaju().filter((track) => track.length >= 60 && isDriven(track));
    expect(tracks.length).toBeGreaterThan(60);
    for (const track of tracks) {
      const ledger = driven(track, track, 50);
      expect([track[0], ledger.of('route.deviation'), ledger.withdrawn]).toEqual([track[0], [], []]);
    }
  });
});
