import type pg from 'pg';
import { inTransaction } from './queryable.ts';

const DAY_MS = 86_400_000;
/** A day is added up once its last records have had time to come; later ones have it added up again. */
const SETTLING_MS = 2 * 3_600_000;

/** Days of ended partitions whose rows have grown since they were last added up. `written` only ever counts up. */
const STALE_DAYS = `SELECT p.day::text AS day, p.written FROM (
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day, pg_stat_get_tuples_inserted(c.oid) AS written
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.reports'::regclass AND c.relname ~ '^reports_[0-9]{8}$') p
  LEFT JOIN report_days d USING (day)
  WHERE p.written > 0 AND d.written IS DISTINCT FROM p.written AND p.day < ($1::timestamptz AT TIME ZONE 'UTC')::date
  ORDER BY p.day DESC LIMIT 31`;

const ADD_UP = `INSERT INTO report_hours (hour, lock_id, trip_id, reports, fixes, max_speed_kmh, min_battery_percent)
  SELECT date_trunc('hour', time, 'UTC'), lock_id, trip_id, count(*), count(lon), max(speed_kmh), min(battery_percent)
  FROM reports WHERE time >= $1 AND time < $2 GROUP BY 1, 2, 3`;

/**
 * Adds up the days that have ended, in plain Postgres; each in one transaction, so that a reader sees a day whole.
 * @returns the days added up now
 */
export async function rollUp(pool: pg.Pool, nowMs: number): Promise<string[]> {
  const { rows } = await pool.query<{ day: string; written: number }>(STALE_DAYS, [new Date(nowMs - SETTLING_MS)]);
  for (const { day, written } of rows) {
    const from = new Date(`${day}T00:00:00Z`);
    const to = new Date(from.getTime() + DAY_MS);
    await inTransaction(pool, async (client) => {
      await client.query(
        `INSERT INTO report_days (day, written) VALUES ($1, $2) ON CONFLICT (day) DO UPDATE SET written = $2`,
        [day, written],
      );
      await client.query('DELETE FROM report_hours WHERE hour >= $1 AND hour < $2', [from, to]);
      await client.query(ADD_UP, [from, to]);
    });
  }
  return rows.map((row) => row.day);
}
