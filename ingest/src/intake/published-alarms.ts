import type { AlarmRow } from '../store/alarms/alarms.ts';
import type { AlarmFact } from '../tracker/index.ts';

/**
 * The alarms of a trip that were published before it left memory: those of its records, and those that the store holds as
 * active besides (the clock raised them). Their evidence is made equal to none, so that every one is written once more with
 * the next change: it may have been folded under another plan. What no longer holds is withdrawn.
 * @param current the alarms of the fold
 */
export function publishedBefore(current: readonly AlarmFact[], active: readonly AlarmRow[]): AlarmFact[] {
  const ids = new Set(current.map((fact) => fact.alarmId));
  const others = active.filter((row) => !ids.has(row.alarm_id)).map(factOf);
  return [...current, ...others].map((fact) => ({ ...fact, evidence: { unsure: true } }));
}

function factOf(row: AlarmRow): AlarmFact {
  const time = <K extends string>(key: K, value: Date | null) =>
    (value === null ? {} : { [key]: value.getTime() }) as { [P in K]?: number };
  return {
    alarmId: row.alarm_id,
    rule: row.rule,
    kind: row.kind,
    severity: row.severity,
    phase: row.phase,
    active: row.active,
    lockId: row.lock_id,
    startedMs: row.started_at.getTime(),
    ...time('lastInsideMs', row.last_inside_at),
    ...time('confirmedMs', row.confirmed_at),
    ...time('endedMs', row.ended_at),
    ...(row.max_distance_m === null ? {} : { maxDistanceM: row.max_distance_m }),
    detectedLate: row.detected_late,
    evidence: row.evidence,
  };
}
