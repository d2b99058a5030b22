import { randomUUID } from 'node:crypto';
import { compileRoute } from '@sealwatch/geofence';
import { normaliseCode, Risk, Trip, TripDeclaration, TripStatus } from '@sealwatch/schemas';
import { z } from 'zod';
import { freshSteps, takeoverSteps } from '../custody/steps.ts';
import { requireKnownOffices } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { isoOf } from '../postgres/iso.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, type FieldError, notFound, requireNone } from '../problem.ts';
import { alarmOf, listAlarms } from '../store/alarms/alarms.ts';
import { ordersOfTrip } from '../store/locks/commands.ts';
import { lockStates } from '../store/locks/locks.ts';
import { listPassages } from '../store/passages/passages.ts';
import { audit, listAudit } from '../store/people/audit.ts';
import { getRoute, type RouteRow } from '../store/roads/routes.ts';
import { busyLocks, getTrip, insertTrip, listTrips, type TripView, tripOf } from '../store/trips/trips.ts';
import { announce } from '../store/webhooks/outbox.ts';
import { orderSteps } from './commands.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf, OPERATORS, READERS, SUPERVISORS } from './plumbing/guard.ts';
import { keysOf, listOf, MAX_LIMIT, Page, pageOf } from './plumbing/paging.ts';

type Declaration = z.output<typeof TripDeclaration>;

const TripId = z.object({ tripId: z.string() });
const UUID = z.uuid();

/** The trip as its caller may see it. @throws ApiProblem 404 */
export async function visibleTrip(db: Queryable, tripId: string, caller: Principal): Promise<TripView> {
  const row = UUID.safeParse(tripId).success ? await getTrip(db, tripId, caller.offices) : undefined;
  if (row === undefined) throw notFound('trip', tripId);
  return row;
}

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

function unitFaults({ units }: Declaration): FieldError[] {
  const faults: FieldError[] = [];
  const [first, second] = units;
  if (second !== undefined && first?.lockId === second.lockId) {
    faults.push(fieldFault('units[1].lockId', second.lockId, 'another lock than that of units[0]'));
  }
  if (second !== undefined && first?.containerNo === second.containerNo) {
    faults.push(fieldFault('units[1].containerNo', second.containerNo, 'another container than that of units[0]'));
  }
  return faults;
}

/** The offices and the route must be known, and so must every lock, in service and free. */
export async function requireParts(
  db: Queryable,
  declared: Pick<Declaration, 'routeId' | 'originOffice' | 'destinationOffice'> & { units: { lockId: string }[] },
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
  if (caller.offices.length > 0 && !offices.some((office) => caller.offices.includes(office))) {
    throw new ApiProblem(403, 'office.not-yours', `your office is not ${offices.join(' or ')}`);
  }
  requireNone('request.invalid', takeoverFaults(declared.takeover, Date.now()));
}

async function declare(deps: ApiDeps, caller: Principal, declared: Declaration): Promise<TripView> {
  requireMayDeclare(caller, declared);
  requireNone('request.invalid', unitFaults(declared));
  const tripId = randomUUID();
  const view = await inTransaction(deps.pool, async (db) => {
    const route = await requireParts(db, declared);
    await insertTrip(db, {
      tripId,
      declaration: declared,
      routeVersion: route.version,
      totalM: compileRoute(route.feature).lengthM,
      status: declared.takeover === undefined ? 'declared' : 'in-transit',
      steps: declared.takeover === undefined ? freshSteps() : takeoverSteps(declared.takeover, caller.name),
    });
    const row = (await getTrip(db, tripId, []))!;
    await announce(db, { type: 'trip.declared', tripId, data: tripOf(row) });
    const action = declared.takeover === undefined ? 'trip.declare' : 'trip.take-over';
    await audit(db, { actor: caller.name, action, subject: `trip:${tripId}`, after: declared });
    return row;
  });
  await afterChange(deps, tripId);
  return view;
}

/** After the COMMIT of every change of trips: the intake judges by their new plans, the wall shows them. */
export async function afterChange(deps: ApiDeps, ...tripIds: string[]): Promise<void> {
  await deps.intake.refreshTrips(tripIds);
  for (const tripId of tripIds) deps.feed.tripChanged(tripId);
}

export function tripRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.post(
    '/trips',
    {
      config: { roles: OPERATORS, creates: true },
      schema: { tags: ['trips'], summary: 'Declare a trip', body: TripDeclaration, response: answers({ 201: Trip }) },
    },
    async (request, reply) => reply.code(201).send(tripOf(await declare(deps, callerOf(request), request.body))),
  );
  app.get(
    '/trips',
    {
      config: { roles: READERS },
      schema: {
        tags: ['trips'],
        querystring: z.object({
          ...Page,
          status: z.preprocess((v) => (typeof v === 'string' ? v.split(',') : v), z.array(TripStatus)).optional(),
          risk: Risk.optional(),
          q: z.string().max(40).optional(),
        }),
        response: answers({ 200: listOf(Trip) }),
      },
    },
    async (request) => {
      const { limit, cursor, status, risk, q } = request.query;
      const after = keysOf(cursor, z.tuple([z.iso.datetime(), z.uuid()]));
      const rows = await listTrips(pool, {
        status,
        risk,
        q: q === undefined ? undefined : normaliseCode(q),
        offices: callerOf(request).offices,
        limit: limit + 1,
        after: after && { createdAt: after[0], tripId: after[1] },
      });
      return pageOf(rows, limit, tripOf, (row) => [isoOf(row.created_at), row.trip_id]);
    },
  );
  app.get(
    '/trips/:tripId',
    { config: { roles: READERS }, schema: { tags: ['trips'], params: TripId, response: answers({ 200: Trip }) } },
    async (request) => tripOf(await visibleTrip(pool, request.params.tripId, callerOf(request))),
  );
  app.get(
    '/trips/:tripId/events',
    {
      config: { roles: READERS },
      schema: {
        tags: ['trips'],
        params: TripId,
        querystring: z.object({ ...Page, limit: Page.limit.default(MAX_LIMIT) }),
        response: answers({ 200: listOf(z.looseObject({ at: z.string(), type: z.string() })) }),
      },
    },
    async (request) => {
      const row = await visibleTrip(pool, request.params.tripId, callerOf(request));
      const { limit, cursor } = request.query;
      const seen = keysOf(cursor, z.int().min(0)) ?? 0;
      const events = await eventsOf(pool, row.trip_id);
      const numbered = events.map((event, i) => ({ event, number: i + 1 })).slice(seen, seen + limit + 1);
      return pageOf(
        numbered,
        limit,
        ({ event }) => event,
        ({ number }) => number,
      );
    },
  );
}

/** Everything that happened to a trip, oldest first: what people did, alarms, commands, passages. */
async function eventsOf(db: Queryable, tripId: string): Promise<{ at: string; type: string }[]> {
  const [acts, alarms, orders, passages] = await Promise.all([
    listAudit(db, { subject: `trip:${tripId}`, limit: 500 }),
    listAlarms(db, { tripId, offices: [], limit: 500 }),
    ordersOfTrip(db, tripId),
    listPassages(db, { tripId, offices: [], limit: 500 }),
  ]);
  return [
    ...acts.map((a) => ({ at: isoOf(a.at), type: a.action, actor: a.actor, after: a.after })),
    ...alarms.map((a) => ({ at: isoOf(a.started_at), type: `alarm.${a.rule}`, alarm: alarmOf(a) })),
    ...orders.flatMap(orderSteps),
    ...passages.map((p) => ({ at: isoOf(p.decided_at), type: 'gate.passage', gateId: p.gate_id, answer: p.answer })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
