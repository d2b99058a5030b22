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
