import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { inTransaction } from '../postgres/queryable.ts';
import type { SecretBox } from '../secret-box.ts';
import {
  type ClaimedRow,
  claimDeliveries,
  dueSubscriptions,
  forgetOldEvents,
  handBack,
  handOut,
  settleDelivered,
  settleFailed,
} from '../store/webhooks/deliveries.ts';
import { disableSubscription, getSubscription, type SubscriptionRow } from '../store/webhooks/subscriptions.ts';
import type { AddressRule } from './address.ts';
import { cloudEvent, webhookHeaders } from './envelope.ts';
import { isRefusal, nextAttemptMs, retryAfterMs } from './schedule.ts';
import { type Sent, sendWebhook } from './send.ts';

export interface WebhooksDeps {
  pool: Pool;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  secrets: SecretBox;
  rule: AddressRule;
  registry?: Registry;
  nowMs?: () => number;
  /** How often new events and due deliveries are looked for, ms; 0: only by `wake`. Default 1000. */
  everyMs?: number;
  /** For one attempt, ms. Default 15,000, as the standard advises. */
  timeoutMs?: number;
  random?: () => number;
  resolve?: (host: string) => Promise<string[]>;
}

export interface Webhooks {
  readonly secrets: SecretBox;
  readonly rule: AddressRule;
  /** Something may be due: looks at once. */
  wake(): void;
  /** Resolves when nothing is due any more and nothing is under way. */
  settled(): Promise<void>;
  /** Cuts off what is under way; it is sent again by the next start. */
  stop(): Promise<void>;
}

const EVERY_MS = 1_000;
const TIMEOUT_MS = 15_000;
/** An attempt that has not been settled this long after its own time limit belongs to a platform that is gone. */
const LEASE_BEYOND_MS = 45_000;
const AT_ONCE_PER_SUBSCRIPTION = 8;
const EVENTS_A_ROUND = 500;
const FORGET_EVERY_MS = 3_600_000;
const FORGET_AT_ONCE = 5_000;

/**
 * Tells the subscribers. Events are in the outbox since the transaction that caused them; a round hands new ones out and
 * sends what is due. At least once: what was sent and not marked is sent again under the same `webhook-id`.
 */
class Telling implements Webhooks {
  readonly secrets: SecretBox;
  readonly rule: AddressRule;
  readonly #deps: WebhooksDeps;
  readonly #nowMs: () => number;
  readonly #timeoutMs: number;
  readonly #attempts: Counter<'result'>;
  readonly #stopping = new AbortController();
  /** Deliveries under way, by subscription. */
  readonly #busy = new Map<string, Set<Promise<void>>>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #again = false;
  #forgottenMs = 0;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
    this.secrets = deps.secrets;
    this.rule = deps.rule;
    this.#nowMs = deps.nowMs ?? Date.now;
    this.#timeoutMs = deps.timeoutMs ?? TIMEOUT_MS;
    this.#attempts = new Counter({
      name: 'sealwatch_webhook_attempts_total',
      help: 'Attempts to deliver an event to a subscriber',
      labelNames: ['result'],
      registers: deps.registry ? [deps.registry] : [],
    });
  }

  start(): void {
    const everyMs = this.#deps.everyMs ?? EVERY_MS;
    if (everyMs > 0) this.#timer = setInterval(() => this.wake(), everyMs).unref();
    this.wake();
  }

  wake(): void {
    if (this.#stopping.signal.aborted) return;
    this.#again = true;
    this.#round ??= this.#rounds();
  }

  async settled(): Promise<void> {
    this.wake();
    while (this.#round || this.#busy.size > 0) {
      await this.#round;
      await Promise.all([...this.#busy.values()].flatMap((sends) => [...sends]));
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#round;
    await Promise.all([...this.#busy.values()].flatMap((sends) => [...sends]));
  }

  async #rounds(): Promise<void> {
    try {
      while (this.#again && !this.#stopping.signal.aborted) {
        this.#again = false;
        await this.#onceAround();
      }
    } catch (error) {
      this.#deps.log.error({ err: error }, 'events could not be told; they stay in the outbox');
    }
    this.#round = undefined;
  }

  async #onceAround(): Promise<void> {
    const { pool } = this.#deps;
    const now = new Date(this.#nowMs());
    const handed = await inTransaction(pool, (db) => handOut(db, now, EVENTS_A_ROUND));
    if (handed === EVENTS_A_ROUND) this.#again = true;
    for (const subscriptionId of await dueSubscriptions(pool, now)) await this.#sendDue(subscriptionId);
    if (now.getTime() - this.#forgottenMs > FORGET_EVERY_MS) {
      this.#forgottenMs = now.getTime();
      await forgetOldEvents(pool, now, FORGET_AT_ONCE);
    }
  }

  async #sendDue(subscriptionId: string): Promise<void> {
    const { pool } = this.#deps;
    const busy = this.#busy.get(subscriptionId) ?? new Set();
    const limit = AT_ONCE_PER_SUBSCRIPTION - busy.size;
    if (limit <= 0) return;
    const subscription = await getSubscription(pool, subscriptionId, null);
    if (subscription === undefined) return;
    const nowMs = this.#nowMs();
    const leaseUntil = new Date(nowMs + this.#timeoutMs + LEASE_BEYOND_MS);
    const claimed = await claimDeliveries(pool, { subscriptionId, now: new Date(nowMs), leaseUntil, limit });
    for (const row of claimed) {
      const send = this.#deliver(subscription, row)
        .catch((error) =>
          this.#deps.log.error({ err: error, deliveryId: row.delivery_id }, 'a delivery was not marked'),
        )
        .finally(() => {
          busy.delete(send);
          if (busy.size === 0) this.#busy.delete(subscriptionId);
          this.wake();
        });
      busy.add(send);
      this.#busy.set(subscriptionId, busy);
    }
  }

  async #deliver(subscription: SubscriptionRow, row: ClaimedRow): Promise<void> {
    const sent = await this.#send(subscription, row);
    const { pool } = this.#deps;
    const now = new Date(this.#nowMs());
    if ('error' in sent && sent.error === 'stopped') return handBack(pool, row, now);
    if ('status' in sent && sent.status >= 200 && sent.status < 300) {
      this.#attempts.inc({ result: 'delivered' });
      return settleDelivered(pool, row, { ...sent, now });
    }
    this.#attempts.inc({ result: 'failed' });
    const error = 'error' in sent ? sent.error : `answered ${sent.status}`;
    const outcome = { ...('status' in sent ? sent : {}), error, now };
    if ('status' in sent && sent.status === 410) return this.#gone(subscription, row, outcome);
    const next = this.#nextAttempt(row, sent, now.getTime());
    if (next === undefined) {
      this.#deps.log.warn(
        { deliveryId: row.delivery_id, error },
        'an event is not sent again: refused, or tried too often',
      );
    }
    return settleFailed(pool, row, outcome, next);
  }

  /** When a failed event is sent again; undefined: never. */
  #nextAttempt(row: ClaimedRow, sent: Sent, nowMs: number): Date | undefined {
    if ('status' in sent && isRefusal(sent.status)) return undefined;
    const askedMs = 'status' in sent ? retryAfterMs(sent.status, sent.retryAfter, nowMs) : undefined;
    const next = nextAttemptMs(row.attempts, nowMs, (this.#deps.random ?? Math.random)(), askedMs);
    return next === undefined ? undefined : new Date(next);
  }

  /** 410: the subscriber wants nothing more. */
  async #gone(subscription: SubscriptionRow, row: ClaimedRow, outcome: { status?: number; error: string; now: Date }) {
    await inTransaction(this.#deps.pool, async (db) => {
      await settleFailed(db, row, outcome, undefined);
      await disableSubscription(db, subscription.subscription_id, 'the subscriber answered 410 Gone', outcome.now);
    });
    this.#deps.log.info({ subscriptionId: subscription.subscription_id }, 'a subscriber is gone');
  }

  async #send(subscription: SubscriptionRow, row: ClaimedRow): Promise<Sent> {
    const nowMs = this.#nowMs();
    let secrets: string[];
    try {
      secrets = this.#secretsOf(subscription, nowMs);
    } catch {
      return { error: 'its secret cannot be read with the key of this platform; rotate it' };
    }
    const body = cloudEvent({
      eventId: row.event_id,
      type: row.type,
      at: row.created_at,
      tripId: row.trip_id ?? undefined,
      data: row.data,
    });
    return sendWebhook({
      url: subscription.url,
      headers: webhookHeaders(row.event_id, nowMs, body, secrets),
      body,
      rule: this.rule,
      timeoutMs: this.#timeoutMs,
      signal: this.#stopping.signal,
      resolve: this.#deps.resolve,
    });
  }

  #secretsOf({ secret, old_secret: old, old_until: until }: SubscriptionRow, nowMs: number): string[] {
    const rotating = old !== null && until !== null && until.getTime() > nowMs;
    return [this.secrets.open(secret), ...(rotating ? [this.secrets.open(old)] : [])];
  }
}

export function startWebhooks(deps: WebhooksDeps): Webhooks {
  const telling = new Telling(deps);
  telling.start();
  return telling;
}
