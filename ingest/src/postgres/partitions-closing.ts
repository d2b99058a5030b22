import type pg from 'pg';
import { formerParts } from './former-reports.ts';
import { dropEach } from './partitions-retention.ts';
import type { Queryable } from './queryable.ts';

/** Today and so many days before it stay in rows. */
export const OPEN_DAYS_BEFORE = 2;

const DAY_MS = 86_400_000;

/** The start of the oldest day that is open, epoch ms. */
export const openFromMs = (nowMs: number): number => (Math.floor(nowMs / DAY_MS) - OPEN_DAYS_BEFORE) * DAY_MS;

/** A table with reports of closed days. */
export interface ClosablePart {
  name: string;
  /** e.g. `2026-11-21`; undefined: the default partition, where what comes late for closed days lies. */
  day?: string;
  /** Reports before this time are of closed days. */
  to: Date;
}

/**
 * Days that are closed and still in rows, oldest first, and the default partition. None in a hypertable, and none before all
 * reports of the former shape are packed: these count on the rows of the days before them.
 */
export async function closableParts(db: Queryable, nowMs: number): Promise<ClosablePart[]> {
  const to = new Date(openFromMs(nowMs));
  const { rows } = await db.query<{ name: string; day: string | null }>(
    `SELECT c.relname::text AS name, to_char(to_date(substring(c.relname FROM '[0-9]{8}$'), 'YYYYMMDD'), 'YYYY-MM-DD') AS day
     FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p' JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'public.reports'::regclass ORDER BY day NULLS LAST`,
  );
  if ((await formerParts(db)).length > 0) return [];
  const firstOpen = to.toISOString().slice(0, 10);
  return rows.flatMap(({ name, day }) => (day === null ? [{ name, to }] : day < firstOpen ? [{ name, day, to }] : []));
}

/** Drops days without reports; one that others are reading, or that has a report by now, is left to the next round. */
export async function dropEmptyDays(pool: pg.Pool, names: readonly string[]): Promise<void> {
  await dropEach(pool, names, async (client, name) => {
    // The table first: a writer that waited at the day would be told that it is gone.
    await client.query('LOCK TABLE ONLY reports IN ACCESS EXCLUSIVE MODE');
    await client.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
    if ((await client.query(`SELECT 1 FROM ${name} LIMIT 1`)).rows.length > 0) return false;
    await client.query(`DROP TABLE ${name}`);
    return true;
  });
}
