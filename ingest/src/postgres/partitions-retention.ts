import { OVER_STATUSES } from '@sealwatch/schemas';
import type pg from 'pg';
import { isLockRefusal } from './database-error.ts';
import { inTransaction, type Queryable } from './queryable.ts';

/** Windows in which records stay, whatever their age: those of trips that are not over. Evidence is whole until a trip is closed. */
const HELD_WINDOWS = `trip_units u JOIN trips t USING (trip_id) JOIN locks l USING (lock_id)
  WHERE u.tracked_from IS NOT NULL AND t.status NOT IN (${OVER_STATUSES.map((status) => `'${status}'`).join(', ')})`;

/** Whether a record `r` lies in one of them. */
const IS_HELD = `EXISTS (SELECT FROM ${HELD_WINDOWS}
  AND l.lock_no = r.lock_no AND u.tracked_from <= r.time AND r.time < coalesce(u.tracked_to, 'infinity'))`;

/** Rows deleted in one transaction, so that none lasts long. */
const DELETED_AT_ONCE = 50_000;

async function deleteUnheld(pool: pg.Pool, table: string, condition: string, values: unknown[]): Promise<void> {
  for (;;) {
    const { rowCount } = await pool.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} r
         WHERE ${condition} AND NOT ${IS_HELD} LIMIT ${DELETED_AT_ONCE}))`,
      values,
    );
    if ((rowCount ?? 0) < DELETED_AT_ONCE) return;
  }
}

/** The oldest record before a time that a trip which is not over holds: one look into an index for each of its locks. */
async function oldestHeld(db: Queryable, table: string, before: Date): Promise<Date | undefined> {
  const { rows } = await db.query<{ oldest: Date | null }>(
    `SELECT min(h.time) AS oldest FROM (SELECT l.lock_no, u.tracked_from, u.tracked_to FROM ${HELD_WINDOWS}
       AND u.tracked_from < $1) w
     CROSS JOIN LATERAL (SELECT r.time FROM ${table} r WHERE r.lock_no = w.lock_no AND r.time >= w.tracked_from
       AND r.time < least(w.tracked_to, $1) ORDER BY r.time LIMIT 1) h`,
    [before],
  );
  return rows[0]?.oldest ?? undefined;
}

/**
 * Each drop waits for its lock no longer than this: behind one that waits for an open reader, every writer waits too.
 * So often a round is refused a lock before it leaves the rest to the next one.
 */
const LOCK_TIMEOUT = '1s';
const REFUSED_AT_MOST = 2;

/**
 * Drops days one by one, each in its own transaction; one that others are reading is left to the next round.
 * @param drop @returns whether it was dropped
 * @returns the days that are gone
 */
export async function dropEach<T>(
  pool: pg.Pool,
  days: readonly T[],
  drop: (client: pg.PoolClient, day: T) => Promise<boolean>,
): Promise<T[]> {
  const dropped: T[] = [];
  let refused = 0;
  for (const day of days) {
    try {
      const isDropped = await inTransaction(pool, async (client) => {
        await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
        return drop(client, day);
      });
      if (isDropped) dropped.push(day);
    } catch (error) {
      if (!isLockRefusal(error)) throw error;
      refused++;
      if (refused >= REFUSED_AT_MOST) break;
    }
  }
  return dropped;
}

/**
 * Drops days of reports. A day with records of trips that are not over keeps these alone; it is dropped after they are.
 * @param days names of partitions, each with the end of its day
 * @returns the names of those that are gone
 */
export async function dropDays(pool: pg.Pool, days: readonly { name: string; end: Date }[]): Promise<string[]> {
  const held: string[] = [];
  const dropped = await dropEach(pool, days, async (client, { name, end }) => {
    await client.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
    if (await oldestHeld(client, name, end)) {
      held.push(name);
      return false;
    }
    await client.query(`DROP TABLE ${name}`);
    return true;
  });
  for (const name of held) await deleteUnheld(pool, name, 'true', []);
  return dropped.map(({ name }) => name);
}

/**
 * Drops chunks of the hypertable that end by `cutoff`.
 * @returns the names of those that are gone
 */
export async function dropChunks(pool: pg.Pool, cutoff: Date): Promise<string[]> {
  const { rows: chunks } = await pool.query<{ name: string; from: Date; to: Date }>(
    `SELECT format('%I.%I', chunk_schema, chunk_name) AS name, range_start AS "from", range_end AS "to"
     FROM timescaledb_information.chunks
     WHERE hypertable_schema = 'public' AND hypertable_name = 'reports' AND range_end <= $1 ORDER BY range_start`,
    [cutoff],
  );
  const dropped = await dropEach(pool, chunks, async (client, { from, to }) => {
    const gone = await client.query(
      `SELECT drop_chunks('reports', newer_than => $1::timestamptz, older_than => $2::timestamptz)`,
      [from, to],
    );
    return gone.rows.length > 0;
  });
  return dropped.map(({ name }) => name);
}

/** Deletes what lies in no day of its own and is older. */
export async function deleteOlder(pool: pg.Pool, cutoff: Date): Promise<void> {
  await deleteUnheld(pool, 'reports_default', 'r.time < $1', [cutoff]);
}

/** Rows of blocks looked at in one transaction. */
const BLOCKS_AT_ONCE = 10_000;

/**
 * Deletes blocks of closed days before a day, but those that touch the window of a trip that is not over.
 * @returns the days that have lost some, e.g. `2026-11-21`
 */
export async function deleteOldBlocks(pool: pg.Pool, before: Date): Promise<string[]> {
  const days = new Set<string>();
  for (;;) {
    const { rows } = await pool.query<{ day: string }>(
      `DELETE FROM report_blocks WHERE ctid = ANY (ARRAY(SELECT ctid FROM report_blocks b
         WHERE b.first_time < $1 AND NOT EXISTS (SELECT FROM ${HELD_WINDOWS} AND l.lock_no = b.lock_no
           AND u.tracked_from <= b.last_time AND b.first_time < coalesce(u.tracked_to, 'infinity')) LIMIT ${BLOCKS_AT_ONCE}))
       RETURNING to_char(first_time AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day`,
      [before],
    );
    for (const { day } of rows) days.add(day);
    if (rows.length < BLOCKS_AT_ONCE) return [...days].sort();
  }
}

/** The time before which whole chunks may go: not beyond the oldest record of a trip that is not over. */
export async function cutoffOfChunks(pool: pg.Pool, cutoff: Date): Promise<Date> {
  return (await oldestHeld(pool, 'reports', cutoff)) ?? cutoff;
}
