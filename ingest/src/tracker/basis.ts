import { LAG_AT_MOST_MS, SECOND_MS, type TripPlan } from './plan.ts';

/** The parts of the plan that the fold reads. If one of them changes, records folded under the old one are folded again. */
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

/** Records before this time fold alike under the plan and under the basis. Infinity: nothing changed; 0: no record does. */
export function sameUntilMs(plan: TripPlan, basis: Basis): number {
  const { sealedAtMs, departedAtMs, timeLimitMin, unlockAuthorisedAtMs } = plan;
  if (departedAtMs !== basis.departedAtMs || timeLimitMin !== basis.timeLimitMin) return 0;
  return Math.min(
    changeMs(sealedAtMs, basis.sealedAtMs),
    changeMs(unlockAuthorisedAtMs, basis.unlockAuthorisedAtMs) - LAG_AT_MOST_MS - SECOND_MS,
  );
}

function changeMs(now: number | undefined, then: number | undefined): number {
  if (now === then) return Number.POSITIVE_INFINITY;
  return Math.min(now ?? Number.POSITIVE_INFINITY, then ?? Number.POSITIVE_INFINITY);
}
