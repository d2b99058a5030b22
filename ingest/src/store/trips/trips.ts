import { Risk, type TripStatus } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { IS_OPEN, VISIBLE } from './conditions.ts';
import { type TripView, tripViewSql } from './row.ts';

const VIEW = tripViewSql();

export async function getTrip(db: Queryable, tripId: string, offices: string[] | null): Promise<TripView | undefined> {
  const { rows } = await db.query<TripView>(`${VIEW} WHERE t.trip_id = $1 AND ${VISIBLE(2)}`, [tripId, offices]);
  return rows[0];
}

export async function tripsById(db: Queryable, tripIds: string[]): Promise<TripView[]> {
  const { rows } = await db.query<TripView>({
    name: 'trips-by-id',
    text: `${VIEW} WHERE t.trip_id = ANY($1::uuid[])`,
    values: [tripIds],
  });
  return rows;
}

/** Every trip that still holds its locks, for the live feed. */
export async function openTrips(db: Queryable): Promise<TripView[]> {
  const { rows } = await db.query<TripView>(`${VIEW} WHERE ${IS_OPEN()}`);
  return rows;
}

export interface TripFilter {
  status?: TripStatus[] | undefined;
  risk?: Risk | undefined;
  /** Part of a declaration number, plate, container number or lock id, normalised. */
  q?: string | undefined;
  offices: string[] | null;
  limit: number;
  after?: { createdAt: string; tripId: string } | undefined;
}

/** Newest first. */
export async function listTrips(db: Queryable, filter: TripFilter): Promise<TripView[]> {
  const { rows } = await db.query<TripView>(
    `${VIEW} WHERE ${VISIBLE(1)}
       AND ($2::text[] IS NULL OR t.status = ANY($2)) AND ($3::int IS NULL OR t.risk = $3)
       AND ($4::text IS NULL OR strpos(t.declaration_no, $4) > 0 OR strpos(t.tractor_plate, $4) > 0
         OR strpos(t.trailer_plate, $4) > 0 OR EXISTS (SELECT 1 FROM trip_units u WHERE u.trip_id = t.trip_id
           AND (strpos(u.container_no, $4) > 0 OR strpos(u.lock_id, $4) > 0)))
       AND ($5::timestamptz IS NULL OR (date_trunc('milliseconds', t.created_at), t.trip_id) < ($5, $6::uuid))
     ORDER BY date_trunc('milliseconds', t.created_at) DESC, t.trip_id DESC LIMIT $7`,
    [
      filter.offices,
      filter.status ?? null,
      filter.risk === undefined ? null : Risk.options.indexOf(filter.risk),
      filter.q ?? null,
      filter.after?.createdAt ?? null,
      filter.after?.tripId ?? null,
      filter.limit,
    ],
  );
  return rows;
}

/** The trip, locked until the end of the transaction. */
export async function tripForUpdate(db: Queryable, tripId: string): Promise<TripView | undefined> {
  await db.query('SELECT 1 FROM trips WHERE trip_id = $1 FOR UPDATE', [tripId]);
  return (await tripsById(db, [tripId]))[0];
}

/** Verified trips whose locks have all confirmed an unlock: what follows from it was not done. */
export async function tripsToUnlock(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ trip_id: string }>(
    `SELECT t.trip_id FROM trips t WHERE t.status = 'verified' AND NOT EXISTS (
       SELECT FROM trip_units u WHERE u.trip_id = t.trip_id AND NOT EXISTS (SELECT FROM commands c
         WHERE c.trip_id = t.trip_id AND c.lock_id = u.lock_id AND c.type = 'unlock' AND c.state = 'done'))`,
  );
  return rows.map((row) => row.trip_id);
}

/** Locks of the list that an open trip holds; they are locked until the end of the transaction. */
export async function busyLocks(db: Queryable, lockIds: string[]): Promise<{ lockId: string; tripId: string }[]> {
  await db.query('SELECT 1 FROM locks WHERE lock_id = ANY($1) ORDER BY lock_id FOR UPDATE', [lockIds]);
  const { rows } = await db.query<{ lock_id: string; trip_id: string }>(
    `SELECT u.lock_id, t.trip_id FROM trip_units u JOIN trips t USING (trip_id)
     WHERE u.lock_id = ANY($1) AND ${IS_OPEN()}`,
    [lockIds],
  );
  return rows.map((row) => ({ lockId: row.lock_id, tripId: row.trip_id }));
}

/** Arrivals since midnight in a time zone, by pair of offices. */
export async function arrivalsToday(
  db: Queryable,
  zone: string,
): Promise<{ originOffice: string; destinationOffice: string; trips: number }[]> {
  const { rows } = await db.query<{ origin_office: string; destination_office: string; trips: number }>(
    `SELECT origin_office, destination_office, count(*)::int AS trips FROM trips
     WHERE arrived_at >= date_trunc('day', now(), $1) GROUP BY 1, 2`,
    [zone],
  );
  return rows.map((r) => ({ originOffice: r.origin_office, destinationOffice: r.destination_office, trips: r.trips }));
}
