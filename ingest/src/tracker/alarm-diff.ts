import type { AlarmFact } from './alarms.ts';

/**
 * How a trip's alarms differ from the published ones. To be written in this order: first delete `withdrawn` (level and edge
 * alarms that late records explained, provisional ones that were not confirmed), then write `changes` in their order. What is
 * no longer active comes first, so that never two alarms of a rule are active. `detectedLate` is kept as first written.
 */
export interface AlarmDiff {
  changes: AlarmFact[];
  /** Alarm ids. */
  withdrawn: string[];
}

/** @param after may hold an alarm twice; the last one counts */
export function diffAlarms(before: AlarmFact[], after: AlarmFact[]): AlarmDiff {
  const was = new Map(before.map((fact) => [fact.alarmId, fact]));
  const changed = new Map<string, AlarmFact>();
  for (const fact of after) {
    const next = asPublished(before, fact);
    if (JSON.stringify(was.get(fact.alarmId)) !== JSON.stringify(next)) changed.set(fact.alarmId, next);
    else changed.delete(fact.alarmId);
  }
  const ids = new Set(after.map((fact) => fact.alarmId));
  return {
    changes: [...changed.values()].sort((a, b) => Number(a.active) - Number(b.active)),
    withdrawn: [...was.values()].filter(isWithdrawable).flatMap(({ alarmId }) => (ids.has(alarmId) ? [] : alarmId)),
  };
}

/** Whether an alarm was found late is settled when it is first published; later records only refine the rest. */
export function asPublished(published: AlarmFact[], fact: AlarmFact): AlarmFact {
  const first = published.find(({ alarmId }) => alarmId === fact.alarmId);
  return first?.confirmedMs === undefined ? fact : { ...fact, detectedLate: first.detectedLate };
}

/** Law 4: a proven latched alarm is never withdrawn. */
function isWithdrawable(fact: AlarmFact): boolean {
  return fact.kind !== 'latched' || fact.phase === 'provisional';
}
