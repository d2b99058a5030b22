import type { Check } from '@sealwatch/schemas';
import { type Finding, found } from './finding.ts';
import type { GateTrip } from './gate-facts.ts';
import type { GateParams } from './params.ts';
import { EXPECTED_AT_GATE } from './status.ts';
import { failedChecks } from './steps.ts';

export function permission(trip: GateTrip, direction: 'in' | 'out', takeover: GateParams['gate.takeover']): Finding[] {
  const findings: Finding[] = [];
  if (trip.holdReason !== undefined) findings.push(found('gate.hold', 'alarm', trip.holdReason, 'w'));
  if (trip.otherOffice !== undefined) findings.push(found('gate.other-office', 'manual', trip.otherOffice));
  findings.push(...takenOver(trip, takeover));
  if (trip.status === 'declared') findings.push(found('gate.no-release', 'alarm', '', 'z'));
  else if (trip.writtenOff) findings.push(found('gate.written-off', 'manual'));
  else if (trip.sealing !== undefined) findings.push(...sealing(trip.sealing));
  else if (!EXPECTED_AT_GATE[direction].includes(trip.status))
    findings.push(found('gate.not-under-way', 'manual', trip.status));
  return findings;
}

/** What was sealed elsewhere is a person's word: another person looks, unless the operator has said otherwise. */
function takenOver({ takenOver }: GateTrip, { release, releaseSimulated }: GateParams['gate.takeover']): Finding[] {
  if (takenOver === undefined || (takenOver.simulated ? releaseSimulated : release)) return [];
  return [found('gate.takeover', 'manual', takenOver.by)];
}

/** What the gate sees for itself when it seals; its own readings say it better. */
const SEEN_BY_GATE = ['number', 'container', 'plate', 'locked'];

/** Why the gate cannot seal: a person has to look, at the lock or at the trip. */
function sealing(checks: Check[]): Finding[] {
  return failedChecks(checks)
    .filter(({ check }) => !SEEN_BY_GATE.includes(check))
    .map(({ check, detail = '' }) =>
      check === 'interval'
        ? found('gate.interval-unconfirmed', 'manual', detail, '1')
        : found('gate.seal-check', 'manual', `${check}: ${detail}`, '1'),
    );
}
