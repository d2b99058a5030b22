import { readFileSync } from 'node:fs';
import { compileRoute, positionAt } from '@sealwatch/geofence';
import { Route } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { resolveParams } from '../../src/params/resolve.ts';
import { compilePlaces, type TrackedReport, type TripPlan, tick } from '../../src/tracker/index.ts';
import { at, clock, Ledger, LOCK, SHUT } from './trip.ts';

/**
 * The case that the platform was asked for: a day on the road from Yiwu to Beilun, six hours with a rest and a wait, one
 * ramp, at least 300 m off for 20 minutes, back on the road, and red until a person has looked.
 */
const file = new URL('../../../geofence/test/fixtures/routes/road-yiwu-beilun.geojson', import.meta.url);
const SERVICE_AREA_KM = 120;
const RAMP_KM = 70;

function planned(): { plan: TripPlan; lengthKm: number } {
  const [feature] = JSON.parse(readFileSync(file, 'utf8')).features;
  const bare = Route.parse({ ...feature, properties: { name: 'Yiwu – Beilun' } });
  const corridor = compileRoute(bare);
  const rest = beside(corridor, SERVICE_AREA_KM * 1_000, 330);
  const route = Route.parse({
    ...feature,
    properties: {
      name: 'Yiwu – Beilun',
      allowedStops: [{ name: '服务区', center: [rest.lon, rest.lat], radiusM: 300, maxStayMin: 60 }],
    },
  });
  const plan: TripPlan = {
    tripId: '5b0e1c9e-0000-4000-8000-00000000000a',
    locks: [LOCK],
    corridor: compileRoute(route),
    route,
    places: compilePlaces([]),
    params: resolveParams(),
    sealedAtMs: at('05:45'),
    disposals: [],
  };
  return { plan, lengthKm: corridor.lengthM / 1_000 };
}

/** A place `offM` to the right of the road. */
function beside(corridor: TripPlan['corridor'], progressM: number, offM: number) {
  const { lon, lat, headingDeg } = positionAt(corridor, progressM);
  const right = ((headingDeg + 90) * Math.PI) / 180;
  const degrees = offM / 111_195;
  return {
    lon: lon + (Math.sin(right) * degrees) / Math.cos((lat * Math.PI) / 180),
    lat: lat + Math.cos(right) * degrees,
  };
}

/** Minutes spent at a distance from the road, at a kilometre of it. */
interface Halt {
  km: number;
  minutes: number;
  offM: (minute: number) => number;
}

/** The truck's place at every second minute-exact: it drives at 55 km/h and keeps its halts. */
function journey(plan: TripPlan, lengthKm: number, halts: Halt[], everyS: number): TrackedReport[] {
  const reports: TrackedReport[] = [];
  let km = 0;
  let timeMs = at('06:00');
  let seq = 0;
  const say = (offM: number) => {
    const place = beside(plan.corridor, km * 1_000, offM);
    const position = { ...place, accuracyM: 8, source: 'gnss' as const };
    const mode = everyS > 600 ? ('sleep' as const) : ('sealed' as const);
    reports.push({
      lockId: LOCK,
      boot: 5,
      seq: seq++,
      timeMs,
      receivedMs: timeMs + 900,
      kind: 'live',
      mode,
      seal: SHUT,
      position,
    });
  };
  const waiting = [...halts];
  let halt: Halt | undefined;
  let haltedMs = 0;
  for (let second = 0; km < lengthKm && second < 8 * 3_600; second++, timeMs += 1_000) {
    if (!halt && waiting[0] && km >= waiting[0].km) [halt, haltedMs] = [waiting.shift(), timeMs];
    const minute = (timeMs - haltedMs) / 60_000;
    if (halt && minute >= halt.minutes) halt = undefined;
    if (second % everyS === 0) say(halt ? halt.offM(minute) : 0);
    if (!halt) km += 55 / 3_600;
  }
  km = lengthKm;
  say(0);
  return reports;
}

const restStop: Halt = {
  km: SERVICE_AREA_KM,
  minutes: 40,
  offM: (minute) => Math.min(330, minute * 200, (40 - minute) * 200),
};
/** Off by the ramp within a minute, 1.8 km away at the farthest, back after 20 minutes beyond 300 m. */
const ramp: Halt = { km: RAMP_KM, minutes: 22, offM: (minute) => Math.min(minute, 22 - minute, 3) * 600 };

const reds = (ledger: Ledger) =>
  [...ledger.alarms.values()].filter((fact) => fact.kind === 'latched' && fact.phase !== 'provisional');

describe('the case of the seed, on the real road', () => {
  it('six hours, one ramp, 20 minutes off: red from leaving on, red on arrival, with what an inspector needs', () => {
    const { plan, lengthKm } = planned();
    const reports = journey(plan, lengthKm, [ramp, restStop], 30);
    const ledger = new Ledger(plan);
    const seen = new Map<string, string>();
    for (const report of reports) {
      ledger.take(report);
      const alarm = ledger.one('route.deviation');
      const now = alarm?.phase ?? 'green';
      if ([...seen.values()].at(-1) !== now) seen.set(clock(report.timeMs) ?? '', now);
    }
    const hours = (reports.at(-1)!.timeMs - reports[0]!.timeMs) / 3_600_000;
    expect(hours).toBeGreaterThan(5);
    expect([...seen.values()]).toEqual(['green', 'provisional', 'open', 'returned']);
    const alarm = ledger.one('route.deviation')!;
    expect(reds(ledger).map((fact) => fact.rule)).toEqual(['route.deviation']);
    expect(alarm).toMatchObject({ active: true, kind: 'latched', severity: 'critical', detectedLate: false });
    const { startedMs, confirmedMs = 0, endedMs = 0, lastInsideMs = 0, maxDistanceM = 0 } = alarm;
    expect(startedMs - lastInsideMs).toBe(30_000);
    expect(confirmedMs - startedMs).toBe(30_000);
    expect((endedMs - startedMs) / 60_000).toBeGreaterThanOrEqual(20);
    expect((endedMs - startedMs) / 60_000).toBeLessThan(23);
    expect(maxDistanceM).toBeGreaterThan(1_500);
    expect(maxDistanceM).toBeLessThan(1_900);
    expect(alarm.evidence).toMatchObject({ longestGapMs: 30_000 });
    expect(Math.abs((alarm.evidence.leftAtM as number) - RAMP_KM * 1_000)).toBeLessThan(1_500);
    expect(ledger.track.state.arrivedAtMs).toBeDefined();
  });

  it('its twin stops 40 minutes at the service area, 330 m beside the road, and is green to the end', () => {
    const { plan, lengthKm } = planned();
    const ledger = new Ledger(plan).take(...journey(plan, lengthKm, [restStop], 30));
    expect(ledger.rules()).toEqual([]);
    expect(ledger.track.state.arrivedAtMs).toBeDefined();
  });

  it('its third sleeps: with a report every 30 minutes the detour falls between two, and only the time is missing', () => {
    const { plan, lengthKm } = planned();
    // Two minutes after the report of 07:00 the truck takes the ramp; that of 07:30 finds it on the road, 20 km short.
    const hidden: Halt = { ...ramp, km: 57 };
    const reports = journey(plan, lengthKm, [hidden], 1_800);
    const ledger = new Ledger(plan).take(...reports);
    expect(ledger.of('route.deviation')).toEqual([]);
    const [told, ...others] = ledger.of('time.unaccounted');
    expect(others).toEqual([]);
    expect(told).toMatchObject({ severity: 'minor', evidence: { kind: 'too-slow' } });
    expect(told!.evidence.unaccountedMin).toBeGreaterThan(15);
    expect([clock(told?.startedMs), clock(told?.endedMs)]).toEqual(['07:00:00', '07:30:00']);
  });

  it('a sleeping lock whose one report does lie off the road is red once nothing more has come for a minute', () => {
    const { plan, lengthKm } = planned();
    const caught: Halt = { ...ramp, km: 74 };
    const phases = new Set<string>();
    const ledger = new Ledger(plan);
    for (const report of journey(plan, lengthKm, [caught], 1_800)) {
      ledger.take(report);
      phases.add(ledger.one('route.deviation')?.phase ?? 'green');
      const told = tick(plan, ledger.track, report.timeMs + 61_000);
      ledger.track = told.track;
      ledger.write(told);
      phases.add(ledger.one('route.deviation')?.phase ?? 'green');
    }
    expect([...phases]).toEqual(['green', 'provisional', 'open', 'returned']);
    expect(ledger.one('route.deviation')?.active).toBe(true);
  });
});
