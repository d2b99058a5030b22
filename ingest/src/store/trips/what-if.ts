import type { Queryable } from '../../postgres/queryable.ts';
import { rulesShowing } from '../../tracker/index.ts';
import { IS_NOT_CANCELLED, VISIBLE } from './conditions.ts';

/** A past trip of a route, and what the records once said of its deviation. */
export interface PastTrip {
  trip_id: string;
  tractor_plate: string;
  route_version: number;
  departed_at: Date;
  /** A confirmed deviation was raised. */
  was_red: boolean;
}

/** Trips that drove by a route, whatever its version, newest departure first; those cancelled are left out. */
export async function pastTrips(
  db: Queryable,
  query: { routeId: string; fromMs: number; toMs: number; offices: string[] | null; limit: number },
): Promise<PastTrip[]> {
  const { rows } = await db.query<PastTrip>(
    `SELECT t.trip_id, t.tractor_plate, t.route_version, t.departed_at,
       EXISTS (SELECT FROM alarms a WHERE a.trip_id = t.trip_id AND a.rule = ANY($6)
         AND a.phase <> 'provisional') AS was_red
     FROM trips t WHERE t.route_id = $2 AND t.departed_at >= to_timestamp($3 / 1000.0)
       AND t.departed_at < to_timestamp($4 / 1000.0) AND ${IS_NOT_CANCELLED()} AND ${VISIBLE(1)}
     ORDER BY t.departed_at DESC, t.trip_id LIMIT $5`,
    [query.offices, query.routeId, query.fromMs, query.toMs, query.limit, rulesShowing('deviation')],
  );
  return rows;
}
