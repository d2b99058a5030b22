import type { PassageQuestion } from '@sealwatch/schemas';
import { unsealedBecause } from './checks.ts';
import { type Finding, found } from './finding.ts';
import type { GateAlarm, GateTrip } from './gate-facts.ts';
import type { GateParams } from './params.ts';

const isRed = ({ kind, severity }: GateAlarm) => kind === 'latched' && severity === 'critical';

/** Red follows the box and the lock: an alarm of another trip weighs as it does there. */
function inheritedFinding({ rule, severity, provisional, tripId }: GateTrip['inherited'][number]): Finding[] {
  const what = `${rule}, ${tripId}`;
  if (severity === 'critical') return [found('gate.inherited', provisional ? 'manual' : 'alarm', what)];
  return severity === 'major' && !provisional ? [found('gate.inherited', 'manual', what)] : [];
}

/** The trip's risk 0 → Y, 1 → M, 2 → N; the alarms behind it are the reasons. */
export function risk({ risk, alarms, inherited }: GateTrip): Finding[] {
  const waiting = alarms.filter((a) => a.provisional && a.severity === 'critical');
  const firm = alarms.filter((a) => !a.provisional);
  const named = (list: GateAlarm[]) => [...new Set(list.map((a) => a.rule))].sort();
  const findings = [
    ...named(waiting).map((rule) => found('gate.alarm-provisional', 'manual', rule)),
    ...inherited.flatMap(inheritedFinding),
  ];
  if (findings.some(({ rule, weight }) => rule === 'gate.inherited' && weight === 'alarm') && !firm.some(isRed)) {
    return findings;
  }
  if (risk === 2) {
    const behind = named(firm.filter(isRed));
    for (const rule of behind.length > 0 ? behind : ['red']) findings.push(found('gate.trip-flagged', 'alarm', rule));
  } else if (risk === 1) {
    const behind = named(firm.filter((a) => a.severity === 'major' || a.severity === 'critical'));
    for (const rule of behind.length > 0 ? behind : ['amber']) findings.push(found('gate.trip-amber', 'manual', rule));
  }
  return findings;
}

export function seals(trip: GateTrip, nowMs: number, { freshMin }: GateParams['gate.seal']): Finding[] {
  return trip.locks.flatMap(({ lockId, seal, sealTimeMs }) => {
    if (seal === undefined || sealTimeMs === undefined) return [found('seal.unknown', 'manual', lockId)];
    const fault = unsealedBecause(seal);
    if (fault !== undefined) return [found('seal.not-intact', 'alarm', `${lockId} ${fault}`, '1')];
    const ageMs = nowMs - sealTimeMs;
    if (ageMs <= freshMin * 60_000) return [];
    return [found('seal.stale', 'manual', `${lockId} ${Math.round(ageMs / 60_000)} min`)];
  });
}

export function timeLimit(trip: GateTrip, atMs: number, { inspectShare }: GateParams['gate.overdue']): Finding[] {
  if (trip.departedAtMs === undefined || trip.timeLimitMin === undefined) return [];
  const overMin = (atMs - trip.departedAtMs) / 60_000 - trip.timeLimitMin;
  if (overMin <= 0) return [];
  const far = overMin > trip.timeLimitMin * inspectShare;
  return [found('time.overdue', far ? 'alarm' : 'manual', `${Math.round(overMin)} min`)];
}

export function weight(question: PassageQuestion, trip: GateTrip, tolerance: GateParams['gate.weight']): Finding[] {
  if (trip.grossWeightKg === undefined) return [];
  if (question.grossWeightKg === undefined) return [found('gate.weight-missing', 'manual', '', 'q')];
  const differenceKg = Math.abs(question.grossWeightKg - trip.grossWeightKg);
  if (differenceKg <= Math.max(tolerance.toleranceKg, trip.grossWeightKg * tolerance.toleranceShare)) return [];
  return [found('gate.weight', 'alarm', `${question.grossWeightKg} kg ≠ ${trip.grossWeightKg} kg`, 'q')];
}
