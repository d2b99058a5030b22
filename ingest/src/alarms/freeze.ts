import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { requirePerson } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { wrongField } from '../problem.ts';
import { freezeTrip } from '../store/alarms/escalation.ts';
import { audit } from '../store/people/audit.ts';
import type { TripView } from '../store/trips/row.ts';
import { tripForUpdate } from '../store/trips/trips.ts';
import { tripOf } from '../store/trips/view.ts';
import { visibleTrip } from '../trips/visible.ts';

/** Longer than a day nobody remembers why. */
const LONGEST_MS = 24 * 3_600_000;

/** @throws ApiProblem 422 */
function requireSoon(until: string, nowMs: number): Date {
  const at = new Date(until);
  const expected = 'a time from now on, at most 24 h ahead';
  if (at.getTime() > nowMs && at.getTime() <= nowMs + LONGEST_MS) return at;
  throw wrongField('trip.freeze', { path: 'until', message: `expected ${expected}`, value: until, expected });
}

/**
 * Keeps a vehicle quiet until a time: its alarms are recorded and nobody is called for them. `reason: null` ends it.
 * @throws ApiProblem 403, 404; 422 where `until` is past or more than 24 h ahead
 */
export async function freeze(
  deps: UseCaseDeps,
  tripId: string,
  caller: Principal,
  asked: { reason: string; until: string } | { reason: null },
): Promise<TripView> {
  const trip = await visibleTrip(deps.pool, tripId, caller);
  requireActing(caller, trip);
  if (asked.reason !== null && !trip.simulated) requirePerson(caller, 'a person keeps the alarms of a trip quiet');
  const frozen =
    asked.reason === null
      ? null
      : { reason: asked.reason, by: caller.name, until: requireSoon(asked.until, Date.now()) };
  const row = await inTransaction(deps.pool, async (db) => {
    const before = tripOf((await tripForUpdate(db, trip.trip_id))!);
    await freezeTrip(db, trip.trip_id, frozen);
    const entry = { actor: caller.name, action: 'trip.freeze', subject: `trip:${trip.trip_id}` };
    await audit(db, { ...entry, before: { frozen: before.frozen ?? null }, after: { frozen } });
    return (await tripForUpdate(db, trip.trip_id))!;
  });
  deps.escalation?.watchTrip(trip.trip_id);
  await deps.hints.publish({ hint: 'changed', tripIds: [trip.trip_id] });
  return row;
}
