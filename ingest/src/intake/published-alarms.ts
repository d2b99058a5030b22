import type { AlarmRow } from '../store/alarms/alarms.ts';
import type { AlarmFact } from '../tracker/index.ts';

/**
 * The alarms to compare the next evaluation of a trip with, after the trip was loaded: those its records mean, and those
 * the store holds as active besides (the clock raised them). Each is marked as different from any alarm: an active one is
 * written again with the next change, because the stored row may come from another plan; one that no longer holds is
 * withdrawn.
 */
export function publishedBefore(folded: readonly AlarmFact[], active: readonly AlarmRow[]): AlarmFact[] {
  const ids = new Set(folded.map((fact) => fact.alarmId));
  const others = active.filter((row) => !ids.has(row.alarm_id)).map(factOf);
  return [...folded, ...others].map((fact) => ({ ...fact, evidence: { unsure: true } }));
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
