import type { Queryable } from '../../postgres/queryable.ts';
import { audit } from '../people/audit.ts';

export interface SubscriptionRow {
  subscription_id: string;
  created_at: Date;
  created_by: string;
  url: string;
  types: string[];
  offices: string[] | null;
  secret: Buffer;
  old_secret: Buffer | null;
  old_until: Date | null;
  disabled_at: Date | null;
  disabled_reason: string | null;
}

/** People of an office see the subscriptions that are bound to offices of theirs alone; null sees all. */
const VISIBLE = (parameter: number) => `($${parameter}::text[] IS NULL OR offices <@ $${parameter}::text[])`;

export interface NewSubscription {
  url: string;
  types: string[];
  offices: string[] | null;
  /** Sealed. */
  secret: Buffer;
  by: string;
}

export async function insertSubscription(db: Queryable, subscription: NewSubscription): Promise<SubscriptionRow> {
  const { url, types, offices, secret, by } = subscription;
  const { rows } = await db.query<SubscriptionRow>(
    'INSERT INTO subscriptions (url, types, offices, secret, created_by) VALUES ($1, $2, $3, $4, $5) RETURNING *',
    [url, types, offices, secret, by],
  );
  return rows[0]!;
}

export async function getSubscription(
  db: Queryable,
  subscriptionId: string,
  offices: string[] | null,
): Promise<SubscriptionRow | undefined> {
  const { rows } = await db.query<SubscriptionRow>(
    `SELECT * FROM subscriptions WHERE subscription_id = $1 AND ${VISIBLE(2)}`,
    [subscriptionId, offices],
  );
  return rows[0];
}

/** In the order of their ids. */
export async function listSubscriptions(
  db: Queryable,
  page: { offices: string[] | null; after?: string | undefined; limit: number },
): Promise<SubscriptionRow[]> {
  const { rows } = await db.query<SubscriptionRow>(
    `SELECT * FROM subscriptions WHERE ${VISIBLE(1)} AND ($2::uuid IS NULL OR subscription_id > $2)
     ORDER BY subscription_id LIMIT $3`,
    [page.offices, page.after ?? null, page.limit],
  );
  return rows;
}

export async function deleteSubscription(db: Queryable, subscriptionId: string): Promise<void> {
  await db.query('DELETE FROM subscriptions WHERE subscription_id = $1', [subscriptionId]);
}

/** The present secret becomes the old one, which signs beside the new one until `oldUntil`. */
export async function rotateSecret(
  db: Queryable,
  subscriptionId: string,
  secret: Buffer,
  oldUntil: Date,
): Promise<SubscriptionRow> {
  const { rows } = await db.query<SubscriptionRow>(
    `UPDATE subscriptions SET old_secret = secret, old_until = $3, secret = $2 WHERE subscription_id = $1 RETURNING *`,
    [subscriptionId, secret, oldUntil],
  );
  return rows[0]!;
}

/** Stops sending; waiting deliveries end as dead and can be redelivered manually. To be called in a transaction; writes the audit. */
export async function disableSubscription(
  db: Queryable,
  subscriptionId: string,
  reason: string,
  now: Date,
): Promise<void> {
  const { rowCount } = await db.query(
    `UPDATE subscriptions SET disabled_at = $3, disabled_reason = $2
     WHERE subscription_id = $1 AND disabled_at IS NULL`,
    [subscriptionId, reason, now],
  );
  const entry = { actor: 'platform', action: 'subscription.disable', subject: `subscription:${subscriptionId}` };
  if (rowCount) await audit(db, { ...entry, before: { state: 'active' }, after: { state: 'disabled', reason } });
  await db.query(
    `UPDATE deliveries SET state = 'dead', ended_at = $3, last_error = coalesce(last_error, $2)
     WHERE subscription_id = $1 AND state = 'waiting'`,
    [subscriptionId, reason, now],
  );
}

export async function enableSubscription(db: Queryable, subscriptionId: string): Promise<SubscriptionRow> {
  const { rows } = await db.query<SubscriptionRow>(
    'UPDATE subscriptions SET disabled_at = NULL, disabled_reason = NULL WHERE subscription_id = $1 RETURNING *',
    [subscriptionId],
  );
  return rows[0]!;
}
