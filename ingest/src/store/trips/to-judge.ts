import type { Queryable } from '../../postgres/queryable.ts';

/**
 * Puts trips among those that are to be judged again; to be called in the transaction that changes their plans, after its
 * other changes of trips. Unknown trips are left out.
 */
export async function askToJudge(db: Queryable, tripIds: readonly string[]): Promise<void> {
  if (tripIds.length === 0) return;
  // In one order, so that two transactions that ask for the same trips do not wait for each other.
  await db.query({
    name: 'ask-to-judge',
    text: `INSERT INTO to_judge (trip_id) SELECT trip_id FROM trips WHERE trip_id = ANY($1::uuid[]) ORDER BY trip_id
      ON CONFLICT (trip_id) DO UPDATE SET asked = excluded.asked`,
    values: [tripIds],
  });
}

/** The same, for the worker that owns these trips: records of them came late, and were stored in this transaction. */
export async function askToJudgeLate(db: Queryable, tripIds: readonly string[]): Promise<void> {
  if (tripIds.length === 0) return;
  await db.query(
    `INSERT INTO to_judge (trip_id, late) SELECT trip_id, true FROM trips WHERE trip_id = ANY($1::uuid[]) ORDER BY trip_id
     ON CONFLICT (trip_id) DO UPDATE SET asked = excluded.asked, late = true`,
    [tripIds],
  );
}

/** A trip that waits to be judged again. */
export interface ToJudge {
  tripId: string;
  slot: number;
  /** Another number after every ask. */
  asked: string;
  lockIds: string[];
}

/**
 * Trips of these slots that wait, those that were asked for first before others.
 * @param except of these the asks that are known are left out
 */
export async function waitingToJudge(
  db: Queryable,
  slots: Iterable<number>,
  limit: number,
  except: readonly Pick<ToJudge, 'tripId' | 'asked'>[] = [],
): Promise<ToJudge[]> {
  const { rows } = await db.query<{ trip_id: string; slot: number; asked: string; lock_ids: string[] }>({
    name: 'waiting-to-judge',
    text: `SELECT j.trip_id, t.slot, j.asked::text, ARRAY(SELECT lock_id FROM trip_units u WHERE u.trip_id = j.trip_id) AS lock_ids
      FROM to_judge j JOIN trips t USING (trip_id) WHERE t.slot = ANY($4::smallint[]) AND NOT EXISTS (
        SELECT FROM unnest($2::uuid[], $3::bigint[]) AS x(trip_id, asked) WHERE x.trip_id = j.trip_id AND x.asked = j.asked)
      ORDER BY j.asked_at, j.asked LIMIT $1`,
    values: [limit, except.map(({ tripId }) => tripId), except.map(({ asked }) => asked), [...slots]],
  });
  return rows.map((row) => ({ tripId: row.trip_id, slot: row.slot, asked: row.asked, lockIds: row.lock_ids }));
}

/** Which of these trips still wait. */
export async function stillToJudge(db: Queryable, tripIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ trip_id: string }>({
    name: 'still-to-judge',
    text: 'SELECT trip_id FROM to_judge WHERE trip_id = ANY($1::uuid[])',
    values: [tripIds],
  });
  return rows.map((row) => row.trip_id);
}

/** How many trips wait, and for how long the first of them has, s; by the clock of the database. */
export async function toJudgeBacklog(db: Queryable): Promise<{ trips: number; oldestS: number }> {
  const { rows } = await db.query<{ trips: number; oldest_s: number }>(
    `SELECT count(*)::int AS trips, coalesce(extract(epoch FROM clock_timestamp() - min(asked_at)), 0)::float8 AS oldest_s FROM to_judge`,
  );
  return { trips: rows[0]!.trips, oldestS: Math.max(0, rows[0]!.oldest_s) };
}

/**
 * Takes out what was judged, in the transaction that writes how. A trip that was asked for again since it was read, or is just
 * being asked for, stays.
 * @returns the trips that no longer wait, and those of their locks that an unlock waits for
 */
export async function endToJudge(
  db: Queryable,
  seen: readonly Pick<ToJudge, 'tripId' | 'asked'>[],
): Promise<{ tripIds: string[]; lockIds: string[] }> {
  if (seen.length === 0) return { tripIds: [], lockIds: [] };
  const { rows } = await db.query<{ trip_id: string; lock_ids: string[] }>({
    name: 'end-to-judge',
    text: `WITH judged AS (
        SELECT j.trip_id FROM to_judge j JOIN unnest($1::uuid[], $2::bigint[]) AS x(trip_id, asked)
          ON x.trip_id = j.trip_id AND x.asked = j.asked ORDER BY j.trip_id FOR UPDATE OF j SKIP LOCKED)
      DELETE FROM to_judge j USING judged WHERE j.trip_id = judged.trip_id
      RETURNING j.trip_id, ARRAY(SELECT c.lock_id FROM commands c WHERE c.trip_id = j.trip_id AND c.type = 'unlock'
        AND c.state IN ('queued', 'sent')) AS lock_ids`,
    values: [seen.map(({ tripId }) => tripId), seen.map(({ asked }) => asked)],
  });
  return { tripIds: rows.map((row) => row.trip_id), lockIds: [...new Set(rows.flatMap((row) => row.lock_ids))] };
}

/**
 * Condition for a command `c` that is not to be sent yet: an unlock whose trip waits to be judged, since a lock that opens at
 * once would be judged by the plan of before. Not for longer than 15 s, by the clock of the database: an opened lock that is
 * judged later is better than a truck that stands.
 */
export const UNLOCK_IS_HELD = `(c.type = 'unlock' AND EXISTS (SELECT FROM to_judge j WHERE j.trip_id = c.trip_id
  AND j.asked_at > clock_timestamp() - interval '15 s'))`;
