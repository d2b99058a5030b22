import { type AlarmFact, activeAlarm, standingAlarms } from './alarms.ts';
import type { TripPlan } from './plan.ts';
import { silenceAt, silenceLimitMs } from './rules/comms-silent.ts';
import { overdueAt } from './rules/time-overdue.ts';
import type { TripState } from './state.ts';

/** An outside fix that none inside has followed for so long is believed: the lock may have been silenced as it left. */
export const CLOCK_CONFIRMS_MS = 60_000;

/**
 * What only the passing of time can tell, at `nowMs`: silence, a truck off its route for a minute, a time limit run out.
 * The fold says the same in hindsight, under the same ids; of a red confirmed here it only knows through the plan
 * (`clockConfirmations`), for a person alone may turn it off.
 */
export function liveness(plan: TripPlan, state: TripState, nowMs: number): AlarmFact[] {
  return [...silent(plan, state, nowMs), ...overdue(plan, state, nowMs), ...confirmedByClock(plan, state, nowMs)];
}

function silent(plan: TripPlan, state: TripState, nowMs: number): AlarmFact[] {
  const { sealedAtMs, unlockAuthorisedAtMs } = plan;
  if (sealedAtMs === undefined || unlockAuthorisedAtMs !== undefined) return [];
  const params = silenceAt(plan.params, state);
  const longest = plan.locks
    .flatMap((lockId) => {
      const last = state.locks[lockId];
      if (!last || last.timeMs < sealedAtMs) return [];
      const limitMs = silenceLimitMs(last.mode, params);
      return nowMs - last.timeMs > limitMs ? [{ lockId, last, limitMs }] : [];
    })
    .sort((a, b) => a.last.timeMs + a.limitMs - b.last.timeMs - b.limitMs || (a.lockId < b.lockId ? -1 : 1))[0];
  if (!longest) return [];
  const { lockId, last, limitMs } = longest;
  const alarm = activeAlarm(plan, 'comms.silent', {
    lockId,
    startedMs: last.timeMs,
    confirmedMs: last.timeMs + limitMs,
    ...(last.fix ? { position: { lon: last.fix.lon, lat: last.fix.lat } } : {}),
    evidence: { limitMin: limitMs / 60_000, mode: last.mode },
  });
  return [alarm];
}

function overdue(plan: TripPlan, state: TripState, nowMs: number): AlarmFact[] {
  if (state.arrivedAtMs !== undefined || plan.unlockAuthorisedAtMs !== undefined) return [];
  const episode = overdueAt(plan, state, nowMs);
  return episode ? [activeAlarm(plan, 'time.overdue', episode)] : [];
}

function confirmedByClock(plan: TripPlan, state: TripState, nowMs: number): AlarmFact[] {
  const pending = state.route.locks.some(({ excursions }) => excursions.some((one) => one.confirmedMs === undefined));
  if (!pending) return [];
  return standingAlarms(plan, state).flatMap((fact) => {
    if (fact.rule !== 'route.deviation' || fact.phase !== 'provisional') return [];
    const lock = state.locks[fact.lockId];
    // While none is missing, the records since are known not to end it; otherwise those that are missing may.
    const isUnbroken = lock !== undefined && lock.unbrokenMs <= fact.startedMs;
    const confirmedMs = Math.max(fact.startedMs, isUnbroken ? 0 : (lock?.timeMs ?? 0)) + CLOCK_CONFIRMS_MS;
    if (nowMs < confirmedMs) return [];
    return [{ ...fact, phase: 'open', confirmedMs, evidence: { ...fact.evidence, confirmedBy: 'clock' } }];
  });
}
