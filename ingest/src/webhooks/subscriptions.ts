import type { Pool } from 'pg';
import { z } from 'zod';
import { isOwnOffice } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { requireNoTester } from '../people/simulated.ts';
import { isoOf } from '../postgres/iso.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound, wrongField } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { type DeliveryRow, getDelivery, redeliver } from '../store/webhooks/deliveries.ts';
import {
  deleteSubscription,
  enableSubscription,
  getSubscription,
  insertSubscription,
  rotateSecret,
  type SubscriptionRow,
} from '../store/webhooks/subscriptions.ts';
import { urlFault } from './address.ts';
import { newWebhookSecret } from './envelope.ts';
import type { Webhooks } from './webhooks.ts';

/** After a rotation the old secret signs beside the new one for so long. */
const ROTATION_MS = 24 * 3_600_000;

export const subscriptionState = (row: SubscriptionRow): 'active' | 'disabled' =>
  row.disabled_at === null ? 'active' : 'disabled';

/** A subscription that the caller may see. @throws ApiProblem 404 */
export async function visibleSubscription(db: Queryable, id: string, caller: Principal): Promise<SubscriptionRow> {
  const known = z.uuid().safeParse(id).success;
  const row = known ? await getSubscription(db, id, caller.offices) : undefined;
  if (row === undefined) throw notFound('subscription', id);
  return row;
}

/** A caller bound to offices subscribes for one or all of them, and for nobody else's. */
function officesOf(caller: Principal, office: string | undefined): string[] | null {
  if (office === undefined) return caller.offices;
  if (!isOwnOffice(caller, office)) {
    throw new ApiProblem(403, 'office.not-yours', `${office} is not your office`);
  }
  return [office];
}

async function recorded(db: Queryable, caller: Principal, act: string, id: string, after?: object, before?: object) {
  const subject = `subscription:${id}`;
  await audit(db, { actor: caller.name, action: `subscription.${act}`, subject, before, after });
}

/** Subscribes an address; its secret is known this once. @throws ApiProblem 403, 422 */
export async function subscribe(
  pool: Pool,
  { secrets, rule }: Webhooks,
  caller: Principal,
  asked: { url: string; types: SubscriptionRow['types']; office?: string | undefined },
): Promise<{ row: SubscriptionRow; secret: string }> {
  requireNoTester(caller, 'subscriptions are');
  const { url } = asked;
  const expected = urlFault(rule, url);
  if (expected !== undefined) {
    const message = `expected ${expected}`;
    throw wrongField('subscription.url', { path: 'url', message, value: url.slice(0, 200), expected });
  }
  const offices = officesOf(caller, asked.office);
  const secret = newWebhookSecret();
  const types = [...new Set(asked.types)];
  const row = await inTransaction(pool, async (db) => {
    const sealed = secrets.seal(secret);
    const inserted = await insertSubscription(db, { url, types, offices, secret: sealed, by: caller.name });
    await recorded(db, caller, 'create', inserted.subscription_id, { url, types, offices });
    return inserted;
  });
  return { row, secret };
}

/** @throws ApiProblem 404 */
export async function unsubscribe(pool: Pool, caller: Principal, subscriptionId: string): Promise<void> {
  requireNoTester(caller, 'subscriptions are');
  await inTransaction(pool, async (db) => {
    const row = await visibleSubscription(db, subscriptionId, caller);
    const { subscription_id: id, url, types, offices } = row;
    await deleteSubscription(db, id);
    await recorded(db, caller, 'delete', id, undefined, { url, types, offices, state: subscriptionState(row) });
  });
}

/** A new secret, known this once; the one before it signs as well until `until`. @throws ApiProblem 404 */
export async function rotate(
  pool: Pool,
  { secrets }: Webhooks,
  caller: Principal,
  subscriptionId: string,
): Promise<{ row: SubscriptionRow; secret: string; until: Date }> {
  requireNoTester(caller, 'subscriptions are');
  const secret = newWebhookSecret();
  const until = new Date(Date.now() + ROTATION_MS);
  const row = await inTransaction(pool, async (db) => {
    const { subscription_id: id, old_until: was } = await visibleSubscription(db, subscriptionId, caller);
    const after = await rotateSecret(db, id, secrets.seal(secret), until);
    // Until when the secret before it signs too; secrets themselves stand nowhere.
    const before = { previousUntil: was === null ? null : isoOf(was) };
    await recorded(db, caller, 'rotate', id, { previousUntil: isoOf(until) }, before);
    return after;
  });
  return { row, secret, until };
}

/** Sends to a disabled subscriber again. @throws ApiProblem 404 */
export async function enable(
  pool: Pool,
  webhooks: Webhooks | undefined,
  caller: Principal,
  subscriptionId: string,
): Promise<SubscriptionRow> {
  requireNoTester(caller, 'subscriptions are');
  const row = await inTransaction(pool, async (db) => {
    const before = await visibleSubscription(db, subscriptionId, caller);
    const { subscription_id: id, disabled_reason: reason } = before;
    const after = await enableSubscription(db, id);
    await recorded(db, caller, 'enable', id, { state: 'active' }, { state: subscriptionState(before), reason });
    return after;
  });
  webhooks?.wake();
  return row;
}

/** Sends an event once more; one that waits is left as it is. @throws ApiProblem 404, 409 while disabled */
export async function sendAgain(
  pool: Pool,
  webhooks: Webhooks,
  caller: Principal,
  named: { subscriptionId: string; deliveryId: string },
): Promise<DeliveryRow> {
  requireNoTester(caller, 'subscriptions are');
  const row = await inTransaction(pool, async (db) => {
    const subscription = await visibleSubscription(db, named.subscriptionId, caller);
    const of = { subscriptionId: subscription.subscription_id, deliveryId: named.deliveryId };
    const known = z.uuid().safeParse(of.deliveryId).success ? await getDelivery(db, of) : undefined;
    if (known === undefined) throw notFound('delivery', of.deliveryId);
    if (subscription.disabled_at !== null) {
      throw new ApiProblem(409, 'subscription.disabled', 'enable the subscription first');
    }
    if (known.state === 'waiting') return known;
    const again = (await redeliver(db, of, new Date())) ?? known;
    const stateOf = ({ state }: DeliveryRow) => ({ deliveryId: of.deliveryId, state });
    await recorded(db, caller, 'redeliver', of.subscriptionId, stateOf(again), stateOf(known));
    return again;
  });
  webhooks.wake();
  return row;
}
