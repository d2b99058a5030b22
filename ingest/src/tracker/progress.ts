import type { EvaluationContext } from './evaluation-context.ts';
import type { TripState } from './state.ts';

/** Pace is smoothed over about this long, ms: a rest at a service area should not double the expected time. */
const PACE_MEMORY_MS = 20 * 60_000;
/** A pace from less time than this is noise. */
const PACE_STEP_MS = 30_000;
/** Slower than a walk a truck is standing, and its arrival cannot be estimated from its pace; m/s. */
const LEAST_PACE = 1.5;
/** Speed from which one fix outside the origin is a departure, km/h; a parked receiver was seen to claim up to 10. */
const DRIVING_KMH = 15;

/** Departure, arrival and progress after this record, from the fixes of a sealed trip. @returns the state before, or a copy */
export function stepProgress(context: EvaluationContext): TripState {
  const { before, fix, located, sealed, plan, report } = context;
  // An impossible jump is neither a departure nor an arrival.
  if (!sealed || !fix || !located || (context.verdict?.problems.length ?? 0) > 0) return before;
  const state = stepDeparture(context);
  if (state.departedAtMs === undefined || report.timeMs < state.departedAtMs) return state;
  const arrived = state.arrivedAtMs === undefined && context.atDestination && isNearEnd(context, state);
  const next = state === before ? { ...before } : state;
  if (Math.abs(located.offsetM) <= located.halfWidthM) pace(next, report.timeMs, located.progressM);
  if (!arrived) return next;
  next.arrivedAtMs = report.timeMs;
  next.doneM = plan.corridor.lengthM;
  next.etaMs = report.timeMs;
  return next;
}

function stepDeparture({ before, atOrigin, plan, report, fix }: EvaluationContext): TripState {
  if (before.departedAtMs !== undefined) return before;
  if (plan.departedAtMs !== undefined) return { ...before, departedAtMs: plan.departedAtMs };
  const { leavingMs, ...rest } = before;
  if (atOrigin) return rest;
  if (leavingMs === undefined && (fix?.speedKmh ?? 0) < DRIVING_KMH) return { ...rest, leavingMs: report.timeMs };
  return { ...rest, departedAtMs: leavingMs ?? report.timeMs };
}

/** A round trip begins in its destination: only its second half can arrive there. */
function isNearEnd({ atOrigin, plan, located }: EvaluationContext, state: TripState): boolean {
  return !atOrigin || Math.max(state.doneM, located?.progressM ?? 0) >= plan.corridor.lengthM / 2;
}

/** Changes `state`, which must be a copy. */
function pace(state: TripState, timeMs: number, doneM: number): void {
  if (state.arrivedAtMs !== undefined) return;
  state.doneM = doneM;
  const was = state.pace;
  const stepMs = was ? timeMs - was.timeMs : 0;
  if (was && stepMs < PACE_STEP_MS) return;
  const newest = was ? Math.max(0, doneM - was.doneM) / (stepMs / 1_000) : undefined;
  const weight = 1 - Math.exp(-stepMs / PACE_MEMORY_MS);
  const smooth =
    newest === undefined || was?.metresPerSecond === undefined
      ? newest
      : was.metresPerSecond + weight * (newest - was.metresPerSecond);
  const metresPerSecond = smooth === undefined ? undefined : Math.round(smooth * 100) / 100;
  const moving = metresPerSecond !== undefined && metresPerSecond >= LEAST_PACE;
  state.pace = metresPerSecond === undefined ? { timeMs, doneM } : { timeMs, doneM, metresPerSecond };
  if (moving) state.etaMs = Math.round(timeMs + ((state.totalM - doneM) / metresPerSecond) * 1_000);
}
