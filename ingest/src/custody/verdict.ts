import type { PassageReason, PassageVerdict } from '@sealwatch/schemas';
import { risk, seals, timeLimit, weight } from './condition.ts';
import { type Finding, found } from './finding.ts';
import type { GateFacts, GateTrip } from './gate-facts.ts';
import { type PassageTime, passageMs, passageTime } from './gate-time.ts';
import { identity } from './identity.ts';
import { match, unregistered } from './match.ts';
import { DEFAULT_GATE_PARAMS } from './params.ts';
import { permission } from './permission.ts';
import { both, DISPLAY, sentenceOf } from './reasons.ts';

export interface GateVerdict {
  verdict: PassageVerdict;
  code: 'Y' | 'M' | 'N';
  lane: 'fast' | 'manual' | 'inspection';
  tripId?: string;
  reasons: PassageReason[];
  findings: Finding[];
  display: string;
  /** When the truck was at the gate. */
  time: PassageTime;
}

/**
 * The gate's decision: which trip is at the barrier and whether it may pass (docs/rules.md, "The gate").
 * Nothing found: Y, fast lane. Something a person must look at: M. Anything that contradicts the trip, a seal that is
 * not intact or a red trip: N. What was not read is a reason, too.
 */
export function decide(facts: GateFacts): GateVerdict {
  const { question } = facts;
  const { trip, doubts } = match(facts);
  const params = trip?.params ?? DEFAULT_GATE_PARAMS;
  const time = passageTime(question.at, facts.nowMs, params['gate.clock'].toleranceMin);
  const findings = [...clock(time), ...doubts, ...unregistered(facts)];
  if (trip !== undefined) {
    findings.push(
      ...identity(question, trip, facts.registeredLocks),
      ...permission(trip, question.direction, params['gate.takeover']),
      ...risk(trip),
      ...seals(trip, facts.nowMs, params['gate.seal']),
      ...timeLimit(trip, passageMs(time), params['gate.overdue']),
      ...weight(question, trip, params['gate.weight']),
    );
  }
  return { ...answer(findings, trip, facts.ruleText), time };
}

function clock({ atMs, receivedMs, clockWrong }: PassageTime): Finding[] {
  if (!clockWrong) return [];
  return [
    found('gate.clock', 'manual', `${atMs > receivedMs ? '+' : ''}${Math.round((atMs - receivedMs) / 60_000)} min`),
  ];
}

function answer(
  findings: Finding[],
  trip: GateTrip | undefined,
  ruleText: GateFacts['ruleText'],
): Omit<GateVerdict, 'time'> {
  const verdict = findings.some((f) => f.weight === 'alarm') ? 'alarm' : findings.length > 0 ? 'manual' : 'release';
  return {
    verdict,
    code: ({ release: 'Y', manual: 'M', alarm: 'N' } as const)[verdict],
    lane: ({ release: 'fast', manual: 'manual', alarm: 'inspection' } as const)[verdict],
    ...(trip === undefined ? {} : { tripId: trip.tripId }),
    reasons: findings.map((finding) => ({
      rule: finding.rule,
      text: both(sentenceOf(finding.rule, finding.what, ruleText)),
      ...(finding.laneCode === undefined ? {} : { laneCode: finding.laneCode }),
    })),
    findings,
    display: DISPLAY[verdict],
  };
}
