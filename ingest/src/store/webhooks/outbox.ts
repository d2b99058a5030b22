import type { Queryable } from '../../postgres/queryable.ts';

/** Every event that leaves the platform. */
export const EVENT_TYPES = [
  'trip.declared',
  'trip.released',
  'trip.hung',
  'trip.sealed',
  'trip.departed',
  'trip.arrived',
  'trip.verified',
  'trip.unlocked',
  'trip.closed',
  'trip.cancelled',
  'trip.written-off',
  'alarm.raised',
  'alarm.reminded',
  'alarm.escalated',
  'alarm.acknowledged',
  'alarm.disposed',
  'passage.decided',
  'passage.reused',
  'lock.low-battery',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

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
