import { OfficeCode, Subscription, SubscriptionWithSecret } from '@sealwatch/schemas';
import { z } from 'zod';
import { SUPERVISORS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { EVENT_TYPES } from '../store/webhooks/outbox.ts';
import { listSubscriptions, type SubscriptionRow } from '../store/webhooks/subscriptions.ts';
import {
  enable,
  rotate,
  subscribe,
  subscriptionState,
  unsubscribe,
  visibleSubscription,
} from '../webhooks/subscriptions.ts';
import { deliveryRoutes, webhooksOf } from './deliveries.ts';
import { bindingOf } from './plumbing/binding.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const NewSubscription = z.object({
  url: z.string().min(1).max(2_000),
  /** Absent or empty: every type. */
  types: z.array(z.enum(EVENT_TYPES)).max(EVENT_TYPES.length).default([]),
  /** Only trips of this office. */
  office: OfficeCode.optional(),
});

function viewOf(row: SubscriptionRow): Subscription {
  return {
    subscriptionId: row.subscription_id,
    url: row.url,
    types: row.types,
    ...bindingOf(row.offices),
    state: subscriptionState(row),
    ...(row.disabled_at === null ? {} : { disabledAt: isoOf(row.disabled_at) }),
    ...(row.disabled_reason === null ? {} : { disabledReason: row.disabled_reason }),
    createdAt: isoOf(row.created_at),
    createdBy: row.created_by,
  };
}

const UUID = z.uuid();

const params = z.object({ subscriptionId: z.string() });
const tags = ['webhooks'];
const config = { roles: SUPERVISORS };

/** Webhooks: subscriptions, and the state of their deliveries. */
export function subscriptionRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.post(
    '/subscriptions',
    {
      config: { ...config, creates: true },
      schema: {
        tags,
        summary: 'Subscribe to events; the secret is shown this once',
        body: NewSubscription,
        response: answers({ 201: SubscriptionWithSecret }),
      },
    },
    async (request, reply) => {
      const { row, secret } = await subscribe(pool, webhooksOf(deps), callerOf(request), request.body);
      return reply.code(201).send({ ...viewOf(row), secret });
    },
  );
  app.get(
    '/subscriptions',
    { config, schema: { tags, querystring: z.object(Page), response: answers({ 200: listOf(Subscription) }) } },
    async (request) => {
      const { limit, cursor } = request.query;
      const { offices } = callerOf(request);
      const rows = await listSubscriptions(pool, { offices, after: keysOf(cursor, UUID), limit: limit + 1 });
      return pageOf(rows, limit, viewOf, (row) => row.subscription_id);
    },
  );
  app.get(
    '/subscriptions/:subscriptionId',
    { config, schema: { tags, params, response: answers({ 200: Subscription }) } },
    async (request) => viewOf(await visibleSubscription(pool, request.params.subscriptionId, callerOf(request))),
  );
  app.delete(
    '/subscriptions/:subscriptionId',
    { config, schema: { tags, params, response: answers({ 204: z.undefined() }) } },
    async (request, reply) => {
      await unsubscribe(pool, callerOf(request), request.params.subscriptionId);
      return reply.code(204).send(undefined);
    },
  );
  secretRoutes(app, deps);
  deliveryRoutes(app, deps);
}

function secretRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.post(
    '/subscriptions/:subscriptionId/rotate',
    {
      config,
      schema: {
        tags,
        summary: 'A new secret, shown this once; for a day both secrets sign',
        params,
        response: answers({ 200: SubscriptionWithSecret }),
      },
    },
    async (request) => {
      const { subscriptionId } = request.params;
      const { row, secret, until } = await rotate(pool, webhooksOf(deps), callerOf(request), subscriptionId);
      return { ...viewOf(row), secret, previousUntil: isoOf(until) };
    },
  );
  app.post(
    '/subscriptions/:subscriptionId/enable',
    {
      config,
      schema: { tags, summary: 'Tell a disabled subscriber again', params, response: answers({ 200: Subscription }) },
    },
    async (request) => viewOf(await enable(pool, deps.webhooks, callerOf(request), request.params.subscriptionId)),
  );
}
