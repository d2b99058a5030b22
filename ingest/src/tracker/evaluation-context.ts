import {
  beyondM,
  type Fix,
  isRepeat,
  type JudgedFix,
  judge,
  type Located,
  locate,
  type RouteState,
  type RouteVerdict,
  withoutFix,
  zonesAt,
} from '@sealwatch/geofence';
import { credibleFix } from '../record/credible-fix.ts';
import type { Numbers } from '../record/numbers.ts';
import { isLate, isNextOf, type TrackedReport } from '../record/report.ts';
import { type HaltStep, stepHalt } from './halt.ts';
import { lagAfter } from './lag.ts';
import { isNumbered, isSealed, type KnownPlace, type TripPlan } from './plan.ts';
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
  /** No record of the lock can lie between the last one and this one, however late it comes. */
  follows: boolean;
  /** By how much the lock's clock can be behind the platform's, ms. */
  lagMs: number;
  /** The position, if the lock can be placed by it (`credibleFix`). */
  fix: JudgedFix | undefined;
  /**
   * The fix repeats the place of the one before it to the last digit while the receiver says that it moves: it tells no
   * more than the one before, and as of now the receiver has none.
   */
  repeated: boolean;
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
  const lagMs = lagAfter(last, report);
  const sealed = isSealed(plan, report, lagMs);
  const numbered = isNumbered(plan, report.lockId);
  const follows = numbered && last !== undefined && isNextOf(last, report);
  const numbers = numbered ? report : apart(report);
  const fix = usableFix(report, numbers);
  const repeated = fix !== undefined && follows && repeatsLast(last, fix);
  const stops = fix ? stopsAt(plan.route, fix.lon, fix.lat) : NOWHERE;
  const context: EvaluationContext = {
    plan,
    report,
    late: isLate(report),
    before,
    after: before,
    last,
    follows,
    lagMs,
    fix,
    repeated,
    located: undefined,
    verdict: undefined,
    route: undefined,
    halt: fix && !repeated ? stepHalt(last?.halt, fix, CRAWL_KMH) : undefined,
    atOrigin: stops.atOrigin,
    atDestination: stops.atDestination,
    allowedStops: stops.allowedStops,
    places: fix ? placesAt(plan, fix) : NO_PLACES,
    sealed,
    underway: false,
  };
  if (!fix) {
    context.route = withoutFix(before.route, { lockId: report.lockId, ...numbers });
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

/**
 * Only with no record missing since the fix that is repeated: then none that comes later changes the answer for a record
 * that a latched rule relies on.
 */
function repeatsLast(last: LockMemory, fix: Fix): boolean {
  return last.fix !== undefined && isRepeat(last.fix, fix) && last.unbrokenMs <= last.fix.timeMs;
}

/** Numbers for the geofence under which no record of the lock is the one after another: all are even. */
const apart = ({ boot, seq }: Numbers): Numbers => ({ boot, seq: (seq & ~1) >>> 0 });

/** The record's position as the geofence takes it, if it is a credible fix. */
function usableFix(report: TrackedReport, { boot, seq }: Numbers): JudgedFix | undefined {
  const position = report.position;
  if (!credibleFix(position)) return undefined;
  const { lon, lat, accuracyM, speedKmh, headingDeg } = position;
  const { timeMs, lockId } = report;
  const fix: JudgedFix = { timeMs, lon, lat, source: 'gnss', lockId, boot, seq };
  if (accuracyM !== undefined && Number.isFinite(accuracyM)) fix.accuracyM = accuracyM;
  if (speedKmh !== undefined && Number.isFinite(speedKmh)) fix.speedKmh = speedKmh;
  if (headingDeg !== undefined && Number.isFinite(headingDeg)) fix.headingDeg = headingDeg;
  return fix;
}
