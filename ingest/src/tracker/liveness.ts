import { type AlarmFact, currentAlarmsOf, episodesIn, factOf } from './alarms.ts';
import { paramsAt } from './params.ts';
import type { TripPlan } from './plan.ts';
import type { ListeningSince } from './rule.ts';
import { ALL_RULES } from './rules.ts';
import type { TripState } from './state.ts';

const CLOCK_RULES = ALL_RULES.filter((rule) => rule.clock);
const CONFIRMED_BY_CLOCK = ALL_RULES.filter((rule) => rule.confirmedAfterMs !== undefined);
const ALWAYS: ListeningSince = () => 0;

/**
 * The alarms that the passing of time alone raises or confirms, at `nowMs`: a silent lock, a time limit that has run out,
 * a truck off its route that no record contradicts. The fold finds the same episodes in hindsight, under the same ids. It
 * learns of a confirmation only through the plan (`clockConfirmations`), because only a person may end a red alarm.
 */
export function liveness(
  plan: TripPlan,
  state: TripState,
  nowMs: number,
  listeningMs: ListeningSince = ALWAYS,
): AlarmFact[] {
  return [...raisedByClock(plan, state, nowMs, listeningMs), ...confirmedByClock(plan, state, nowMs)];
}

/** Whether an alarm is one that the clock raises while it lasts, and the fold only in hindsight. */
export function isOfClock({ rule }: AlarmFact): boolean {
  return CLOCK_RULES.some((known) => known.rule === rule);
}

/** Whether an alarm that the clock raised is still active, because no record since contradicts it. */
export function isStillActive(plan: TripPlan, state: TripState, fact: AlarmFact): boolean {
  if (!fact.active) return false;
  const known = CLOCK_RULES.find(({ rule }) => rule === fact.rule);
  return known?.clock?.isStillOpen(plan, state, fact) ?? false;
}

function raisedByClock(plan: TripPlan, state: TripState, nowMs: number, listeningMs: ListeningSince): AlarmFact[] {
  return CLOCK_RULES.flatMap((rule) => {
    const params = paramsAt(plan.params, rule.rule, state.doneM);
    const episode = rule.clock?.openAt(plan, state, nowMs, params, listeningMs);
    return episode ? [factOf(plan, rule, episode, true)] : [];
  });
}

function confirmedByClock(plan: TripPlan, state: TripState, nowMs: number): AlarmFact[] {
  return CONFIRMED_BY_CLOCK.flatMap((rule) => {
    const isPending = episodesIn(rule, state).some((episode) => episode.confirmedMs === undefined);
    if (!isPending) return [];
    return currentAlarmsOf(rule, plan, state).flatMap((fact) => {
      if (fact.phase !== 'provisional' || fact.evidence.doubt !== undefined) return [];
      const lock = state.locks[fact.lockId];
      // If no record is missing since the start, none can end the episode; otherwise a missing one still may.
      const isUnbroken = lock !== undefined && lock.unbrokenMs <= fact.startedMs;
      const sinceMs = Math.max(fact.startedMs, isUnbroken ? 0 : (lock?.timeMs ?? 0));
      const confirmedMs = sinceMs + (rule.confirmedAfterMs ?? 0);
      if (nowMs < confirmedMs) return [];
      return [{ ...fact, phase: 'open', confirmedMs, evidence: { ...fact.evidence, confirmedBy: 'clock' } }];
    });
  });
}
