import type { AlarmFact } from '../tracker/index.ts';
import { tick } from '../tracker/replay.ts';
import type { FollowedTrip } from './followed-trip.ts';
import { judging } from './judging-error.ts';
import type { TripOutcome } from './outcome.ts';

/** What the clock alone changes of a trip, e.g. silence, or a red that nothing confirmed for a minute. @throws JudgingError */
export function clockOutcome(trip: FollowedTrip, nowMs: number, readyMs: number): TripOutcome {
  const { plan } = trip;
  const ticked = judging(`trip ${plan.tripId}`, () => tick(plan, trip.track, nowMs, readyMs));
  const { track, changes, withdrawn } = ticked;
  const next = track === trip.track ? trip : { ...trip, track };
  return { next, changes: changes.map(withClock), withdrawn, fromMs: Number.POSITIVE_INFINITY, reevaluated: false };
}

/** Notes in the evidence that only the clock confirmed a red: after a restart the plan is loaded with it. */
function withClock(fact: AlarmFact): AlarmFact {
  if (fact.evidence.confirmedBy !== 'clock') return fact;
  const { rule, lockId, startedMs, confirmedMs } = fact;
  return { ...fact, evidence: { ...fact.evidence, clock: { rule, lockId, startedMs, confirmedMs } } };
}
