import type { Queryable } from '../../postgres/queryable.ts';

export interface DeliveryRow {
  delivery_id: string;
  subscription_id: string;
  outbox_id: number;
  state: 'waiting' | 'delivered' | 'dead';
  by_hand: boolean;
  attempts: number;
  next_at: Date;
  last_at: Date | null;
  last_status: number | null;
  last_error: string | null;
  ended_at: Date | null;
  /** Of the event. */
  event_id: string;
  created_at: Date;
  type: string;
  trip_id: string | null;
}

/** A delivery that is taken up, with what is to be sent. */
export interface ClaimedRow extends DeliveryRow {
  data: Record<string, unknown>;
}

const EVENT = 'o.event_id, o.created_at, o.type, o.trip_id';

/**
 * Who hears of an event: subscriptions to its type, of offices of its trip. Without a trip a gate's event is its own
 * office's, and any other one goes to those alone who see every office.
 */
const HEARS = `s.disabled_at IS NULL AND (s.types = '{}' OR o.type = ANY(s.types))
  AND (s.offices IS NULL OR EXISTS (SELECT 1 FROM trips t WHERE t.trip_id = o.trip_id
      AND (t.origin_office = ANY(s.offices) OR t.destination_office = ANY(s.offices)))
    OR (o.trip_id IS NULL AND EXISTS (SELECT 1 FROM places g WHERE g.place_id = o.data ->> 'gateId'
      AND g.feature -> 'properties' ->> 'office' = ANY(s.offices))))`;

/**
 * Hands new events out to the subscriptions, in the order they were written; in a transaction. One platform at a time,
 * so that no later event of a trip is handed out before an earlier one.
 * @returns how many events were handed out
 */
export async function handOut(db: Queryable, now: Date, limit: number): Promise<number> {
  const turn = await db.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('outbox', 0)) AS mine`,
  );
  if (!turn.rows[0]?.mine) return 0;
  const { rowCount } = await db.query(
    `WITH events AS (
       UPDATE outbox SET handed_at = $1 WHERE outbox_id IN
         (SELECT outbox_id FROM outbox WHERE handed_at IS NULL ORDER BY outbox_id LIMIT $2)
       RETURNING *),
     told AS (
       INSERT INTO deliveries (subscription_id, outbox_id, lane, next_at)
       SELECT s.subscription_id, o.outbox_id, coalesce(o.trip_id, o.event_id), $1
       FROM events o JOIN subscriptions s ON ${HEARS} ON CONFLICT DO NOTHING)
     SELECT 1 FROM events`,
    [now, limit],
  );
  return rowCount ?? 0;
}

/** Subscriptions for which something is due. */
export async function dueSubscriptions(db: Queryable, now: Date): Promise<string[]> {
  const { rows } = await db.query<{ subscription_id: string }>(
    `SELECT s.subscription_id FROM subscriptions s WHERE s.disabled_at IS NULL AND EXISTS (SELECT 1 FROM deliveries d
       WHERE d.subscription_id = s.subscription_id AND d.state = 'waiting' AND d.next_at <= $1)`,
    [now],
  );
  return rows.map((row) => row.subscription_id);
}

/** Events that call people: a delivery of one does not wait behind others of its trip that fail. */
const URGENT = (outboxId: string) =>
  `EXISTS (SELECT 1 FROM outbox u WHERE u.outbox_id = ${outboxId}
    AND u.type IN ('alarm.raised', 'alarm.reminded', 'alarm.escalated'))`;

/** Earlier deliveries of the lane of `d` that wait. */
const EARLIER = `FROM deliveries e WHERE e.subscription_id = d.subscription_id AND e.lane = d.lane
  AND e.state = 'waiting' AND NOT e.by_hand AND e.outbox_id < d.outbox_id`;

/**
 * Whether a delivery's turn in its lane has come: it is the first, or it is urgent and the first has failed. Urgent ones
 * keep their order among themselves until one of them has failed.
 */
const ITS_TURN = `(d.by_hand OR NOT EXISTS (SELECT 1 ${EARLIER}) OR (${URGENT('d.outbox_id')}
  AND (SELECT e.last_error IS NOT NULL ${EARLIER} ORDER BY e.outbox_id LIMIT 1)
  AND NOT EXISTS (SELECT 1 ${EARLIER} AND e.last_error IS NULL AND ${URGENT('e.outbox_id')})))`;

/**
 * Claims deliveries that are due and whose turn has come, urgent ones first. No other claim takes them before
 * `leaseUntil`; a later one raises `attempts`, which tells the two apart.
 */
export async function claimDeliveries(
  db: Queryable,
  claim: { subscriptionId: string; now: Date; leaseUntil: Date; limit: number },
): Promise<ClaimedRow[]> {
  const { rows } = await db.query<ClaimedRow>(
    `WITH due AS (
       SELECT d.delivery_id FROM deliveries d
       WHERE d.subscription_id = $1 AND d.state = 'waiting' AND d.next_at <= $2 AND ${ITS_TURN}
       ORDER BY ${URGENT('d.outbox_id')} DESC, d.next_at, d.outbox_id LIMIT $4 FOR UPDATE SKIP LOCKED)
     UPDATE deliveries d SET next_at = $3, attempts = d.attempts + 1, last_at = $2
     FROM due, outbox o WHERE d.delivery_id = due.delivery_id AND o.outbox_id = d.outbox_id
     RETURNING d.*, ${EVENT}, o.data`,
    [claim.subscriptionId, claim.now, claim.leaseUntil, claim.limit],
  );
  return rows;
}

export interface DeliveryOutcome {
  /** HTTP status answered; absent where there was no answer. */
  status?: number | undefined;
  error?: string | undefined;
  now: Date;
}

/** Ends a delivery by its answer; what waited behind it in its lane is due at once. */
export async function settleDelivered(db: Queryable, row: DeliveryRow, outcome: DeliveryOutcome): Promise<void> {
  await db.query(
    `UPDATE deliveries SET state = 'delivered', ended_at = $2, last_status = $3, last_error = NULL
     WHERE delivery_id = $1 AND state = 'waiting'`,
    [row.delivery_id, outcome.now, outcome.status ?? null],
  );
  if (row.attempts > 1) await moveFollowers(db, row, outcome.now);
}

/** A failed attempt: again at `nextAt`, and what is behind it and not urgent not before that; without `nextAt` it is dead. */
export async function settleFailed(
  db: Queryable,
  row: DeliveryRow,
  outcome: DeliveryOutcome,
  nextAt: Date | undefined,
): Promise<void> {
  const { rowCount } = await db.query(
    `UPDATE deliveries SET last_status = $3, last_error = $4, next_at = coalesce($5, next_at),
       state = CASE WHEN $5::timestamptz IS NULL THEN 'dead' ELSE state END,
       ended_at = CASE WHEN $5::timestamptz IS NULL THEN $6::timestamptz END
     WHERE delivery_id = $1 AND state = 'waiting' AND attempts = $2`,
    [row.delivery_id, row.attempts, outcome.status ?? null, outcome.error ?? null, nextAt ?? null, outcome.now],
  );
  if (rowCount === 1) await moveFollowers(db, row, nextAt ?? outcome.now);
}

/** What was cut off by a stop counts as not tried and is due at once: the receiver knows a repeat by its id. */
export async function handBack(db: Queryable, row: DeliveryRow, now: Date): Promise<void> {
  await db.query(
    `UPDATE deliveries SET next_at = $3, attempts = attempts - 1
     WHERE delivery_id = $1 AND state = 'waiting' AND attempts = $2`,
    [row.delivery_id, row.attempts, now],
  );
}

async function moveFollowers(db: Queryable, row: DeliveryRow, to: Date): Promise<void> {
  if (row.by_hand) return;
  await db.query(
    `UPDATE deliveries d SET next_at = $3 FROM deliveries f WHERE f.delivery_id = $1 AND d.subscription_id = $2
       AND d.lane = f.lane AND d.outbox_id > f.outbox_id AND d.state = 'waiting' AND NOT d.by_hand
       AND NOT (${URGENT('d.outbox_id')})`,
    [row.delivery_id, row.subscription_id, to],
  );
}

export interface DeliveryFilter {
  subscriptionId: string;
  state?: DeliveryRow['state'] | undefined;
  /** Of the last item of the page before. */
  before?: number | undefined;
  limit: number;
}

/** Newest event first. */
export async function listDeliveries(db: Queryable, filter: DeliveryFilter): Promise<DeliveryRow[]> {
  const { rows } = await db.query<DeliveryRow>(
    `SELECT d.*, ${EVENT} FROM deliveries d JOIN outbox o USING (outbox_id)
     WHERE d.subscription_id = $1 AND ($2::text IS NULL OR d.state = $2) AND ($3::bigint IS NULL OR d.outbox_id < $3)
     ORDER BY d.outbox_id DESC LIMIT $4`,
    [filter.subscriptionId, filter.state ?? null, filter.before ?? null, filter.limit],
  );
  return rows;
}

/** Has an event sent once more, whatever became of it: with all its attempts, and outside the order of its trip. */
export async function redeliver(
  db: Queryable,
  of: { subscriptionId: string; deliveryId: string },
  now: Date,
): Promise<DeliveryRow | undefined> {
  const { rows } = await db.query<DeliveryRow>(
    `UPDATE deliveries d SET state = 'waiting', by_hand = true, attempts = 0, next_at = $3, ended_at = NULL,
       last_error = NULL, last_status = NULL
     FROM outbox o WHERE d.subscription_id = $1 AND d.delivery_id = $2 AND o.outbox_id = d.outbox_id
       AND d.state <> 'waiting' RETURNING d.*, ${EVENT}`,
    [of.subscriptionId, of.deliveryId, now],
  );
  return rows[0];
}

export async function getDelivery(
  db: Queryable,
  of: { subscriptionId: string; deliveryId: string },
): Promise<DeliveryRow | undefined> {
  const { rows } = await db.query<DeliveryRow>(
    `SELECT d.*, ${EVENT} FROM deliveries d JOIN outbox o USING (outbox_id)
     WHERE d.subscription_id = $1 AND d.delivery_id = $2`,
    [of.subscriptionId, of.deliveryId],
  );
  return rows[0];
}

/** How long events and how they were delivered are kept. */
const KEPT = `interval '30 days'`;

/** Lets go of old events that nobody waits for, some at a time. */
export async function forgetOldEvents(db: Queryable, now: Date, limit: number): Promise<void> {
  await db.query(
    `DELETE FROM deliveries WHERE delivery_id IN (SELECT delivery_id FROM deliveries
       WHERE state <> 'waiting' AND ended_at < $1::timestamptz - ${KEPT} LIMIT $2)`,
    [now, limit],
  );
  await db.query(
    `DELETE FROM outbox WHERE outbox_id IN (SELECT o.outbox_id FROM outbox o
       WHERE o.handed_at < $1::timestamptz - ${KEPT}
         AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.outbox_id = o.outbox_id) ORDER BY o.outbox_id LIMIT $2)`,
    [now, limit],
  );
}
