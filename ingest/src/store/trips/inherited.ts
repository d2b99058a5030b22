import type { Queryable } from '../../postgres/queryable.ts';
import type { TripAfter } from '../reports/batch.ts';

/** Gives a trip that was just declared the latched alarms of the trips that it shares a lock or a container with. */
export async function inheritAlarms(db: Queryable, tripId: string): Promise<void> {
  await db.query('SELECT inherit_alarms($1)', [tripId]);
}

/** The trips that have inherited one of these alarms, as they are now. */
export async function tripsInheriting(db: Queryable, alarmIds: string[]): Promise<(TripAfter & { slot: number })[]> {
  if (alarmIds.length === 0) return [];
  const { rows } = await db.query<TripAfter & { slot: number }>(
    `SELECT t.trip_id, t.status, t.risk, t.slot FROM trips t WHERE t.trip_id IN
       (SELECT i.trip_id FROM inherited_alarms i WHERE i.alarm_id = ANY($1::uuid[]))`,
    [alarmIds],
  );
  return rows;
}
