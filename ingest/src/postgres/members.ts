import { errorCode } from './database-error.ts';
import type { Queryable } from './queryable.ts';

/** First key of the advisory locks of members; the second is the member's id. */
const LOCK_SPACE = 71;

/** What a member says of itself. */
export interface Introduction {
  /** e.g. `port-a 4711`: host and process. */
  name: string;
  version: string;
  /** `application_name` of its connections begins with this. */
  connections: string;
  /** A hash of its key of webhooks. */
  webhookKey: string;
}

export interface MemberRow {
  member_id: number;
  active: boolean;
  name: string;
  version: string;
  connections: string;
  webhook_key: string;
  since: Date;
  /** Its clock minus the database's, ms. */
  clock_ahead_ms: number;
  /** Since its last beat, by the database's clock, ms. */
  beat_age_ms: number;
  /** Its session lock is held. */
  locked: boolean;
  /** What it does in a cluster: `gateway`, `worker`, `api`; empty: it is alone, or not ready yet. */
  roles: string[];
  /** Why it cannot do that now; empty: it can. */
  reasons: string[];
}

export async function hasMembers(db: Queryable): Promise<boolean> {
  return (await db.query(`SELECT 1 WHERE to_regclass('public.members') IS NOT NULL`)).rows.length > 0;
}

/** Also before migration 0030, by which a member that stands by does not wait. */
const LIST = (column: string) =>
  `ARRAY(SELECT jsonb_array_elements_text(coalesce(to_jsonb(members) -> '${column}', '[]'))) AS ${column}`;

export async function listMembers(db: Queryable): Promise<MemberRow[]> {
  const { rows } = await db.query<MemberRow>(
    `SELECT member_id, active, name, version, connections, webhook_key, since, clock_ahead_ms,
       (extract(epoch FROM clock_timestamp() - beat_at) * 1000)::float8 AS beat_age_ms,
       member_id::oid IN (SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
         AND classid = ${LOCK_SPACE} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS locked,
       ${LIST('roles')}, ${LIST('reasons')}
     FROM members ORDER BY member_id`,
  );
  return rows;
}

/** @returns its id */
export async function insertMember(
  db: Queryable,
  { name, version, connections, webhookKey }: Introduction,
): Promise<number> {
  const { rows } = await db.query<{ member_id: number }>(
    'INSERT INTO members (name, version, connections, webhook_key) VALUES ($1, $2, $3, $4) RETURNING member_id',
    [name, version, connections, webhookKey],
  );
  return rows[0]!.member_id;
}

export const lockMember = (db: Queryable, memberId: number) =>
  db.query('SELECT pg_advisory_lock($1, $2)', [LOCK_SPACE, memberId]);

export async function beat(db: Queryable, memberId: number, nowMs: number): Promise<void> {
  await db.query(
    `UPDATE members SET beat_at = clock_timestamp(),
       clock_ahead_ms = least(greatest($2 - extract(epoch FROM clock_timestamp()) * 1000, -2000000000), 2000000000)
     WHERE member_id = $1`,
    [memberId, nowMs],
  );
}

/** Tells the others what an active member does, and why it cannot. */
export async function presentMember(
  db: Queryable,
  memberId: number,
  { roles, reasons }: Pick<MemberRow, 'roles' | 'reasons'>,
): Promise<void> {
  await db.query('UPDATE members SET roles = $2, reasons = $3 WHERE member_id = $1', [memberId, roles, reasons]);
}

const ALONE = `UPDATE members SET active = true WHERE member_id = $1 AND NOT EXISTS (SELECT FROM members WHERE active)`;
const SHARING = `UPDATE members SET active = true, shares = true WHERE member_id = $1
  AND NOT EXISTS (SELECT FROM members WHERE active AND NOT shares)`;

/**
 * Makes a member active, if nobody is.
 * @param shares also beside active ones that share the fleet too
 */
export async function claim(db: Queryable, memberId: number, shares: boolean): Promise<boolean> {
  try {
    const { rowCount } = await db.query(shares ? SHARING : ALONE, [memberId]);
    return rowCount === 1;
  } catch (error) {
    // 23505, 23P01: another one was faster, before migration 0025 and since then
    if (['23505', '23P01'].includes(errorCode(error))) return false;
    throw error;
  }
}

/** Waits for the transactions that hold the member; from then on it commits none. */
export const deleteMember = (db: Queryable, memberId: number) =>
  db.query('DELETE FROM members WHERE member_id = $1', [memberId]);

/** Ends all connections of that name but this one: what they have not committed is rolled back. @returns how many */
export async function endConnections(db: Queryable, connections: string): Promise<number> {
  const { rowCount } = await db.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND starts_with(application_name, $1) AND pid <> pg_backend_pid()`,
    [connections],
  );
  return rowCount ?? 0;
}

export interface ServerSeen {
  /** Since the server has started, ms. */
  ageMs: number;
  /** Another one after a failover: what was committed last may be lost. Absent where the server does not tell. */
  timeline?: string;
}

/** @throws where the server is in recovery: in which timeline it will go on is not known yet */
export async function lookAtServer(db: Queryable): Promise<ServerSeen> {
  const { rows } = await db.query<{ age_ms: number }>(
    'SELECT (extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) * 1000)::float8 AS age_ms',
  );
  const walName = 'SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline';
  // Managed servers do not all have this function.
  const named = await db.query<{ timeline: string }>(walName).catch((error) => {
    // 55000: recovery is in progress
    if (errorCode(error) === '55000') throw error;
    return undefined;
  });
  const timeline = named?.rows[0]?.timeline;
  return { ageMs: rows[0]!.age_ms, ...(timeline === undefined ? {} : { timeline }) };
}
