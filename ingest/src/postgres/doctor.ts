import type pg from 'pg';
import { OLDEST_MAJOR } from './database.ts';
import { checkPair } from './doctor-pair.ts';
import { checkStorage } from './doctor-storage.ts';
import { type Finding, megabytes } from './finding.ts';

export type { Finding } from './finding.ts';

async function version(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ number: number; version: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`,
  );
  const old = rows[0]!.number < OLDEST_MAJOR * 10_000;
  return {
    part: 'database.version',
    state: old ? 'problem' : 'ok',
    text: `PostgreSQL ${rows[0]!.version}`,
    ...(old ? { hint: `PostgreSQL ${OLDEST_MAJOR} or newer is needed.` } : {}),
  };
}

/** Where it is: as root with a closed data folder not where one would look for it. */
const place = (description: string): Finding => ({ part: 'database.place', state: 'ok', text: description });

/** No trigger holds a superuser up. */
async function auditGuard(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ on: boolean; off: number }>(
    `SELECT current_setting('is_superuser') = 'on' AS on,
       (SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('audit'::regclass, 'audit_head'::regclass)
          AND NOT tgisinternal AND tgenabled = 'D') AS off`,
  );
  const { on: isSuperuser, off } = rows[0]!;
  const part = 'audit.guard';
  if (off > 0) {
    const hint = 'ALTER TABLE audit ENABLE TRIGGER USER; the same of audit_head; then sealwatch audit verify.';
    return { part, state: 'problem', text: `${off} triggers that keep the audit from changes are off`, hint };
  }
  if (!isSuperuser) return { part, state: 'ok', text: 'the database refuses the platform changes of the audit' };
  const hint = 'Give DATABASE_URL an ordinary role that owns the database: CREATE ROLE sealwatch LOGIN PASSWORD …';
  return {
    part,
    state: 'warning',
    text: 'the platform is a superuser of its database, and could change the audit',
    hint,
  };
}

/** A PUBACK promises that a record survives a power cut: three settings of the server decide whether that is true. */
async function durability(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY 1`,
  );
  const off = rows.filter((row) => row.setting === 'off').map((row) => row.name);
  if (off.length === 0)
    return { part: 'database.durability', state: 'ok', text: 'what is acknowledged survives a power cut' };
  return {
    part: 'database.durability',
    state: 'problem',
    text: `${off.join(', ')} is off: records that locks were told are stored can be lost`,
    hint: `Set ${off.map((name) => `${name} = on`).join(', ')} on the server and reload it.`,
  };
}

async function connections(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ most: number; now: number }>(
    `SELECT current_setting('max_connections')::int AS most,
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS now`,
  );
  const { most, now } = rows[0]!;
  const tight = now > most * 0.8;
  return {
    part: 'database.connections',
    state: tight ? 'warning' : 'ok',
    text: `${now} of ${most} connections in use`,
    ...(tight ? { hint: 'Raise max_connections, or see what else uses this server.' } : {}),
  };
}

/** More than this much was refused by nobody's plan. */
const QUARANTINE_MUCH_BYTES = 48 * 2 ** 20;

async function quarantine(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ bytes: number; rows: number }>(
    `SELECT pg_total_relation_size('quarantine') AS bytes, count(*) AS rows FROM quarantine`,
  );
  const { bytes, rows: held } = rows[0]!;
  const text = `${held} rows in ${megabytes(bytes)}`;
  if (bytes < QUARANTINE_MUCH_BYTES) return { part: 'quarantine.storage', state: 'ok', text };
  const hint =
    'GET /api/v1/quarantine names the locks; replay what a fix can read, POST /api/v1/quarantine/discard the rest.';
  return { part: 'quarantine.storage', state: 'warning', text, hint };
}

const WAITS_LONG_S = 60;

/** Trips whose plan has changed and that no platform judges by it. */
async function judging(pool: pg.Pool): Promise<Finding> {
  const { rows } = await pool.query<{ trips: number; oldest_s: number; first: string | null }>(
    `SELECT count(*)::int AS trips, coalesce(extract(epoch FROM clock_timestamp() - min(asked_at)), 0)::float8 AS oldest_s,
       (array_agg(trip_id ORDER BY asked_at))[1] AS first FROM to_judge`,
  );
  const { trips, oldest_s: oldestS, first } = rows[0]!;
  const part = 'trips.to-judge';
  if (oldestS <= WAITS_LONG_S) return { part, state: 'ok', text: `${trips} trips wait to be judged by a changed plan` };
  const text = `${trips} trips wait to be judged by a changed plan, ${first} for ${Math.round(oldestS)} s`;
  const hint =
    'If a platform runs, its log says why (“could not be judged”); if none does, the next start judges them.';
  return { part, state: 'warning', text, hint };
}

/** Certificates that locks have last signed in with, and that will keep them out soon. */
async function lockCertificates(pool: pg.Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{ all: number; expired: number; soon: number; first: string[] | null }>(
    `SELECT count(*) AS all, count(*) FILTER (WHERE until < now()) AS expired,
       count(*) FILTER (WHERE until >= now() AND until < now() + interval '30 days') AS soon,
       (array_agg(lock_id || ' on ' || to_char(until, 'YYYY-MM-DD') ORDER BY until)
         FILTER (WHERE until < now() + interval '30 days'))[1:5] AS first
     FROM (SELECT lock_id, (certificate ->> 'notAfter')::timestamptz AS until FROM locks
       WHERE retired_at IS NULL AND sign_in <> 'secret' AND certificate IS NOT NULL) c`,
  );
  const { all, expired, soon, first } = rows[0]!;
  if (all === 0) return [];
  const part = 'locks.certificates';
  if (expired + soon === 0)
    return [{ part, state: 'ok', text: `${all} locks sign in by certificate; none expires within 30 days` }];
  const hint = 'Issue new certificates; a lock whose certificate has expired is let in by its secret alone, if it may.';
  const text = `${soon} certificates of locks expire within 30 days, ${expired} have expired: ${first?.join(', ')}`;
  return [{ part, state: 'warning', text, hint }];
}

/** Looks at the database that is open: what it is, whether it keeps what it is given, how reports are kept and their cost. */
export async function checkDatabase(pool: pg.Pool, description?: string): Promise<Finding[]> {
  const places = description === undefined ? [] : [place(description)];
  const findings = [...places, await version(pool), await durability(pool), await connections(pool)];
  const { rows } = await pool.query(`SELECT 1 WHERE to_regclass('public.reports') IS NOT NULL`);
  if (rows.length === 0) {
    const hint = 'Run sealwatch migrate, or start the platform once.';
    return [...findings, { part: 'database.schema', state: 'problem', text: 'the tables are not there yet', hint }];
  }
  return [
    ...findings,
    ...(await checkStorage(pool)),
    await quarantine(pool),
    await judging(pool),
    await auditGuard(pool),
    ...(await lockCertificates(pool)),
    ...(await checkPair(pool)),
  ];
}
