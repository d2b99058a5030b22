import { CLOCK_TOLERANCE_MS } from './moment.ts';
import type { TripPlan } from './plan.ts';

/** What of the plan went into the fold. Where it changes, what was folded under the old one must be folded again. */
export interface Basis {
  sealedAtMs?: number;
  departedAtMs?: number;
  timeLimitMin?: number;
  unlockAuthorisedAtMs?: number;
}

export function basisOf(plan: TripPlan): Basis {
  const { sealedAtMs, departedAtMs, timeLimitMin, unlockAuthorisedAtMs } = plan;
  return {
    ...(sealedAtMs === undefined ? {} : { sealedAtMs }),
    ...(departedAtMs === undefined ? {} : { departedAtMs }),
    ...(timeLimitMin === undefined ? {} : { timeLimitMin }),
    ...(unlockAuthorisedAtMs === undefined ? {} : { unlockAuthorisedAtMs }),
  };
}

/** Records before this time mean the same under the plan as under the basis: Infinity where nothing changed, 0: none. */
export function sameUntilMs(plan: TripPlan, basis: Basis): number {
  const { sealedAtMs, departedAtMs, timeLimitMin, unlockAuthorisedAtMs } = plan;
  if (departedAtMs !== basis.departedAtMs || timeLimitMin !== basis.timeLimitMin) return 0;
  return Math.min(
    changeMs(sealedAtMs, basis.sealedAtMs),
    changeMs(unlockAuthorisedAtMs, basis.unlockAuthorisedAtMs) - CLOCK_TOLERANCE_MS,
  );
}

function changeMs(now: number | undefined, then: number | undefined): number {
  if (now === then) return Number.POSITIVE_INFINITY;
  return Math.min(now ?? Number.POSITIVE_INFINITY, then ?? Number.POSITIVE_INFINITY);
}
