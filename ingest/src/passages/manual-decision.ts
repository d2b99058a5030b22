import type { PassageAnswer, PassageDecision } from '@sealwatch/schemas';
import type { z } from 'zod';
import type { PassageTime } from '../custody/gate-time.ts';
import { WRITE_OFF_FROM } from '../custody/status.ts';
import { requireActing, requireOwnGate } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { DECIDERS } from '../people/roles.ts';
import { requirePerson, twoPeople } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { decidePassage, getPassage, lockPassage, type PassageRow } from '../store/passages/passages.ts';
import { audit } from '../store/people/audit.ts';
import type { TripView } from '../store/trips/row.ts';
import { getTrip, tripForUpdate } from '../store/trips/trips.ts';
import { announce } from '../store/webhooks/outbox.ts';
import { departure, keepOutcome, NOTHING, type PassageOutcome, writeOff } from '../trips/outcome.ts';
import { stepFacts } from '../trips/step-facts.ts';
import type { Gate, Passed } from './passed.ts';
import { readingOf } from './reading.ts';

const unchanged = (row: PassageRow, gate: Gate): Passed => ({
  row,
  gate,
  fresh: false,
  tripChanged: false,
  alarmIds: [],
  lockIds: [],
});

const timeOf = ({ question, answer, decided_at }: PassageRow): PassageTime => ({
  atMs: Date.parse(question.at),
  receivedMs: decided_at.getTime(),
  clockWrong: answer.reasons.some((reason) => reason.rule === 'gate.clock'),
});

/** What a release by hand does to the trip, written in the caller's transaction. */
async function released(
  deps: UseCaseDeps,
  db: Queryable,
  row: TripView,
  passage: PassageRow,
  by: string,
): Promise<PassageOutcome> {
  const { question } = passage;
  const inward = question.direction === 'in';
  // What is not sealed is sealed by the step of that name, with its checks.
  if (!inward && row.status !== 'sealed') return NOTHING;
  const reader = { pool: deps.pool, db };
  const facts = await stepFacts(reader, row, inward ? 'destination' : 'origin', { by, read: readingOf(question) });
  const time = timeOf(passage);
  const outcome = inward ? writeOff(row, facts, time, by) : departure(row, facts, time, by);
  await keepOutcome(db, row, outcome, by);
  return outcome;
}

/**
 * A person's decision on a passage. A release against a red trip needs two people; the same decision again
 * changes nothing, another one is kept over it.
 * @param passage `day` as the passage has it; absent: the newest with this id
 */
export async function decideByHand(
  deps: UseCaseDeps,
  gate: Gate,
  { passageId, day }: { passageId: string; day?: string | undefined },
  caller: Principal,
  asked: z.output<typeof PassageDecision>,
): Promise<Passed> {
  return inTransaction(deps.pool, async (db) => {
    await lockPassage(db, gate.gateId, passageId);
    const passage = await getPassage(db, { gateId: gate.gateId, passageId, day });
    if (passage === undefined) throw notFound('passage', passageId);
    const seen = passage.trip_id === null ? undefined : await getTrip(db, passage.trip_id, caller.offices);
    if (passage.trip_id !== null && seen === undefined) throw notFound('passage', passageId);
    if (seen === undefined) requireOwnGate(caller, gate);
    else requireActing(caller, seen);
    if (passage.decision === asked.decision) return unchanged(passage, gate);
    const trip = seen && (await tripForUpdate(db, seen.trip_id));
    const red = trip?.risk === 2 || passage.verdict === 'alarm';
    const second =
      asked.decision === 'release' && red
        ? await twoPeople(db, caller, {
            act: 'gate.decide',
            tripId: trip?.trip_id,
            subject: { gateId: gate.gateId, passageId, day: passage.day },
            asked,
            roles: DECIDERS,
            state: passage.decision ?? '',
          })
        : undefined;
    // M says that a person is to look; a key is none.
    if (asked.decision === 'release' && trip?.simulated !== true) requirePerson(caller, 'a person releases by hand');
    const releases = asked.decision === 'release' && trip !== undefined && trip.written_off_at === null;
    const inward = passage.question.direction === 'in';
    if (releases && inward && !WRITE_OFF_FROM.includes(trip.status)) {
      throw new ApiProblem(409, 'trip.status', `a trip that is ${trip.status} cannot be written off at a gate`);
    }
    const outcome = trip !== undefined && releases ? await released(deps, db, trip, passage, caller.name) : NOTHING;
    const answer: PassageAnswer = {
      ...passage.answer,
      writtenOff: passage.answer.writtenOff || outcome.writtenOff,
      ...(outcome.departed ? { departed: true } : {}),
      ...(outcome.commands[0] === undefined ? {} : { unlock: { commandId: outcome.commands[0].commandId } }),
    };
    const decision = { decision: asked.decision, by: caller.name, secondBy: second, comment: asked.comment };
    const row = await decidePassage(db, { gateId: gate.gateId, passageId, day: passage.day, answer }, decision);
    const subject = `gate:${gate.gateId}`;
    const before = { verdict: passage.verdict, decision: passage.decision };
    await announce(db, {
      type: 'passage.decided',
      tripId: trip?.trip_id,
      data: { gateId: gate.gateId, ...answer, decision },
    });
    await audit(
      db,
      {
        actor: caller.name,
        action: 'gate.decide-by-hand',
        subject,
        before,
        after: { passageId, ...decision },
      },
      ...outcome.entries,
    );
    return {
      row,
      gate,
      fresh: true,
      tripId: trip?.trip_id,
      tripChanged: outcome.change !== undefined,
      alarmIds: [],
      lockIds: outcome.commands.map((command) => command.lockId),
    };
  });
}
