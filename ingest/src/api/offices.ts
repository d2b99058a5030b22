import { actingOffice } from '../custody/status.ts';
import type { TripRow } from '../store/trips.ts';
import type { Principal } from './principal.ts';
import { ApiProblem } from './problem.ts';

/** The origin acts on a trip until departure, the destination from departure on; the other office may look. */
export function requireActing(caller: Principal, trip: TripRow): void {
  const office = actingOffice({
    status: trip.status,
    originOffice: trip.origin_office,
    destinationOffice: trip.destination_office,
  });
  if (caller.offices.length === 0 || caller.offices.includes(office)) return;
  throw new ApiProblem(403, 'office.not-acting', `office ${office} acts on this trip while it is ${trip.status}`);
}
