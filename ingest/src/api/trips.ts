import { normaliseCode, Risk, Trip, TripDeclaration, TripStatus, Warning } from '@sealwatch/schemas';
import { z } from 'zod';
import { commandSteps } from '../commands/view.ts';
import { OPERATORS, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { alarmOf, listAlarms } from '../store/alarms/alarms.ts';
import { commandsOfTrip } from '../store/locks/commands.ts';
import { listPassages } from '../store/passages/passages.ts';
import { listAudit } from '../store/people/audit.ts';
import { listTrips } from '../store/trips/trips.ts';
import { tripOf } from '../store/trips/view.ts';
import { declare } from '../trips/declare.ts';
import { containerWarnings, plateWarnings } from '../trips/declared-warnings.ts';
import { visibleTrip } from '../trips/visible.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, MAX_LIMIT, Page, pageOf } from './plumbing/paging.ts';
import { keepSentBody, unusedWarnings } from './plumbing/sent.ts';

const TripId = z.object({ tripId: z.string() });
const DeclaredTrip = Trip.extend({ warnings: z.array(Warning).optional() });

export function tripRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.post(
    '/trips',
    {
      config: { roles: OPERATORS, creates: true },
      preValidation: keepSentBody,
      schema: {
        tags: ['trips'],
        summary: 'Declare a trip',
        body: TripDeclaration,
        response: answers({ 201: DeclaredTrip }),
      },
    },
    async (request, reply) => {
      const { body } = request;
      const trip = tripOf(await declare(deps, callerOf(request), body));
      const warnings = [...plateWarnings(body.vehicle), ...containerWarnings(body.units), ...unusedWarnings(request)];
      return reply.code(201).send({ ...trip, ...(warnings.length > 0 ? { warnings } : {}) });
    },
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
    commandsOfTrip(db, tripId),
    listPassages(db, { tripId, offices: [], limit: 500 }),
  ]);
  return [
    ...acts.map((a) => ({ at: isoOf(a.at), type: a.action, actor: a.actor, after: a.after })),
    ...alarms.map((a) => ({ at: isoOf(a.started_at), type: `alarm.${a.rule}`, alarm: alarmOf(a) })),
    ...orders.flatMap(commandSteps),
    ...passages.map((p) => ({ at: isoOf(p.decided_at), type: 'gate.passage', gateId: p.gate_id, answer: p.answer })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
