import { randomUUID } from 'node:crypto';
import { compileRoute } from '@sealwatch/geofence';
import type { TripDeclaration } from '@sealwatch/schemas';
import type { z } from 'zod';
import { freshSteps, takeoverSteps } from '../custody/steps.ts';
import { isOwnOffice, requireKnownOffices } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { OFFICERS, SUPERVISORS } from '../people/roles.ts';
import { requireSimulated } from '../people/simulated.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, type FieldError, requireNone, wrongField } from '../problem.ts';
import { type LockOnFile, lockStates } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { getRoute, type RouteRow } from '../store/roads/routes.ts';
import { insertTrip } from '../store/trips/changes.ts';
import type { TripView } from '../store/trips/row.ts';
import { busyLocks, getTrip } from '../store/trips/trips.ts';
import { tripOf } from '../store/trips/view.ts';
import { announce } from '../store/webhooks/outbox.ts';
import { afterChange } from './after-change.ts';
import { iluFaults } from './declared-warnings.ts';

type Declaration = z.output<typeof TripDeclaration>;

const fieldFault = (path: string, value: unknown, expected: string): FieldError => ({
  path,
  message: `expected ${expected}`,
  value,
  expected,
});

/** What the times of a takeover say against each other. */
function takeoverFaults(takeover: Declaration['takeover'], nowMs: number): FieldError[] {
  if (takeover === undefined) return [];
  const { sealedAt, departedAt } = takeover;
  const faults: FieldError[] = [];
  if (Date.parse(departedAt) > nowMs) {
    faults.push(fieldFault('takeover.departedAt', departedAt, 'a time in the past'));
  }
  if (Date.parse(sealedAt) > Date.parse(departedAt)) {
    faults.push(fieldFault('takeover.sealedAt', sealedAt, 'a time not after departedAt'));
  }
  return faults;
}

function unitFaults({ mode, units }: Declaration): FieldError[] {
  const faults = iluFaults(mode, units);
  const [first, second] = units;
  if (second !== undefined && first?.lockId === second.lockId) {
    faults.push(fieldFault('units[1].lockId', second.lockId, 'another lock than that of units[0]'));
  }
  if (second !== undefined && first?.containerNo === second.containerNo) {
    faults.push(fieldFault('units[1].containerNo', second.containerNo, 'another container than that of units[0]'));
  }
  return faults;
}

/** Keys take over trips of simulated locks alone; with a real lock a person says what another system has sealed. */
function requireMayTakeOver(caller: Principal, locks: LockOnFile[]): void {
  if (caller.kind === 'person' && (OFFICERS as readonly string[]).includes(caller.role)) return;
  if (locks.every((lock) => lock.simulated)) return;
  throw new ApiProblem(
    403,
    'takeover.person',
    'a trip under way is taken over by a signed-in supervisor or admin: sign in and declare it with that session; keys and ' +
      'testers take over trips of simulated locks alone',
  );
}

/** The offices and the route must be known, and so must every lock, in service and free. */
export async function requireParts(
  db: Queryable,
  caller: Principal,
  declared: Pick<Declaration, 'routeId' | 'originOffice' | 'destinationOffice' | 'takeover'> & {
    units: { lockId: string }[];
  },
): Promise<RouteRow> {
  await requireKnownOffices(db, declared);
  const lockIds = declared.units.map((unit) => unit.lockId);
  const route = await getRoute(db, declared.routeId);
  const known = await lockStates(db, lockIds);
  const faults: FieldError[] = [];
  if (route === undefined) {
    faults.push({
      path: 'routeId',
      message: `there is no route "${declared.routeId}"`,
      value: declared.routeId,
      expected: 'the id of a route that was put with PUT /api/v1/routes/{id}',
    });
  }
  for (const [i, lockId] of lockIds.entries()) {
    const path = `units[${i}].lockId`;
    const expected = 'a registered lock in service';
    const lock = known.get(lockId);
    if (lock === undefined) faults.push({ path, message: `there is no lock "${lockId}"`, value: lockId, expected });
    else if (lock.retired) faults.push({ path, message: `lock "${lockId}" is retired`, value: lockId, expected });
  }
  requireNone(route === undefined ? 'route.unknown' : 'lock.unknown', faults);
  const simulated = lockIds.every((lockId) => known.get(lockId)?.simulated);
  requireSimulated(caller, { simulated }, 'a lock of this trip is');
  if (declared.takeover !== undefined) requireMayTakeOver(caller, [...known.values()]);
  if (route?.simulated && !simulated) {
    const [path, value, expected] = ['routeId', declared.routeId, 'a route that no tester made'];
    throw wrongField('route.simulated', { path, message: 'is a simulated route', value, expected });
  }
  const busy = (await busyLocks(db, lockIds)).map(({ lockId, tripId }) => ({
    path: `units[${lockIds.indexOf(lockId)}].lockId`,
    message: `lock "${lockId}" is on the open trip ${tripId}`,
    value: lockId,
    expected: 'a lock that is not on an open trip',
  }));
  requireNone('lock.on-trip', busy, 409);
  return route!;
}

/** Who may take a trip over, or declare one between these offices. @throws ApiProblem 403, 422 */
export function requireMayDeclare(
  caller: Principal,
  declared: Pick<Declaration, 'originOffice' | 'destinationOffice' | 'takeover'>,
): void {
  if (declared.takeover !== undefined && !(SUPERVISORS as readonly string[]).includes(caller.role)) {
    throw new ApiProblem(
      403,
      'auth.role',
      `the role ${caller.role} may not take a trip over; ${SUPERVISORS.join(', ')} may`,
    );
  }
  // Declared, a trip is its origin's; taken over under way, it may be either one's.
  const { originOffice, destinationOffice, takeover } = declared;
  const offices = takeover === undefined ? [originOffice] : [originOffice, destinationOffice];
  if (!offices.some((office) => isOwnOffice(caller, office))) {
    throw new ApiProblem(403, 'office.not-yours', `your office is not ${offices.join(' or ')}`);
  }
  requireNone('request.invalid', takeoverFaults(declared.takeover, Date.now()));
}

/** Declares a trip. @throws ApiProblem 403, 409, 422 */
export async function declare(deps: UseCaseDeps, caller: Principal, declared: Declaration): Promise<TripView> {
  requireMayDeclare(caller, declared);
  requireNone('request.invalid', unitFaults(declared));
  const tripId = randomUUID();
  const view = await inTransaction(deps.pool, async (db) => {
    const route = await requireParts(db, caller, declared);
    await insertTrip(db, {
      tripId,
      declaration: declared,
      routeVersion: route.version,
      totalM: compileRoute(route.feature).lengthM,
      status: declared.takeover === undefined ? 'declared' : 'in-transit',
      steps: declared.takeover === undefined ? freshSteps() : takeoverSteps(declared.takeover, caller.name),
      by: caller.name,
    });
    const row = (await getTrip(db, tripId, null))!;
    await announce(db, { type: 'trip.declared', tripId, data: tripOf(row) });
    const action = declared.takeover === undefined ? 'trip.declare' : 'trip.take-over';
    await audit(db, { actor: caller.name, action, subject: `trip:${tripId}`, after: declared });
    return row;
  });
  await afterChange(deps, tripId);
  return view;
}
