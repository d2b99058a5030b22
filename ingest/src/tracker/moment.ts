import {
  beyondM,
  type Fix,
  judge,
  type Located,
  locate,
  type RouteState,
  type RouteVerdict,
  zonesAt,
} from '@sealwatch/geofence';
import { type HaltStep, stepHalt } from './halt.ts';
import type { KnownPlace, TripPlan } from './plan.ts';
import { isLate, type TrackedReport } from './report.ts';
import { routeParamsAt } from './route-params.ts';
import type { LockMemory, TripState } from './state.ts';
import { stopsAt } from './stops.ts';

/** Everything the rules ask about one record, worked out once. */
export interface Moment {
  plan: TripPlan;
  report: TrackedReport;
  late: boolean;
  /** The trip as the records before this one left it. */
  before: TripState;
  /** The same with this record's departure, arrival and progress in it. */
  after: TripState;
  /** The same lock as its records before this one left it; `undefined` for its first. */
  last: LockMemory | undefined;
  /** A position that may be judged: GNSS, on earth, not null island. */
  fix?: Fix;
  located?: Located;
  /** What the geofence says of the fix, and its state after it; absent where the route is not judged. */
  verdict?: RouteVerdict;
  route?: RouteState;
  halt?: HaltStep;
  atOrigin: boolean;
  atDestination: boolean;
  /** Places in their allowedStops order that hold the fix. */
  allowedStops: number[];
  places: KnownPlace[];
  /** The seal rules apply: from sealing until an opening is authorised. */
  sealed: boolean;
  /** The route rules apply to this fix: sealed, departed, and neither in the origin nor in the destination. */
  underway: boolean;
}

/** Slower than this a truck stands (domain: below 5 km/h). */
const CRAWL_KMH = 5;

/** A service area farther from the corridor than this is not on the route. */
const SERVICE_AREA_REACH_M = 500;

/** A gate's authorisation and the lock's own clock may disagree by so much. */
export const CLOCK_TOLERANCE_MS = 30_000;

export function momentOf(plan: TripPlan, before: TripState, report: TrackedReport): Moment {
  const last = Object.hasOwn(before.locks, report.lockId) ? before.locks[report.lockId] : undefined;
  const sealed = isSealed(plan, report.timeMs);
  const moment: Moment = {
    plan,
    report,
    late: isLate(report),
    before,
    after: before,
    last,
    atOrigin: false,
    atDestination: false,
    allowedStops: [],
    places: [],
    sealed,
    underway: false,
  };
  const fix = usableFix(report);
  if (!fix) return moment;
  const stops = stopsAt(plan.route, fix.lon, fix.lat);
  const places = zonesAt(plan.places.zones, fix.lon, fix.lat).flatMap((id) => plan.places.byId.get(id) ?? []);
  const there: Moment = { ...moment, ...stops, fix, places, halt: stepHalt(last?.halt, fix, CRAWL_KMH) };
  const departed = report.timeMs >= (plan.departedAtMs ?? plan.sealedAtMs ?? Number.POSITIVE_INFINITY);
  if (!sealed || !departed || isExempt(plan, there, fix)) {
    return { ...there, located: locate(plan.corridor, fix.lon, fix.lat) };
  }
  const { state: route, verdict } = judge(
    plan.corridor,
    before.route,
    { ...fix, lockId: report.lockId, boot: report.boot, seq: report.seq },
    routeParamsAt(plan.params),
  );
  return {
    ...there,
    route,
    verdict,
    ...(verdict.located ? { located: verdict.located } : {}),
    underway: !stops.atOrigin && !stops.atDestination,
  };
}

/**
 * Off the corridor where a truck may be all the same: at the ends of the route, and in a service area beside it. Said of
 * the fix alone, so that no other record can change it.
 */
function isExempt(plan: TripPlan, moment: Moment, fix: Fix): boolean {
  const atEnd = moment.atOrigin || moment.atDestination;
  const inServiceArea = moment.places.some((place) => place.kind === 'service-area');
  if (!atEnd && !inServiceArea) return false;
  const beyond = beyondM(plan.corridor, fix.lon, fix.lat);
  return beyond > 0 && (atEnd || beyond <= SERVICE_AREA_REACH_M);
}

function isSealed(plan: TripPlan, timeMs: number): boolean {
  if (plan.sealedAtMs === undefined || timeMs < plan.sealedAtMs) return false;
  return plan.unlockAuthorisedAtMs === undefined || timeMs < plan.unlockAuthorisedAtMs - CLOCK_TOLERANCE_MS;
}

/** Receivers without a fix tend to say exactly 0, 0. */
const NULL_ISLAND_DEG = 0.001;

/** The record's position where a rule may rely on it: from GNSS, finite, on earth and not at null island. */
export function usableFix(report: TrackedReport): Fix | undefined {
  const position = report.position;
  if (position === undefined || position.source !== 'gnss') return undefined;
  const { lon, lat, accuracyM, speedKmh, headingDeg } = position;
  if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) return undefined;
  if (Math.abs(lon) < NULL_ISLAND_DEG && Math.abs(lat) < NULL_ISLAND_DEG) return undefined;
  return {
    timeMs: report.timeMs,
    lon,
    lat,
    source: 'gnss',
    ...(Number.isFinite(accuracyM) ? { accuracyM } : {}),
    ...(Number.isFinite(speedKmh) ? { speedKmh } : {}),
    ...(Number.isFinite(headingDeg) ? { headingDeg } : {}),
  } as Fix;
}
