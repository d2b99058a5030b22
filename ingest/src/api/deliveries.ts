import { Delivery } from '@sealwatch/schemas';
import { z } from 'zod';
import { SUPERVISORS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { ApiProblem } from '../problem.ts';
import { type DeliveryRow, listDeliveries } from '../store/webhooks/deliveries.ts';
import { sendAgain, visibleSubscription } from '../webhooks/subscriptions.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const params = z.object({ subscriptionId: z.string() });
const tags = ['webhooks'];
const config = { roles: SUPERVISORS };

function deliveryOf(row: DeliveryRow): Delivery {
  return {
    deliveryId: row.delivery_id,
    eventId: row.event_id,
    type: row.type,
    ...(row.trip_id === null ? {} : { tripId: row.trip_id }),
    at: isoOf(row.created_at),
    state: row.state,
    attempts: row.attempts,
    ...(row.state === 'waiting' ? { nextAt: isoOf(row.next_at) } : {}),
    ...(row.last_at === null ? {} : { lastAttemptAt: isoOf(row.last_at) }),
    ...(row.last_status === null ? {} : { lastStatus: row.last_status }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
    ...(row.ended_at === null ? {} : { endedAt: isoOf(row.ended_at) }),
  };
}

/** @throws ApiProblem 503 where the platform sends none */
export function webhooksOf(deps: ApiDeps): Webhooks {
  if (deps.webhooks === undefined) throw new ApiProblem(503, 'webhooks.off', 'this platform sends no webhooks');
  return deps.webhooks;
}

/** What became of the events that a subscriber was sent. */
export function deliveryRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.get(
    '/subscriptions/:subscriptionId/deliveries',
    {
      config,
      schema: {
        tags,
        summary: 'What became of each event, the newest first; `state=dead` are those that reached nobody',
        params,
        querystring: z.object({ ...Page, state: Delivery.shape.state.optional() }),
        response: answers({ 200: listOf(Delivery) }),
      },
    },
    async (request) => {
      const { limit, cursor, state } = request.query;
      const { subscription_id: subscriptionId } = await visibleSubscription(
        pool,
        request.params.subscriptionId,
        callerOf(request),
      );
      const before = keysOf(cursor, z.int());
      const rows = await listDeliveries(pool, { subscriptionId, state, before, limit: limit + 1 });
      return pageOf(rows, limit, deliveryOf, (row) => row.outbox_id);
    },
  );
  app.post(
    '/subscriptions/:subscriptionId/deliveries/:deliveryId/redeliver',
    {
      config,
      schema: {
        tags,
        summary: 'Send an event once more, under the same webhook-id',
        params: params.extend({ deliveryId: z.string() }),
        response: answers({ 202: Delivery }),
      },
    },
    async (request, reply) => {
      const row = await sendAgain(pool, webhooksOf(deps), callerOf(request), request.params);
      return reply.code(202).send(deliveryOf(row));
    },
  );
}
