import type pg from 'pg';
import { OLDEST_MAJOR } from './database.ts';
import { formerParts } from './former-reports.ts';
import { reportStorage } from './partitions.ts';

/** One thing that was looked at. `hint` says what to do where `state` is not `ok`. */
export interface Finding {
  part: string;
  state: 'ok' | 'warning' | 'problem';
  text: string;
  hint?: string;
}

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;

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

interface Size {
  rows: number;
  bytes: number;
  indexBytes: number;
}

/** From the statistics of the server, not by reading: rows are an estimate. */
async function plainSize(pool: pg.Pool): Promise<Size & { days: number; strayRows: number }> {
  const { rows } = await pool.query<Size & { days: number; strayRows: number }>(
    `SELECT coalesce(sum(greatest(s.n_live_tup, 0)), 0) AS rows, coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bytes,
       coalesce(sum(pg_indexes_size(c.oid)), 0) AS "indexBytes", count(*) FILTER (WHERE c.relname <> 'reports_default') AS days,
       coalesce(sum(s.n_live_tup) FILTER (WHERE c.relname = 'reports_default'), 0) AS "strayRows"
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
     WHERE i.inhparent = 'public.reports'::regclass`,
  );
  return rows[0]!;
}

const perReport = ({ rows, bytes, indexBytes }: Size): string =>
  rows < 1_000
    ? 'too few reports to say what one costs'
    : `about ${rows} reports in ${megabytes(bytes)}, ${Math.round(bytes / rows)} bytes each (${Math.round(indexBytes / rows)} of them index)`;

async function extensionOffered(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(`SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'`);
  return rows.length > 0;
}

async function plainStorage(pool: pg.Pool): Promise<Finding[]> {
  const size = await plainSize(pool);
  const findings: Finding[] = [
    { part: 'reports.storage', state: 'ok', text: `plain Postgres, ${size.days} daily partitions; ${perReport(size)}` },
  ];
  if (await extensionOffered(pool)) {
    findings.push({
      part: 'reports.timescaledb',
      state: 'warning',
      text: 'this server offers TimescaleDB, but reports are kept in plain partitions, which take some seven times the room',
      hint: 'sealwatch backup FILE; in an empty database CREATE EXTENSION timescaledb; sealwatch restore FILE there.',
    });
  }
  if (size.strayRows > 100_000) {
    findings.push({
      part: 'reports.default-partition',
      state: 'warning',
      text: `${size.strayRows} reports lie in the default partition`,
      hint: 'They are moved to their own days every hour. If they stay, clocks of locks are years wrong: see comms.clock alarms.',
    });
  }
  return findings;
}

async function hyperStorage(pool: pg.Pool, licence: string, columnstore: boolean, version: string): Promise<Finding[]> {
  const { rows } = await pool.query<Size & { chunks: number }>(
    `SELECT approximate_row_count('reports') AS rows, total_bytes AS bytes, index_bytes AS "indexBytes",
       (SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'reports') AS chunks
     FROM hypertable_detailed_size('reports')`,
  );
  const size = rows[0] ?? { rows: 0, bytes: 0, indexBytes: 0, chunks: 0 };
  const text = `TimescaleDB ${version} hypertable, ${size.chunks} chunks; ${perReport(size)}`;
  if (columnstore) return [{ part: 'reports.storage', state: 'ok', text: `${text}; columnstore after 7 days` }];
  return [
    { part: 'reports.storage', state: 'ok', text },
    {
      part: 'reports.columnstore',
      state: 'warning',
      text: `old days are not compressed (licence ${licence}, version ${version})`,
      hint: 'The columnstore needs timescaledb.license = timescale and TimescaleDB 2.18 or newer, from the first start on.',
    },
  ];
}

/** Reports of the shape before migration 0022 are packed in the background after a start. */
async function former(pool: pg.Pool): Promise<Finding[]> {
  const { length } = await formerParts(pool);
  if (length === 0) return [];
  return [
    {
      part: 'reports.packing',
      state: 'warning',
      text: `${length} days of reports wait to be packed into a third of their room`,
      hint: 'The running platform packs them one after the other, oldest first, and logs each; nothing has to be done.',
    },
  ];
}

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

/** Looks at the database that is open: what it is, whether it keeps what it is given, how reports are kept and their cost. */
export async function checkDatabase(pool: pg.Pool, description?: string): Promise<Finding[]> {
  const places = description === undefined ? [] : [place(description)];
  const findings = [...places, await version(pool), await durability(pool), await connections(pool)];
  const { rows } = await pool.query(`SELECT 1 WHERE to_regclass('public.reports') IS NOT NULL`);
  if (rows.length === 0) {
    const hint = 'Run sealwatch migrate, or start the platform once.';
    return [...findings, { part: 'database.schema', state: 'problem', text: 'the tables are not there yet', hint }];
  }
  const storage = await reportStorage(pool);
  const kept =
    storage.kind === 'hypertable'
      ? await hyperStorage(pool, storage.licence, storage.columnstore, storage.version)
      : await plainStorage(pool);
  return [...findings, ...kept, ...(await former(pool)), await quarantine(pool), await auditGuard(pool)];
}
