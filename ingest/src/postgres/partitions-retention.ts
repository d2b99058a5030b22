import { OVER_STATUSES } from '@sealwatch/schemas';
import type pg from 'pg';
import { inTransaction } from './queryable.ts';

/** Rows that retention leaves: those of a trip that is not over. Its evidence is whole until somebody has closed it. */
const HELD = `trip_id IN (SELECT t.trip_id FROM trips t
  WHERE t.status NOT IN (${OVER_STATUSES.map((status) => `'${status}'`).join(', ')}))`;

/** Rows deleted in one transaction, so that none lasts long. */
const DELETED_AT_ONCE = 50_000;

async function deleteUnheld(pool: pg.Pool, table: string, condition: string, values: unknown[]): Promise<void> {
  for (;;) {
    const { rowCount } = await pool.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table}
         WHERE ${condition} AND (${HELD}) IS NOT TRUE LIMIT ${DELETED_AT_ONCE}))`,
      values,
    );
    if ((rowCount ?? 0) < DELETED_AT_ONCE) return;
  }
}

/**
 * Drops days of reports. A day with records of trips that are not over keeps these alone; it is dropped after they are.
 * @param days names of partitions
 * @returns the names of those that are gone
 */
export async function dropDays(pool: pg.Pool, days: string[], lockTimeout: string): Promise<string[]> {
  const dropped: string[] = [];
  for (const name of days) {
    const isDropped = await inTransaction(pool, async (client) => {
      await client.query(`SET LOCAL lock_timeout = '${lockTimeout}'`);
      await client.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
      const { rows } = await client.query(`SELECT 1 FROM ${name} WHERE ${HELD} LIMIT 1`);
      if (rows.length > 0) return false;
      await client.query(`DROP TABLE ${name}`);
      return true;
    });
    if (isDropped) dropped.push(name);
    else await deleteUnheld(pool, name, 'true', []);
  }
  return dropped;
}

/** Deletes what lies in no day of its own and is older. */
export async function deleteOlder(pool: pg.Pool, cutoff: Date): Promise<void> {
  await deleteUnheld(pool, 'reports_default', 'time < $1', [cutoff]);
}

/** The time before which whole chunks may go: not beyond the oldest record of a trip that is not over. */
export async function cutoffOfChunks(pool: pg.Pool, cutoff: Date): Promise<Date> {
  const { rows } = await pool.query<{ oldest: Date | null }>(
    `SELECT min(time) AS oldest FROM reports WHERE time < $1 AND ${HELD}`,
    [cutoff],
  );
  return rows[0]?.oldest ?? cutoff;
}
