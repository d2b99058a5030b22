import type { PassageQuestion } from '@sealwatch/schemas';
import type { Principal } from '../people/principal.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { noteReuse, type PassageRow } from '../store/passages/passages.ts';
import { audit } from '../store/people/audit.ts';
import { announce } from '../store/webhooks/outbox.ts';
import { otherMembers } from './same-question.ts';

/**
 * A passage's id that comes again must come with the same question. Another one is counted, kept with the passage for the
 * gate's screen, and refused.
 * @throws ApiProblem 409 `passage.reused`, with the members that differ
 */
export async function requireSameQuestion(
  deps: UseCaseDeps,
  row: PassageRow,
  asked: PassageQuestion,
  caller: Principal,
): Promise<void> {
  const members = otherMembers(row.question, asked);
  if (members.length === 0) return;
  deps.passageReused?.(row.gate_id);
  deps.log.warn({ gateId: row.gate_id, passageId: row.passage_id, members }, 'the id of a passage was used again');
  await inTransaction(deps.pool, async (db) => {
    const last = await noteReuse(db, row, asked);
    // A lane that repeats a refused question is counted each time; the event and the audit have it once.
    if (last !== null && otherMembers(last, asked).length === 0) return;
    const data = { gateId: row.gate_id, passageId: row.passage_id };
    await announce(db, { type: 'passage.reused', tripId: row.trip_id ?? undefined, data });
    const entry = { actor: caller.name, action: 'gate.passage-reused', subject: `gate:${row.gate_id}` };
    await audit(db, { ...entry, before: { question: row.question }, after: { question: asked } });
  });
  const errors = members.map((path) => ({ path, message: 'is not as in the first question with this passageId' }));
  throw new ApiProblem(
    409,
    'passage.reused',
    `${row.passage_id}: was used for another question (${members.join(', ')})`,
    errors,
  );
}
