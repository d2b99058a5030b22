import type { AlarmFact } from '../tracker/index.ts';
import { tick } from '../tracker/replay.ts';
import type { TripOutcome } from './judge.ts';
import type { FollowedTrip } from './roster.ts';

/** What the clock alone changes of the trips that are followed: silence, reds that nothing confirmed for a minute. */
export function clockOutcomes(trips: Iterable<FollowedTrip>, nowMs: number): TripOutcome[] {
  const outcomes: TripOutcome[] = [];
  for (const trip of trips) {
    const { track, changes, withdrawn } = tick(trip.plan, trip.track, nowMs);
    if (changes.length === 0 && withdrawn.length === 0) continue;
    outcomes.push({
      next: { ...trip, track },
      changes: changes.map(withClock),
      withdrawn,
      fromMs: Number.POSITIVE_INFINITY,
      rejudged: false,
    });
  }
  return outcomes;
}

/** A red that only the clock confirmed keeps that in its evidence: a start reads it back into the plan. */
function withClock(fact: AlarmFact): AlarmFact {
  if (fact.evidence.confirmedBy !== 'clock') return fact;
  const { rule, lockId, startedMs, confirmedMs } = fact;
  return { ...fact, evidence: { ...fact.evidence, clock: { rule, lockId, startedMs, confirmedMs } } };
}
