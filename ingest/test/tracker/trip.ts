import { compileRoute, positionAt } from '@sealwatch/geofence';
import { Place, Route } from '@sealwatch/schemas';
import { type ParamsInput, resolveParams } from '../../src/params/resolve.ts';
import {
  type AlarmFact,
  advance,
  compilePlaces,
  reportKey,
  startTrack,
  type TrackedReport,
  type TripPlan,
  type TripTrack,
} from '../../src/tracker/index.ts';

/** 08:00 on a day without anything special; clock times below are counted from its midnight, UTC. */
export const MIDNIGHT_MS = Date.UTC(2026, 10, 21);
export const LOCK = 'JT70100001';
export const OTHER_LOCK = 'JT70100002';

/** `at('08:05')`, `at('08:05:30')` in epoch milliseconds. */
export function at(clock: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return MIDNIGHT_MS + ((hours * 60 + minutes) * 60 + seconds) * 1_000;
}

/** A straight road 100 km long, due east at 30° N; the truck starts at kilometre 0. */
const DEGREES_PER_KM_EAST = 1 / (111.195 * Math.cos((30 * Math.PI) / 180));
const DEGREES_PER_KM_NORTH = 1 / 111.195;

/** A place `km` along the road and `offM` metres to its right (south). */
export function onRoad(km: number, offM = 0): { lon: number; lat: number } {
  const { lon, lat } = positionAt(CORRIDOR, km * 1_000);
  return { lon, lat: lat - (offM / 1_000) * DEGREES_PER_KM_NORTH };
}

function road(properties: Record<string, unknown> = {}): Route {
  const coordinates = Array.from({ length: 101 }, (_, km) => [120 + km * DEGREES_PER_KM_EAST, 30]);
  return Route.parse({
    type: 'Feature',
    geometry: { type: 'LineString', coordinates },
    properties: { name: 'east road', halfWidthM: 200, ...properties },
  });
}

const CORRIDOR = compileRoute(road());

/** A square place around a kilometre of the road. */
export function square(placeId: string, kind: string, km: number, halfM = 300, offM = 0) {
  const { lon, lat } = onRoad(km, offM);
  const [dx, dy] = [(halfM / 1_000) * DEGREES_PER_KM_EAST, (halfM / 1_000) * DEGREES_PER_KM_NORTH];
  const ring = [
    [lon - dx, lat - dy],
    [lon + dx, lat - dy],
    [lon + dx, lat + dy],
    [lon - dx, lat + dy],
    [lon - dx, lat - dy],
  ];
  const place = Place.parse({
    type: 'Feature',
    geometry: { type: 'Polygon', coordinates: [ring] },
    properties: { name: placeId, kind },
  });
  return { placeId, place };
}

export interface PlanOptions extends Partial<TripPlan> {
  properties?: Record<string, unknown>;
  known?: ReturnType<typeof square>[];
  own?: ParamsInput;
}

/** A trip of one lock, sealed at 08:00, on the straight road; anything can be said otherwise. */
export function planOf({ properties, known = [], own, ...rest }: PlanOptions = {}): TripPlan {
  const route = road(properties);
  return {
    tripId: '5b0e1c9e-0000-4000-8000-000000000001',
    locks: [LOCK],
    corridor: compileRoute(route),
    route,
    places: compilePlaces(known),
    params: resolveParams({ route: own }),
    sealedAtMs: at('08:00'),
    disposals: [],
    ...rest,
  };
}

export type Extra = Partial<Omit<TrackedReport, 'timeMs' | 'position'>> & { fix?: TrackedReport['position'] | null };

export const SHUT = { rope: 'inserted', motor: 'locked', cover: 'closed' } as const;

/** One record, where and how it is said; numbers follow each other per lock unless said otherwise. */
export function reporter() {
  const seqs = new Map<string, number>();
  return (clock: string | number, place: { lon: number; lat: number } | null, extra: Extra = {}): TrackedReport => {
    const { fix, ...own } = extra;
    const lockId = own.lockId ?? LOCK;
    const seq = own.seq ?? (seqs.get(lockId) ?? 0) + 1;
    seqs.set(lockId, seq);
    const timeMs = typeof clock === 'number' ? clock : at(clock);
    const position = fix === undefined ? place && { ...place, accuracyM: 6, source: 'gnss' as const } : fix;
    return {
      boot: 1,
      kind: 'live',
      receivedMs: timeMs + 800,
      seal: SHUT,
      ...own,
      lockId,
      seq,
      timeMs,
      ...(position ? { position } : {}),
    };
  };
}

/** What a database would hold: facts written, withdrawn ones deleted. */
export class Ledger {
  readonly plan: TripPlan;
  track: TripTrack;
  readonly alarms = new Map<string, AlarmFact>();
  readonly stored = new Map<string, TrackedReport>();
  /** Every id ever withdrawn, for what must never be. */
  readonly withdrawn: AlarmFact[] = [];
  reads = 0;

  constructor(plan: TripPlan) {
    this.plan = plan;
    this.track = startTrack(plan);
  }

  take(...arrived: TrackedReport[]): this {
    let result = advance(this.plan, this.track, arrived);
    if (!result.ok) {
      this.reads++;
      const { needFromMs } = result;
      const since = [...this.stored.values()].filter((report) => report.timeMs >= needFromMs);
      result = advance(this.plan, this.track, arrived, since);
    }
    if (!result.ok) throw new Error(`still needs ${result.needFromMs}`);
    for (const report of arrived) this.stored.set(reportKey(report), report);
    this.track = result.track;
    this.write(result);
    return this;
  }

  write({ changes, withdrawn }: { changes: AlarmFact[]; withdrawn: string[] }): void {
    for (const alarmId of withdrawn) {
      const gone = this.alarms.get(alarmId);
      if (gone) this.withdrawn.push(gone);
      this.alarms.delete(alarmId);
    }
    for (const fact of changes) {
      const twin = [...this.alarms.values()].find((other) => other.active && other.rule === fact.rule);
      if (fact.active && twin && twin.alarmId !== fact.alarmId) throw new Error(`two active alarms of ${fact.rule}`);
      this.alarms.set(fact.alarmId, fact);
    }
  }

  of(rule: string): AlarmFact[] {
    return [...this.alarms.values()].filter((fact) => fact.rule === rule).sort((a, b) => a.startedMs - b.startedMs);
  }

  one(rule: string): AlarmFact | undefined {
    const found = this.of(rule);
    if (found.length > 1) throw new Error(`${found.length} alarms of ${rule}`);
    return found[0];
  }

  rules(): string[] {
    return [...new Set([...this.alarms.values()].map((fact) => fact.rule))].sort();
  }
}

/** `08:05:30` of an epoch time, so that expectations read like the table. */
export function clock(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString().slice(11, 19);
}

/** A drive at constant speed: one record every `everyS` seconds. */
export function drive(
  make: ReturnType<typeof reporter>,
  from: string,
  { fromKm, toKm, kmh = 80, everyS = 30, offM = 0, extra = {} }: DriveOptions,
): TrackedReport[] {
  const reports: TrackedReport[] = [];
  const stepKm = (kmh * everyS) / 3_600;
  const count = Math.floor(Math.abs(toKm - fromKm) / stepKm) + 1;
  for (let i = 0; i < count; i++) {
    const km = fromKm + Math.sign(toKm - fromKm) * i * stepKm;
    const off = typeof offM === 'number' ? offM : offM(km);
    reports.push(make(at(from) + i * everyS * 1_000, onRoad(km, off), extra));
  }
  return reports;
}

export interface DriveOptions {
  fromKm: number;
  toKm: number;
  kmh?: number;
  everyS?: number;
  offM?: number | ((km: number) => number);
  extra?: Extra;
}
