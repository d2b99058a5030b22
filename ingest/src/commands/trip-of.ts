import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { requireSimulated } from '../people/simulated.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { getLock } from '../store/locks/locks.ts';
import { getTrip } from '../store/trips/trips.ts';

/**
 * The trip of a lock that somebody commands; undefined: it is on none.
 * @throws ApiProblem 403 where the caller may not command it, 404, 409 where it is retired
 */
export async function tripOfCommanded(db: Queryable, caller: Principal, lockId: string) {
  const lock = await getLock(db, lockId, caller.offices);
  if (lock === undefined) throw notFound('lock', lockId);
  requireSimulated(caller, lock, 'this lock is');
  if (lock.retired_at !== null) throw new ApiProblem(409, 'lock.retired', `lock ${lockId} is retired`);
  const trip = lock.trip_id === null ? undefined : await getTrip(db, lock.trip_id, caller.offices);
  if (trip !== undefined) requireActing(caller, trip);
  return trip;
}
