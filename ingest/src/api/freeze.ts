import { Time, Trip } from '@sealwatch/schemas';
import { z } from 'zod';
import { requireActing } from '../people/offices.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { wrongField } from '../problem.ts';
import { freezeTrip } from '../store/alarms/escalation.ts';
import { audit } from '../store/people/audit.ts';
import { tripForUpdate, tripOf } from '../store/trips/trips.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf, DECIDERS } from './plumbing/guard.ts';
import { visibleTrip } from './trips.ts';

/** Longer than a day nobody remembers why. */
const LONGEST_MS = 24 * 3_600_000;

const Asked = z.union([
  z.object({ reason: z.string().trim().min(1).max(500), until: Time }),
  z.object({ reason: z.null() }),
]);

/** @throws ApiProblem 422 */
function requireSoon(until: string, nowMs: number): Date {
  const at = new Date(until);
  const expected = 'a time from now on, at most 24 h ahead';
  if (at.getTime() > nowMs && at.getTime() <= nowMs + LONGEST_MS) return at;
  throw wrongField('trip.freeze', { path: 'until', message: `expected ${expected}`, value: until, expected });
}

export function freezeRoutes(app: Api, deps: ApiDeps): void {
  app.put(
    '/trips/:tripId/freeze',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['alarms'],
        summary:
          'Keep a vehicle quiet until a time, with a reason: its alarms are recorded and not shouted; reason null ends it',
        params: z.object({ tripId: z.string() }),
        body: Asked,
        response: answers({ 200: Trip }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const asked = request.body;
      const trip = await visibleTrip(deps.pool, request.params.tripId, caller);
      requireActing(caller, trip);
      const freeze =
        asked.reason === null
          ? null
          : { reason: asked.reason, by: caller.name, until: requireSoon(asked.until, Date.now()) };
      const row = await inTransaction(deps.pool, async (db) => {
        const before = tripOf((await tripForUpdate(db, trip.trip_id))!);
        await freezeTrip(db, trip.trip_id, freeze);
        const entry = { actor: caller.name, action: 'trip.freeze', subject: `trip:${trip.trip_id}` };
        await audit(db, { ...entry, before: { frozen: before.frozen ?? null }, after: { frozen: freeze } });
        return (await tripForUpdate(db, trip.trip_id))!;
      });
      deps.escalation?.watchTrip(trip.trip_id);
      deps.feed.tripChanged(trip.trip_id);
      return tripOf(row);
    },
  );
}
