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
