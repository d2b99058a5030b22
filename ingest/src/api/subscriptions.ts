import { OfficeCode, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Principal } from '../people/principal.ts';
import { SUPERVISORS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound, wrongField } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { type DeliveryRow, getDelivery, listDeliveries, redeliver } from '../store/webhooks/deliveries.ts';
import { EVENT_TYPES } from '../store/webhooks/outbox.ts';
import {
  deleteSubscription,
  enableSubscription,
  getSubscription,
  insertSubscription,
  listSubscriptions,
  rotateSecret,
  type SubscriptionRow,
} from '../store/webhooks/subscriptions.ts';
import { urlFault } from '../webhooks/address.ts';
import { newWebhookSecret } from '../webhooks/envelope.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

/** After a rotation the old secret signs beside the new one for so long. */
const ROTATION_MS = 24 * 3_600_000;

const NewSubscription = z.object({
  url: z.string().min(1).max(2_000),
  /** Absent or empty: every type. */
  types: z.array(z.enum(EVENT_TYPES)).max(EVENT_TYPES.length).default([]),
  /** Only trips of this office. */
  office: OfficeCode.optional(),
});

const Subscription = z.object({
  subscriptionId: z.string(),
  url: z.string(),
  types: z.array(z.string()),
  offices: z.array(z.string()),
  state: z.enum(['active', 'disabled']),
  disabledAt: Time.optional(),
  disabledReason: z.string().optional(),
  createdAt: Time,
  createdBy: z.string(),
});
const WithSecret = Subscription.extend({
  secret: z.string(),
  /** Until then the secret before it signs as well. */
  previousUntil: Time.optional(),
});

const Delivery = z.object({
  deliveryId: z.string(),
  /** The `webhook-id` and the event's `id`. */
  eventId: z.string(),
  type: z.string(),
  tripId: z.string().optional(),
  at: Time,
  state: z.enum(['waiting', 'delivered', 'dead']),
  attempts: z.int(),
  nextAt: Time.optional(),
  lastAttemptAt: Time.optional(),
  lastStatus: z.int().optional(),
  lastError: z.string().optional(),
  endedAt: Time.optional(),
});

function viewOf(row: SubscriptionRow): z.output<typeof Subscription> {
  return {
    subscriptionId: row.subscription_id,
    url: row.url,
    types: row.types,
    offices: row.offices,
    state: row.disabled_at === null ? 'active' : 'disabled',
    ...(row.disabled_at === null ? {} : { disabledAt: isoOf(row.disabled_at) }),
    ...(row.disabled_reason === null ? {} : { disabledReason: row.disabled_reason }),
    createdAt: isoOf(row.created_at),
    createdBy: row.created_by,
  };
}

function deliveryOf(row: DeliveryRow): z.output<typeof Delivery> {
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

function webhooksOf(deps: ApiDeps): Webhooks {
  if (deps.webhooks === undefined) throw new ApiProblem(503, 'webhooks.off', 'this platform sends no webhooks');
  return deps.webhooks;
}

/** A caller bound to offices subscribes for one or all of them, and for nobody else's. */
function officesOf(caller: Principal, office: string | undefined): string[] {
  if (office === undefined) return caller.offices;
  if (caller.offices.length > 0 && !caller.offices.includes(office)) {
    throw new ApiProblem(403, 'office.not-yours', `${office} is not your office`);
  }
  return [office];
}

const UUID = z.uuid();

async function visible(db: Queryable, subscriptionId: string, caller: Principal): Promise<SubscriptionRow> {
  const known = UUID.safeParse(subscriptionId).success;
  const row = known ? await getSubscription(db, subscriptionId, caller.offices) : undefined;
  if (row === undefined) throw notFound('subscription', subscriptionId);
  return row;
}

async function subscribe(deps: ApiDeps, caller: Principal, asked: z.output<typeof NewSubscription>) {
  const { secrets, rule } = webhooksOf(deps);
  const expected = urlFault(rule, asked.url);
  if (expected !== undefined) {
    const message = `expected ${expected}`;
    throw wrongField('subscription.url', { path: 'url', message, value: asked.url.slice(0, 200), expected });
  }
  const offices = officesOf(caller, asked.office);
  const secret = newWebhookSecret();
  const types = [...new Set(asked.types)];
  const row = await inTransaction(deps.pool, async (db) => {
    const sealed = secrets.seal(secret);
    const inserted = await insertSubscription(db, { url: asked.url, types, offices, secret: sealed, by: caller.name });
    const after = { url: asked.url, types, offices };
    await recorded(db, caller, 'create', inserted.subscription_id, after);
    return inserted;
  });
  return { ...viewOf(row), secret };
}

async function recorded(
  db: Queryable,
  caller: Principal,
  act: string,
  subscriptionId: string,
  after?: object,
  before?: object,
) {
  const subject = `subscription:${subscriptionId}`;
  await audit(db, { actor: caller.name, action: `subscription.${act}`, subject, before, after });
}

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
        response: answers({ 201: WithSecret }),
      },
    },
    async (request, reply) => reply.code(201).send(await subscribe(deps, callerOf(request), request.body)),
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
    async (request) => viewOf(await visible(pool, request.params.subscriptionId, callerOf(request))),
  );
  app.delete(
    '/subscriptions/:subscriptionId',
    { config, schema: { tags, params, response: answers({ 204: z.undefined() }) } },
    async (request, reply) => {
      const caller = callerOf(request);
      await inTransaction(pool, async (db) => {
        const row = await visible(db, request.params.subscriptionId, caller);
        const { subscription_id: id, url, types, offices } = row;
        await deleteSubscription(db, id);
        await recorded(db, caller, 'delete', id, undefined, { url, types, offices, state: viewOf(row).state });
      });
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
        response: answers({ 200: WithSecret }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { secrets } = webhooksOf(deps);
      const secret = newWebhookSecret();
      const until = new Date(Date.now() + ROTATION_MS);
      const row = await inTransaction(pool, async (db) => {
        const row = await visible(db, request.params.subscriptionId, caller);
        const { subscription_id: id, old_until: was } = row;
        const after = await rotateSecret(db, id, secrets.seal(secret), until);
        // Until when the secret before it signs too; secrets themselves stand nowhere.
        const before = { previousUntil: was === null ? null : isoOf(was) };
        await recorded(db, caller, 'rotate', id, { previousUntil: isoOf(until) }, before);
        return after;
      });
      return { ...viewOf(row), secret, previousUntil: isoOf(until) };
    },
  );
  app.post(
    '/subscriptions/:subscriptionId/enable',
    {
      config,
      schema: { tags, summary: 'Tell a disabled subscriber again', params, response: answers({ 200: Subscription }) },
    },
    async (request) => {
      const caller = callerOf(request);
      const row = await inTransaction(pool, async (db) => {
        const row = await visible(db, request.params.subscriptionId, caller);
        const { subscription_id: id, disabled_reason: reason } = row;
        const after = await enableSubscription(db, id);
        await recorded(db, caller, 'enable', id, { state: 'active' }, { state: viewOf(row).state, reason });
        return after;
      });
      deps.webhooks?.wake();
      return viewOf(row);
    },
  );
}

function deliveryRoutes(app: Api, deps: ApiDeps): void {
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
      const { subscription_id: subscriptionId } = await visible(pool, request.params.subscriptionId, callerOf(request));
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
      const caller = callerOf(request);
      const webhooks = webhooksOf(deps);
      const row = await inTransaction(pool, async (db) => {
        const { subscription_id: subscriptionId, disabled_at: disabledAt } = await visible(
          db,
          request.params.subscriptionId,
          caller,
        );
        const of = { subscriptionId, deliveryId: request.params.deliveryId };
        const known = UUID.safeParse(of.deliveryId).success ? await getDelivery(db, of) : undefined;
        if (known === undefined) throw notFound('delivery', of.deliveryId);
        if (disabledAt !== null) throw new ApiProblem(409, 'subscription.disabled', 'enable the subscription first');
        if (known.state === 'waiting') return known;
        const again = (await redeliver(db, of, new Date())) ?? known;
        const stands = (state: string) => ({ deliveryId: of.deliveryId, state });
        await recorded(db, caller, 'redeliver', subscriptionId, stands(again.state), stands(known.state));
        return again;
      });
      webhooks.wake();
      return reply.code(202).send(deliveryOf(row));
    },
  );
}
