import type { FeedPassage, PassageAnswer, PassageQuestion, PassageVerdict } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { VISIBLE } from '../trips/conditions.ts';

export interface PassageRow {
  gate_id: string;
  passage_id: string;
  /** The day that the id belongs to; empty for a UUID. */
  day: string;
  decided_at: Date;
  question: PassageQuestion;
  /** The current answer, after a manual decision. */
  answer: PassageAnswer;
  /** The answer that the gate got, if a manual decision has changed it since. */
  first_answer: PassageAnswer | null;
  verdict: PassageVerdict;
  trip_id: string | null;
  decision: 'release' | 'inspect' | 'return' | null;
  decision_by: string | null;
  second_by: string | null;
  comment: string | null;
  decision_at: Date | null;
  /** Questions that came with this id and another body. */
  reused_times: number;
  reused_at: Date | null;
  /** The last of them. */
  reused_question: PassageQuestion | null;
}

/** Repeats of one passage wait for each other here, so that the second finds what the first decided. */
export async function lockPassage(db: Queryable, gateId: string, passageId: string): Promise<void> {
  await db.query(`SELECT pg_advisory_xact_lock(hashtextextended('passage:' || $1 || ':' || $2, 0))`, [
    gateId,
    passageId,
  ]);
}

/** @param day absent: the newest passage with this id */
export async function getPassage(
  db: Queryable,
  { gateId, passageId, day }: { gateId: string; passageId: string; day?: string | undefined },
): Promise<PassageRow | undefined> {
  const { rows } = await db.query<PassageRow>(
    `SELECT * FROM passages WHERE gate_id = $1 AND passage_id = $2 AND ($3::text IS NULL OR day = $3)
     ORDER BY decided_at DESC LIMIT 1`,
    [gateId, passageId, day ?? null],
  );
  return rows[0];
}

/** Counts a question that used the id of a passage again, and keeps it. @returns the one kept before */
export async function noteReuse(
  db: Queryable,
  { gate_id, passage_id, day }: Pick<PassageRow, 'gate_id' | 'passage_id' | 'day'>,
  question: PassageQuestion,
): Promise<PassageQuestion | null> {
  const { rows } = await db.query<{ last: PassageQuestion | null }>(
    `WITH last AS (SELECT reused_question FROM passages WHERE gate_id = $1 AND passage_id = $2 AND day = $3 FOR UPDATE)
     UPDATE passages SET reused_times = reused_times + 1, reused_at = clock_timestamp(), reused_question = $4
     FROM last WHERE gate_id = $1 AND passage_id = $2 AND day = $3 RETURNING last.reused_question AS last`,
    [gate_id, passage_id, day, question],
  );
  return rows[0]?.last ?? null;
}

/** The newest passage of a session of gate equipment: its first reading, or one that was taken again. */
export async function passageOfSession(
  db: Queryable,
  gateId: string,
  sessionId: string,
): Promise<{ passageId: string; day: string } | undefined> {
  const { rows } = await db.query<{ passageId: string; day: string }>(
    `SELECT passage_id AS "passageId", day FROM passages WHERE gate_id = $1 AND (passage_id = $2 OR starts_with(passage_id, $2 || '/'))
     ORDER BY decided_at DESC LIMIT 1`,
    [gateId, sessionId],
  );
  return rows[0];
}

export async function decidePassage(
  db: Queryable,
  passage: { gateId: string; passageId: string; day: string; answer: PassageAnswer },
  decision: { decision: string; by: string; secondBy?: string | undefined; comment: string },
): Promise<PassageRow> {
  const { rows } = await db.query<PassageRow>(
    `UPDATE passages SET decision = $3, decision_by = $4, second_by = $5, comment = $6, decision_at = now(), answer = $7,
       first_answer = coalesce(first_answer, answer)
     WHERE gate_id = $1 AND passage_id = $2 AND day = $8 RETURNING *`,
    [
      passage.gateId,
      passage.passageId,
      decision.decision,
      decision.by,
      decision.secondBy ?? null,
      decision.comment,
      passage.answer,
      passage.day,
    ],
  );
  return rows[0]!;
}

const SEEN = (parameter: number) =>
  `(${VISIBLE(parameter)} OR (p.trip_id IS NULL AND g.feature -> 'properties' ->> 'office' = ANY($${parameter})))`;

/** Newest first. A passage without a trip is seen by the gate's own office. */
export async function listPassages(
  db: Queryable,
  filter: {
    gateId?: string | undefined;
    tripId?: string | undefined;
    offices: string[] | null;
    limit: number;
    after?: { decidedAt: string; passageId: string } | undefined;
  },
): Promise<(PassageRow & { gate_name: string; gate_office: string | null })[]> {
  const { rows } = await db.query<PassageRow & { gate_name: string; gate_office: string | null }>(
    `SELECT p.*, coalesce(g.name, p.gate_id) AS gate_name, g.feature -> 'properties' ->> 'office' AS gate_office
     FROM passages p LEFT JOIN trips t USING (trip_id) LEFT JOIN places g ON g.place_id = p.gate_id
     WHERE ($1::text IS NULL OR p.gate_id = $1) AND ($2::uuid IS NULL OR p.trip_id = $2) AND ${SEEN(3)}
       AND ($4::timestamptz IS NULL OR (date_trunc('milliseconds', p.decided_at), p.passage_id) < ($4, $5))
     ORDER BY date_trunc('milliseconds', p.decided_at) DESC, p.passage_id DESC LIMIT $6`,
    [
      filter.gateId ?? null,
      filter.tripId ?? null,
      filter.offices,
      filter.after?.decidedAt ?? null,
      filter.after?.passageId ?? null,
      filter.limit,
    ],
  );
  return rows;
}

/** A passage as the wall shows it; one of a gate whose clock is wrong has its receipt time. */
export function feedPassageOf(row: PassageRow, gateName: string): FeedPassage {
  const { question, answer } = row;
  const clockWrong = answer.reasons.some((reason) => reason.rule === 'gate.clock');
  return {
    ...answer,
    gateId: row.gate_id,
    gateName,
    ...(question.lane === undefined ? {} : { gateLane: question.lane }),
    direction: question.direction,
    at: clockWrong ? row.decided_at.toISOString() : question.at,
    ...(question.plate === undefined ? {} : { plate: question.plate.text }),
  };
}
