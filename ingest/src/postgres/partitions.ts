import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { errorCode } from './database-error.ts';
import type { StoreLog } from './embedded/embedded.ts';
import { keepReportsView, packFormerReports } from './former-reports.ts';
import { cutoffOfChunks, deleteOlder, dropDays } from './partitions-retention.ts';
import { inTransaction } from './queryable.ts';

/** How `reports` is kept on this server. */
export type ReportStorage =
  | { kind: 'partitions' }
  | { kind: 'hypertable'; version: string; licence: string; columnstore: boolean };

export interface KeepOptions {
  nowMs: number;
  log: StoreLog;
  /** Days after which whole days of reports are dropped. Absent: kept for ever. */
  retentionDays?: number;
}

/** What one round of keeping did; days are `2026-11-21`. */
export interface Kept {
  storage: ReportStorage;
  made: string[];
  /** Days whose late rows left the default partition for one of their own. */
  settled: string[];
  dropped: string[];
}

const DAY_MS = 86_400_000;
const DAYS_AROUND = 2;
/** A record with a fix time older than this stays in the default partition: a wrong clock must not make partitions. */
const OLDEST_DAY = 400;
/** One round settles so many days at most; the next goes on. */
const DAYS_A_ROUND = 31;
const TURN_MS = 3_600_000;
/** DDL that waits for a lock holds up the writers behind it: give up soon, the next round tries again. */
const LOCK_TIMEOUT = '1s';

const dayOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10);
const partitionOf = (day: string): string => `reports_${day.replaceAll('-', '')}`;
const dayIn = (partition: string): string => partition.replace(/^reports_(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
const boundsOf = (day: string): [from: string, to: string] => {
  const from = Date.parse(`${day}T00:00:00Z`);
  return [new Date(from).toISOString(), new Date(from + DAY_MS).toISOString()];
};

function statement(name: string): string {
  return readFileSync(new URL(`../../src/postgres/timescale/${name}`, import.meta.url), 'utf8');
}

/** Which of the two storages this server has now. */
export async function reportStorage(pool: pg.Pool): Promise<ReportStorage> {
  const { rows } = await pool.query<{ version: string; licence: string | null; partitioned: boolean }>(
    `SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS version,
            current_setting('timescaledb.license', true) AS licence,
            (SELECT relkind = 'p' FROM pg_class WHERE oid = 'public.reports'::regclass) AS partitioned`,
  );
  const found = rows[0];
  if (!found?.version || found.partitioned) return { kind: 'partitions' };
  const columnstore = await pool.query<{ on: boolean }>(
    `SELECT compression_enabled AS on FROM timescaledb_information.hypertables WHERE hypertable_name = 'reports'`,
  );
  return {
    kind: 'hypertable',
    version: found.version,
    licence: found.licence ?? 'unknown',
    columnstore: columnstore.rows[0]?.on ?? false,
  };
}

/** Whether the hypertable may keep old days in columns: the licence must be Timescale's, the version 2.18 or newer. */
function mayUseColumnstore(version: string, licence: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return licence === 'timescale' && (major > 2 || (major === 2 && minor >= 18));
}

/**
 * Turns the empty partitioned table into a hypertable where the extension is installed. A table that holds reports is
 * left as it is: moving them is a backup and a restore, and a person's decision.
 */
async function adoptTimescale(pool: pg.Pool, log: StoreLog): Promise<void> {
  const { rows } = await pool.query<{ version: string; licence: string; partitioned: boolean }>(
    `SELECT extversion AS version, current_setting('timescaledb.license', true) AS licence,
            (SELECT relkind = 'p' FROM pg_class WHERE oid = 'public.reports'::regclass) AS partitioned
     FROM pg_extension WHERE extname = 'timescaledb'`,
  );
  const server = rows[0];
  if (!server?.partitioned) return;
  const { rows: some } = await pool.query('SELECT 1 FROM reports LIMIT 1');
  if (some.length > 0) {
    log.warn(
      {},
      'TimescaleDB is installed, but reports were begun in plain partitions; sealwatch doctor says how to move',
    );
    return;
  }
  const columnstore = mayUseColumnstore(server.version, server.licence);
  await inTransaction(pool, async (client) => {
    await client.query(statement('1_plain_copy.sql'));
    await client.query(statement('2_hypertable.sql'));
    if (columnstore) await client.query(statement('3_columnstore.sql'));
  });
  if (columnstore) await pool.query(statement('4_columnstore_policy.sql'));
  log.info(
    { version: server.version, licence: server.licence, columnstore },
    'reports are kept in a TimescaleDB hypertable',
  );
}

async function partitions(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'public.reports'::regclass AND c.relname ~ '^reports_[0-9]{8}$' ORDER BY 1`,
  );
  return rows.map((row) => row.name);
}

/**
 * Gives a day a partition of its own, with the rows of it that already lie in the default partition.
 * @returns false if it could not get its lock in time
 */
async function makeDay(pool: pg.Pool, day: string): Promise<boolean> {
  const name = partitionOf(day);
  const [from, to] = boundsOf(day);
  try {
    await inTransaction(pool, async (client) => {
      await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      // before the rows are moved: nothing may be written to this day meanwhile
      await client.query('LOCK TABLE reports_default IN ACCESS EXCLUSIVE MODE');
      await client.query(`CREATE TABLE ${name} (LIKE reports INCLUDING DEFAULTS INCLUDING INDEXES)`);
      await client.query(
        `WITH late AS (DELETE FROM reports_default WHERE time >= '${from}' AND time < '${to}' RETURNING *)
         INSERT INTO ${name} SELECT * FROM late`,
      );
      await client.query(`ALTER TABLE reports ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`);
    });
    return true;
  } catch (error) {
    // 55P03 no lock in time, 40P01 a deadlock given up, 42P07 another platform made it
    if (['55P03', '40P01', '42P07'].includes(errorCode(error))) return false;
    throw error;
  }
}

/** Days that have rows in the default partition, found by one probe a day instead of a read of all rows. */
async function daysInDefault(pool: pg.Pool, nowMs: number): Promise<string[]> {
  const { rows } = await pool.query<{ day: string }>(
    `SELECT DISTINCT to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM reports_default
     WHERE time >= $1 AND time < $2 ORDER BY 1 DESC LIMIT ${DAYS_A_ROUND}`,
    [new Date(nowMs - OLDEST_DAY * DAY_MS), new Date(nowMs + DAYS_AROUND * DAY_MS)],
  );
  return rows.map((row) => row.day);
}

async function dropOld(pool: pg.Pool, cutoffMs: number): Promise<string[]> {
  const cutoff = partitionOf(dayOf(cutoffMs));
  const old = (await partitions(pool)).filter((name) => name < cutoff);
  const ends = old.map((name) => ({ name, end: new Date(boundsOf(dayIn(name))[1]) }));
  const dropped = await dropDays(pool, ends, LOCK_TIMEOUT);
  await deleteOlder(pool, new Date(cutoffMs));
  return dropped.map(dayIn);
}

async function keepPartitions(pool: pg.Pool, options: KeepOptions): Promise<Kept> {
  const { nowMs, retentionDays } = options;
  const kept: Kept = { storage: { kind: 'partitions' }, made: [], settled: [], dropped: [] };
  const there = new Set(await partitions(pool));
  for (let ahead = -DAYS_AROUND; ahead <= DAYS_AROUND; ahead++) {
    const day = dayOf(nowMs + ahead * DAY_MS);
    if (!there.has(partitionOf(day)) && (await makeDay(pool, day))) kept.made.push(day);
  }
  for (const day of await daysInDefault(pool, nowMs)) {
    if (await makeDay(pool, day)) kept.settled.push(day);
  }
  if (retentionDays !== undefined) kept.dropped = await dropOld(pool, nowMs - retentionDays * DAY_MS);
  return kept;
}

async function keepHypertable(pool: pg.Pool, storage: ReportStorage, options: KeepOptions): Promise<Kept> {
  const kept: Kept = { storage, made: [], settled: [], dropped: [] };
  if (options.retentionDays === undefined) return kept;
  const { rows } = await pool.query<{ chunk: string }>(
    `SELECT drop_chunks('reports', older_than => $1::timestamptz) AS chunk`,
    [await cutoffOfChunks(pool, new Date(options.nowMs - options.retentionDays * DAY_MS))],
  );
  kept.dropped = rows.map((row) => row.chunk);
  return kept;
}

/**
 * One round of keeping: partitions for the days around now, late rows settled into days of their own, days past
 * retention dropped. Cheap where there is nothing to do; safe beside writers, readers and another platform.
 */
export async function keepReports(pool: pg.Pool, options: KeepOptions): Promise<Kept> {
  await adoptTimescale(pool, options.log);
  await keepReportsView(pool);
  const storage = await reportStorage(pool);
  const kept =
    storage.kind === 'hypertable' ? await keepHypertable(pool, storage, options) : await keepPartitions(pool, options);
  for (const act of ['made', 'settled', 'dropped'] as const) {
    if (kept[act].length > 0) options.log.info({ days: kept[act] }, `days of reports ${act}`);
  }
  return kept;
}

export interface ReportKeeper {
  storage: ReportStorage;
  stop(): Promise<void>;
}

/** Keeps reports now and every hour. @throws where the first round fails: without partitions nothing should start */
export async function startReportKeeper(
  pool: pg.Pool,
  options: { log: StoreLog; now: () => number; retentionDays?: number },
): Promise<ReportKeeper> {
  const { now, ...rest } = options;
  let isStopped = false;
  const keep = () => keepReports(pool, { ...rest, nowMs: now() });
  const packing = () => packFormerReports(pool, options.log, () => isStopped);
  const told = (work: Promise<unknown>) =>
    work.catch((error) =>
      options.log.warn({ err: error }, 'a round of keeping reports failed; the next is in an hour'),
    );
  const { storage } = await keep();
  let running: Promise<unknown> = told(packing());
  const timer = setInterval(() => {
    running = told(Promise.all([running, keep()]).then(packing));
  }, TURN_MS);
  timer.unref();
  return {
    storage,
    stop: async () => {
      isStopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
