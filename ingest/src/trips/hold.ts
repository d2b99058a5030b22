import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { requirePerson } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { audit } from '../store/people/audit.ts';
import { holdTrip } from '../store/trips/changes.ts';
import type { TripView } from '../store/trips/row.ts';
import { tripForUpdate } from '../store/trips/trips.ts';
import { visibleTrip } from './visible.ts';

/** Holds a trip (布控) for a reason; null lets it go. @throws ApiProblem 403, 404 */
export async function hold(
  deps: UseCaseDeps,
  seenTripId: string,
  caller: Principal,
  reason: string | null,
): Promise<TripView> {
  const trip = await visibleTrip(deps.pool, seenTripId, caller);
  requireActing(caller, trip);
  if (reason === null && !trip.simulated) requirePerson(caller, 'a person lets a held trip go');
  const { trip_id: tripId } = trip;
  const row = await inTransaction(deps.pool, async (db) => {
    const before = (await tripForUpdate(db, tripId))!;
    await holdTrip(db, tripId, reason === null ? null : { reason, by: caller.name });
    const entry = { actor: caller.name, action: 'trip.hold', subject: `trip:${tripId}` };
    await audit(db, { ...entry, before: { reason: before.hold_reason }, after: { reason } });
    return (await tripForUpdate(db, tripId))!;
  });
  await deps.hints.publish({ hint: 'changed', tripIds: [tripId] });
  return row;
}
