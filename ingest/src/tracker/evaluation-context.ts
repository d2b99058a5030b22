import {
  beyondM,
  type Fix,
  type JudgedFix,
  judge,
  type Located,
  locate,
  type RouteState,
  type RouteVerdict,
  withoutFix,
  zonesAt,
} from '@sealwatch/geofence';
import { isLate, type TrackedReport } from '../record/report.ts';
import { type HaltStep, stepHalt } from './halt.ts';
import { isSealed, type KnownPlace, type TripPlan } from './plan.ts';
import { routeParamsAt } from './route-params.ts';
import type { LockMemory, TripState } from './state.ts';
import { NOWHERE, stopsAt } from './stops.ts';

/** Everything that the rules need to know about one record, computed once. */
export interface EvaluationContext {
  plan: TripPlan;
  report: TrackedReport;
  late: boolean;
  /** The trip's state after the records before this one. */
  before: TripState;
  /** The same with this record's departure, arrival and progress. */
  after: TripState;
  /** The state of the same lock after its records before this one; `undefined` for its first. */
  last: LockMemory | undefined;
  /** A position that may be judged: GNSS, on earth, not 0, 0. */
  fix: JudgedFix | undefined;
  located: Located | undefined;
  /** The geofence's verdict on the fix, and its state after it; absent while the route is not judged. */
  verdict: RouteVerdict | undefined;
  route: RouteState | undefined;
  halt: HaltStep | undefined;
  atOrigin: boolean;
  atDestination: boolean;
  /** Indexes into the route's `allowedStops` that hold the fix. */
  allowedStops: readonly number[];
  places: readonly KnownPlace[];
  /** The seal rules apply: from sealing until an opening is authorised. */
  sealed: boolean;
  /** The route rules apply to this fix: sealed, departed, and neither in the origin nor in the destination. */
  underway: boolean;
}

/** A truck slower than this is standing (time.unapproved-stop, docs/rules.md). */
const CRAWL_KMH = 5;

/** A service area farther from the corridor than this is not on the route. */
const SERVICE_AREA_REACH_M = 500;

const NO_PLACES: readonly KnownPlace[] = [];

export function contextOf(plan: TripPlan, before: TripState, report: TrackedReport): EvaluationContext {
  const last = Object.hasOwn(before.locks, report.lockId) ? before.locks[report.lockId] : undefined;
  const sealed = isSealed(plan, report.timeMs);
  const fix = usableFix(report);
  const stops = fix ? stopsAt(plan.route, fix.lon, fix.lat) : NOWHERE;
  const context: EvaluationContext = {
    plan,
    report,
    late: isLate(report),
    before,
    after: before,
    last,
    fix,
    located: undefined,
    verdict: undefined,
    route: undefined,
    halt: fix && stepHalt(last?.halt, fix, CRAWL_KMH),
    atOrigin: stops.atOrigin,
    atDestination: stops.atDestination,
    allowedStops: stops.allowedStops,
    places: fix ? placesAt(plan, fix) : NO_PLACES,
    sealed,
    underway: false,
  };
  if (!fix) {
    context.route = withoutFix(before.route, report);
    return context;
  }
  const departed = report.timeMs >= (plan.departedAtMs ?? plan.sealedAtMs ?? Number.POSITIVE_INFINITY);
  if (!sealed || !departed) {
    context.located = locate(plan.corridor, fix.lon, fix.lat);
    return context;
  }
  const place = allowedAt(plan, context, fix);
  if (place !== undefined) fix.allowedAt = place;
  const params = routeParamsAt(plan.params, () => locate(plan.corridor, fix.lon, fix.lat).progressM);
  const { state: route, verdict } = judge(plan.corridor, before.route, fix, params);
  context.route = route;
  context.verdict = verdict;
  context.located = verdict.located;
  context.underway = !stops.atOrigin && !stops.atDestination;
  return context;
}

function placesAt(plan: TripPlan, fix: Fix): readonly KnownPlace[] {
  const ids = zonesAt(plan.places.zones, fix.lon, fix.lat);
  return ids.length === 0 ? NO_PLACES : ids.flatMap((id) => plan.places.byId.get(id) ?? []);
}

/**
 * The place that allows a truck to be off the corridor: an end of the route, or a service area beside it. It depends on the
 * fix alone, so that no other record can change it.
 */
function allowedAt(
  plan: TripPlan,
  { atOrigin, atDestination, places }: EvaluationContext,
  fix: Fix,
): string | undefined {
  if (atOrigin) return 'origin';
  if (atDestination) return 'destination';
  const area = places.find((place) => place.kind === 'service-area');
  if (!area || beyondM(plan.corridor, fix.lon, fix.lat) > SERVICE_AREA_REACH_M) return undefined;
  return area.placeId;
}

/** Receivers without a fix tend to report exactly 0, 0. */
const NULL_ISLAND_DEG = 0.001;

/** The record's position if a rule may rely on it: from GNSS, finite, on earth and not at 0, 0. */
export function usableFix(report: TrackedReport): JudgedFix | undefined {
  const position = report.position;
  if (position === undefined || position.source !== 'gnss') return undefined;
  const { lon, lat, accuracyM, speedKmh, headingDeg } = position;
  if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) return undefined;
  if (Math.abs(lon) < NULL_ISLAND_DEG && Math.abs(lat) < NULL_ISLAND_DEG) return undefined;
  const { timeMs, lockId, boot, seq } = report;
  const fix: JudgedFix = { timeMs, lon, lat, source: 'gnss', lockId, boot, seq };
  if (accuracyM !== undefined && Number.isFinite(accuracyM)) fix.accuracyM = accuracyM;
  if (speedKmh !== undefined && Number.isFinite(speedKmh)) fix.speedKmh = speedKmh;
  if (headingDeg !== undefined && Number.isFinite(headingDeg)) fix.headingDeg = headingDeg;
  return fix;
}
