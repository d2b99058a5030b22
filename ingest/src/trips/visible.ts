import { z } from 'zod';
import type { Principal } from '../people/principal.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { notFound } from '../problem.ts';
import type { TripView } from '../store/trips/row.ts';
import { getTrip } from '../store/trips/trips.ts';

const UUID = z.uuid();

/** The trip as its caller may see it. @throws ApiProblem 404 */
export async function visibleTrip(db: Queryable, tripId: string, caller: Principal): Promise<TripView> {
  const row = UUID.safeParse(tripId).success ? await getTrip(db, tripId, caller.offices) : undefined;
  if (row === undefined) throw notFound('trip', tripId);
  return row;
}
