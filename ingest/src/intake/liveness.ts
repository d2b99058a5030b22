import type { AlarmFact } from '../tracker/index.ts';
import { tick } from '../tracker/replay.ts';
import type { TripOutcome } from './judge.ts';
import type { FollowedTrip } from './roster.ts';

/** What the clock alone changes of a trip: silence, a red that nothing confirmed for a minute; mostly nothing. */
export function clockOutcome(trip: FollowedTrip, nowMs: number): TripOutcome {
  const { track, changes, withdrawn } = tick(trip.plan, trip.track, nowMs);
  const next = track === trip.track ? trip : { ...trip, track };
  return { next, changes: changes.map(withClock), withdrawn, fromMs: Number.POSITIVE_INFINITY, rejudged: false };
}

/** A red that only the clock confirmed keeps that in its evidence: a start reads it back into the plan. */
function withClock(fact: AlarmFact): AlarmFact {
  if (fact.evidence.confirmedBy !== 'clock') return fact;
  const { rule, lockId, startedMs, confirmedMs } = fact;
  return { ...fact, evidence: { ...fact.evidence, clock: { rule, lockId, startedMs, confirmedMs } } };
}
