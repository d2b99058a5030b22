import { actingOffice } from '../custody/status.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem, requireNone } from '../problem.ts';
import { unknownOffices } from '../store/people/offices.ts';
import type { TripRow } from '../store/trips/row.ts';
import type { Principal } from './principal.ts';

/** The origin acts on a trip until departure, the destination from departure on; the other office may look. */
export function requireActing(caller: Principal, trip: TripRow): void {
  const office = actingOffice({
    status: trip.status,
    originOffice: trip.origin_office,
    destinationOffice: trip.destination_office,
  });
  if (isOwnOffice(caller, office)) return;
  throw new ApiProblem(403, 'office.not-acting', `office ${office} acts on this trip while it is ${trip.status}`);
}

/** A gate's key that is bound to offices asks at the gates of these, and of none. @throws ApiProblem 403 */
export function requireOwnGate(caller: Principal, gate: { office: string | undefined }): void {
  if (gate.office === undefined || isOwnOffice(caller, gate.office)) return;
  throw new ApiProblem(403, 'office.not-yours', `this gate belongs to office ${gate.office}`);
}

/** Who is bound to offices binds others to some of these, and to no others. @throws ApiProblem 403 */
export function requireOwnOffices(caller: Principal, offices: string[] | null): void {
  if (isWithin(caller, offices)) return;
  throw new ApiProblem(
    403,
    'office.not-yours',
    `bind it to one or more of your own offices: ${caller.offices?.join(', ')}`,
  );
}

/** Whether somebody bound to these offices sees no more than the caller. */
export const isWithin = (caller: Principal, offices: string[] | null): boolean =>
  caller.offices === null || (offices?.every((office) => isOwnOffice(caller, office)) ?? false);

/** Whether an office is the caller's, or the caller is bound to none. */
export const isOwnOffice = ({ offices }: Principal, office: string): boolean =>
  offices === null || offices.includes(office);

/** Where a table of offices was loaded, a trip runs between offices of it. @throws ApiProblem 422 */
export async function requireKnownOffices(
  db: Queryable,
  declared: { originOffice: string; destinationOffice: string },
): Promise<void> {
  const ends = ['originOffice', 'destinationOffice'] as const;
  const unknown = await unknownOffices(db, [declared.originOffice, declared.destinationOffice]);
  const faults = ends
    .filter((path) => unknown.includes(declared[path]))
    .map((path) => ({
      path,
      message: `there is no office "${declared[path]}"`,
      value: declared[path],
      expected: 'an office of the table that was loaded with sealwatch office import',
    }));
  requireNone('office.unknown', faults);
}
