import { actingOffice } from '../custody/status.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem, requireNone } from '../problem.ts';
import { unknownOffices } from '../store/people/offices.ts';
import type { TripRow } from '../store/trips/row.ts';
import type { Principal } from './principal.ts';
import { requireSimulated } from './simulated.ts';

/** The origin acts on a trip until departure, the destination from departure on; the other office may look. */
export function requireActing(caller: Principal, trip: TripRow): void {
  requireSimulated(caller, trip, 'this trip is');
  const office = actingOffice({
    status: trip.status,
    originOffice: trip.origin_office,
    destinationOffice: trip.destination_office,
  });
  if (isOwnOffice(caller, office)) return;
  throw new ApiProblem(403, 'office.not-acting', `office ${office} acts on this trip while it is ${trip.status}`);
}

/** Whether the caller is bound to no office. */
const isUnbound = (caller: Principal): boolean => caller.offices === null;

/**
 * What belongs to no office is changed only by those who are bound to none.
 * @param what begins the sentence, e.g. `a route belongs`
 * @throws ApiProblem 403
 */
export function requireUnbound(caller: Principal, what: string): void {
  if (isUnbound(caller)) return;
  throw new ApiProblem(
    403,
    'office.shared',
    `${what} to no office: only people and keys that are bound to no office change it`,
  );
}

/**
 * A place belongs to its office, and one without an office to nobody: who is bound changes places of its own offices alone
 * and gives none away.
 * @param places as it was, where there was one, and as it becomes
 * @throws ApiProblem 403
 */
export function requireOwnPlace(caller: Principal, ...places: { properties: { office?: string | undefined } }[]): void {
  for (const { properties } of places) {
    if (properties.office === undefined) requireUnbound(caller, 'a place without an office belongs');
    else if (!isWithin(caller, [properties.office])) {
      throw new ApiProblem(403, 'office.not-yours', `this place belongs to office ${properties.office}`);
    }
  }
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
