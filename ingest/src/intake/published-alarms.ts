import type { AlarmRow } from '../store/alarms/alarms.ts';
import type { AlarmFact } from '../tracker/index.ts';

/**
 * What was told of a trip before it left memory: what its records mean, and what else the store holds as active (the
 * clock raised it). Told, but equal to nothing: what stands is written once more with the next change, because it may
 * have been folded under another plan than the one that was written; what no longer holds is withdrawn.
 */
export function toldBefore(standing: readonly AlarmFact[], active: readonly AlarmRow[]): AlarmFact[] {
  const ids = new Set(standing.map((fact) => fact.alarmId));
  const others = active.filter((row) => !ids.has(row.alarm_id)).map(factOf);
  return [...standing, ...others].map((fact) => ({ ...fact, evidence: { unsure: true } }));
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
