import type { PassageAnswer, PassageQuestion } from '@sealwatch/schemas';
import type { GateVerdict } from '../custody/verdict.ts';
import type { PassageRow } from '../store/passages/passages.ts';
import type { PassageOutcome } from '../trips/outcome.ts';
import type { Gate } from './passed.ts';
import { dayOf } from './same-question.ts';

export function answerOf(
  question: PassageQuestion,
  verdict: GateVerdict,
  outcome: PassageOutcome,
  startedMs: number,
): PassageAnswer {
  const commandId = outcome.commands.find((command) => command.type === 'unlock')?.commandId;
  return {
    passageId: question.passageId,
    verdict: verdict.verdict,
    code: verdict.code,
    lane: verdict.lane,
    ...(verdict.tripId === undefined ? {} : { tripId: verdict.tripId }),
    reasons: verdict.reasons,
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
