import type { PassageAnswer, PassageQuestion, PassageReason } from '@sealwatch/schemas';
import type { GateVerdict } from '../custody/verdict.ts';
import type { GateCandidate } from '../store/passages/gate.ts';
import type { PassageRow } from '../store/passages/passages.ts';
import type { PassageOutcome } from '../trips/outcome.ts';
import type { Gate } from './passed.ts';
import { dayOf } from './same-question.ts';

/** What is to be known of a lock whose protocol has no secret; it is no reason to hold a truck. */
const idAlone = (lockId: string): PassageReason => ({
  rule: 'lock.id-alone',
  text: `${lockId} 的协议只以编号识别关锁，不作认证 / the protocol of ${lockId} tells a lock by its id alone`,
});

export function answerOf(
  question: PassageQuestion,
  verdict: GateVerdict,
  outcome: PassageOutcome,
  startedMs: number,
  units: GateCandidate['units'] = [],
): PassageAnswer {
  const notes = units.flatMap(({ lockId, profile }) => (profile === null ? [] : idAlone(lockId)));
  const commandId = outcome.commands.find((command) => command.type === 'unlock')?.commandId;
  return {
    passageId: question.passageId,
    verdict: verdict.verdict,
    code: verdict.code,
    lane: verdict.lane,
    ...(verdict.tripId === undefined ? {} : { tripId: verdict.tripId }),
    reasons: verdict.reasons,
    ...(notes.length === 0 ? {} : { notes }),
    writtenOff: outcome.writtenOff,
    ...(outcome.departed ? { departed: true } : {}),
    ...(commandId === undefined ? {} : { unlock: { commandId } }),
    display: verdict.display,
    decidedInMs: Math.round((performance.now() - startedMs) * 10) / 10,
  };
}

export const rowOf = (gate: Gate, question: PassageQuestion, answer: PassageAnswer, decidedAt: Date): PassageRow => ({
  gate_id: gate.gateId,
  passage_id: question.passageId,
  day: dayOf(question),
  decided_at: decidedAt,
  question,
  answer,
  first_answer: null,
  verdict: answer.verdict,
  trip_id: answer.tripId ?? null,
  decision: null,
  decision_by: null,
  second_by: null,
  comment: null,
  decision_at: null,
  reused_times: 0,
  reused_at: null,
  reused_question: null,
});
