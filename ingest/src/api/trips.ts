import { normaliseCode, Risk, Time, Trip, TripDeclaration, TripEvent, TripStatus, Warning } from '@sealwatch/schemas';
import { z } from 'zod';
import { OPERATORS, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { listTrips } from '../store/trips/trips.ts';
import { tripOf } from '../store/trips/view.ts';
import { declare } from '../trips/declare.ts';
import { containerWarnings, plateWarnings } from '../trips/declared-warnings.ts';
import { eventsOf } from '../trips/events.ts';
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
      const after = keysOf(cursor, z.tuple([Time, z.uuid()]));
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
  oneTripRoutes(app, deps);
}

function oneTripRoutes(app: Api, { pool }: ApiDeps): void {
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
        response: answers({ 200: listOf(TripEvent) }),
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
