import type { PassageQuestion } from '@sealwatch/schemas';
import { v5 as uuidV5 } from 'uuid';
import { GATE_REASONS } from '../custody/reasons.ts';
import type { GateVerdict } from '../custody/verdict.ts';
import type { GateCandidate } from '../store/passages/gate.ts';
import { departure, NOTHING, type PassageOutcome, writeOff } from '../trips/outcome.ts';
import { isOriginGate, type Weighed } from './candidates.ts';
import type { Gate } from './passed.ts';

/** Namespace of the ids of alarms that gates raise: the same trip, rule and count of disposals give the same id. */
const GATE_ALARMS = '5a1f6a0e-7d43-5c0a-9a53-1d6c3d0f7b52';

export function outcomeOf(
  verdict: GateVerdict,
  found: Weighed | undefined,
  question: PassageQuestion,
  gate: Gate,
): PassageOutcome {
  if (verdict.verdict !== 'release' || found === undefined) return NOTHING;
  const by = `gate:${gate.gateId}`;
  if (question.direction === 'in') return writeOff(found.row, found.facts, verdict.time, by);
  const departs = ['hung', 'sealed'].includes(found.row.status) && isOriginGate(found.row, gate);
  return departs ? departure(found.row, found.facts, verdict.time, by) : NOTHING;
}

export function gateAlarms(verdict: GateVerdict, row: GateCandidate | undefined) {
  if (row === undefined) return [];
  return verdict.findings
    .filter((finding) => GATE_REASONS[finding.rule].raisesAlarm)
    .map(({ rule, what }) => ({
      alarmId: uuidV5(`${row.trip_id} ${rule} ${row.disposals[rule] ?? 0}`, GATE_ALARMS),
      lockId: row.units[0]?.lockId ?? '',
      rule,
      what,
    }));
}
