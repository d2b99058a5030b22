import type { Queryable } from './queryable.ts';

export type EventType =
  | `trip.${'declared' | 'released' | 'hung' | 'sealed' | 'verified' | 'unlocked' | 'closed' | 'cancelled' | 'written-off'}`
  | `alarm.${'raised' | 'acknowledged' | 'disposed'}`
  | 'passage.decided';

/** An event that leaves the platform, written in the transaction that caused it. */
export async function announce(
  db: Queryable,
  event: { type: EventType; tripId?: string | undefined; data: object },
): Promise<void> {
  await db.query('INSERT INTO outbox (type, trip_id, data) VALUES ($1, $2, $3)', [
    event.type,
    event.tripId ?? null,
    event.data,
  ]);
}
