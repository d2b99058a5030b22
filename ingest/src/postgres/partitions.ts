import type pg from 'pg';
import { errorCode, isLockRefusal } from './database-error.ts';
import type { StoreLog } from './embedded/embedded.ts';
import { packFormerReports } from './former-reports.ts';
import { OPEN_DAYS_BEFORE, openFromMs } from './partitions-closing.ts';
import { cutoffOfChunks, deleteOldBlocks, deleteOlder, dropChunks, dropDays } from './partitions-retention.ts';
import { inTransaction } from './queryable.ts';
import { adoptTimescale, findTimescale } from './timescale.ts';

/** How `reports` is kept on this server. */
export type ReportStorage =
  | { kind: 'partitions' }
  | { kind: 'hypertable'; version: string; licence: string; columnstore: boolean };

export interface KeepOptions {
  nowMs: number;
  log: StoreLog;
  /** Days after which whole days of reports are dropped. Absent: kept for ever. */
  retentionDays?: number;
  /** Packs days that are closed; late rows of these then get no partition. Absent: they stay in rows. */
  closeDays?: (pool: pg.Pool, options: Pick<KeepOptions, 'nowMs' | 'log' | 'signal'>) => Promise<void>;
  /** Once aborted, the round ends with the day in hand. */
  signal?: AbortSignal;
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
const DAYS_AROUND = OPEN_DAYS_BEFORE;
const AROUND = [0, 1, -1, 2, -2];
/** A record with a fix time older than this stays in the default partition: a wrong clock must not make partitions. */
const OLDEST_DAY = 400;
/** One round settles so many days at most; the next goes on. */
const DAYS_A_ROUND = 31;
const TURN_MS = 3_600_000;
/** DDL that waits for a lock holds up the writers behind it: give up soon, the next round tries again. */
const LOCK_TIMEOUT = '1s';

const dayOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10);
const PARTITION = /^reports_(\d{4})(\d{2})(\d{2})$/;
/** Whether a day may have a partition of its own. */
const isKept = (day: string, nowMs: number): boolean =>
  day >= dayOf(nowMs - OLDEST_DAY * DAY_MS) && day <= dayOf(nowMs + DAYS_AROUND * DAY_MS);
const partitionOf = (day: string): string => `reports_${day.replaceAll('-', '')}`;
const dayIn = (partition: string): string => partition.replace(PARTITION, '$1-$2-$3');
const boundsOf = (day: string): [from: string, to: string] => {
  const from = Date.parse(`${day}T00:00:00Z`);
  return [new Date(from).toISOString(), new Date(from + DAY_MS).toISOString()];
};

/** Which of the two storages this server has now. */
export async function reportStorage(pool: pg.Pool): Promise<ReportStorage> {
  const found = await findTimescale(pool);
  if (found?.reports !== 'hypertable') return { kind: 'partitions' };
  const { version, licence, columnstore } = found;
  return { kind: 'hypertable', version, licence, columnstore };
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
      // The table first: a writer that waited at the default partition would be told that its row does not belong there
      // any more. Then the partition: nothing of this day may be read half moved.
      await client.query('LOCK TABLE reports IN SHARE ROW EXCLUSIVE MODE');
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
    // 42P07: another platform made it
    if (isLockRefusal(error) || errorCode(error) === '42P07') return false;
    throw error;
  }
}

/** Days that have rows in the default partition, the newest first. */
async function daysInDefault(pool: pg.Pool, fromMs: number, nowMs: number): Promise<string[]> {
  const { rows } = await pool.query<{ day: string }>(
    `SELECT DISTINCT to_char(time AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM reports_default
     WHERE time >= $1 AND time < $2 ORDER BY 1 DESC LIMIT ${DAYS_A_ROUND}`,
    [new Date(fromMs), new Date(nowMs + DAYS_AROUND * DAY_MS)],
  );
  return rows.map((row) => row.day);
}

async function dropOld(pool: pg.Pool, cutoffMs: number): Promise<string[]> {
  const cutoff = partitionOf(dayOf(cutoffMs));
  const old = (await partitions(pool)).filter((name) => name < cutoff);
  const ends = old.map((name) => ({ name, end: new Date(boundsOf(dayIn(name))[1]) }));
  const dropped = await dropDays(pool, ends);
  await deleteOlder(pool, new Date(cutoffMs));
  return dropped.map(dayIn);
}

/** Gives the days around now their partitions; today first: from then on its reports do not wait for a day that is moved. */
async function makeDaysAround(pool: pg.Pool, { nowMs, signal }: KeepOptions): Promise<string[]> {
  const there = new Set(await partitions(pool));
  const made: string[] = [];
  for (const ahead of AROUND) {
    const day = dayOf(nowMs + ahead * DAY_MS);
    if (!signal?.aborted && !there.has(partitionOf(day)) && (await makeDay(pool, day))) made.push(day);
  }
  return made.sort();
}

async function keepPartitions(pool: pg.Pool, options: KeepOptions): Promise<Kept> {
  const { nowMs, retentionDays, signal } = options;
  const kept: Kept = { storage: { kind: 'partitions' }, made: [], settled: [], dropped: [] };
  kept.made = await makeDaysAround(pool, options);
  const fromMs = options.closeDays ? openFromMs(nowMs) : nowMs - OLDEST_DAY * DAY_MS;
  for (const day of await daysInDefault(pool, fromMs, nowMs)) {
    if (!signal?.aborted && (await makeDay(pool, day))) kept.settled.push(day);
  }
  if (retentionDays !== undefined) kept.dropped = await dropOld(pool, nowMs - retentionDays * DAY_MS);
  return kept;
}

async function keepHypertable(pool: pg.Pool, storage: ReportStorage, options: KeepOptions): Promise<Kept> {
  const kept: Kept = { storage, made: [], settled: [], dropped: [] };
  if (options.retentionDays === undefined) return kept;
  const cutoff = new Date(options.nowMs - options.retentionDays * DAY_MS);
  kept.dropped = await dropChunks(pool, await cutoffOfChunks(pool, cutoff));
  return kept;
}

/**
 * One round of keeping: partitions for the days around now, late rows settled into days of their own, days past
 * retention dropped. Cheap where there is nothing to do; safe beside writers, readers and another platform.
 */
export async function keepReports(pool: pg.Pool, options: KeepOptions): Promise<Kept> {
  await adoptTimescale(pool, options.log);
  const storage = await reportStorage(pool);
  const kept =
    storage.kind === 'hypertable' ? await keepHypertable(pool, storage, options) : await keepPartitions(pool, options);
  if (options.retentionDays !== undefined) {
    const before = new Date(Math.floor(options.nowMs / DAY_MS - options.retentionDays) * DAY_MS);
    kept.dropped = [...new Set([...kept.dropped, ...(await deleteOldBlocks(pool, before))])].sort();
  }
  sayKept(options.log, kept);
  return kept;
}

function sayKept(log: StoreLog, kept: Partial<Kept>): void {
  for (const act of ['made', 'settled', 'dropped'] as const) {
    const days = kept[act] ?? [];
    if (days.length > 0) log.info({ days }, `days of reports ${act}`);
  }
}

/**
 * Partitions for days that a restore is about to fill, in its transaction: what is written to the default partition
 * instead would be moved later, while the platform takes reports. Nothing is done on a hypertable, or for days that a
 * wrong clock made.
 */
export async function makeDaysToFill(client: pg.PoolClient, days: string[], nowMs: number): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) name WHERE to_regclass('public.' || name) IS NULL
       AND (SELECT relkind FROM pg_class WHERE oid = 'public.reports'::regclass) = 'p'`,
    [days.filter((day) => isKept(day, nowMs)).map(partitionOf)],
  );
  for (const { name } of rows) {
    const [from, to] = boundsOf(dayIn(name));
    await client.query(`CREATE TABLE ${name} PARTITION OF reports FOR VALUES FROM ('${from}') TO ('${to}')`);
  }
}

interface KeeperDeps extends Pick<KeepOptions, 'log' | 'retentionDays' | 'closeDays'> {
  now: () => number;
  /** Of several platforms one keeps reports at a time; absent: always this one. */
  isTurn?: () => boolean;
}

export interface ReportKeeper {
  storage: ReportStorage;
  stop(): Promise<void>;
}

/** So much in the default partition may be in the way of the days around now before the platform takes reports. */
const WAITED_FOR_BYTES = 8 * 2 ** 20;

async function defaultPartitionBytes(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ bytes: number }>(
    `SELECT coalesce(pg_relation_size(to_regclass('public.reports_default')), 0) AS bytes`,
  );
  return rows[0]!.bytes;
}

/**
 * Keeps reports now and every hour. Waited for are TimescaleDB and the partitions of the days around now; all else is done
 * while the platform takes reports, those partitions too where much must be moved into them: what has no day yet lies in
 * the default partition, which is only slower.
 * @throws where these cannot be made
 */
export async function startReportKeeper(
  pool: pg.Pool,
  { log, now, isTurn, ...rest }: KeeperDeps,
): Promise<ReportKeeper> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const options = () => ({ ...rest, log, signal, nowMs: now() });
  const rounds = async () => {
    // a round settles so many days at most
    while (!signal.aborted && isTurn?.() !== false && (await keepReports(pool, options())).settled.length > 0);
  };
  const aside = () =>
    rounds()
      .then(() => packFormerReports(pool, log, () => signal.aborted || isTurn?.() === false))
      .then(() => (isTurn?.() === false ? undefined : rest.closeDays?.(pool, options())))
      .catch((error) => log.warn({ err: error }, 'a round of keeping reports failed; the next is in an hour'));
  await adoptTimescale(pool, log);
  const storage = await reportStorage(pool);
  const bytes = await defaultPartitionBytes(pool);
  if (bytes > WAITED_FOR_BYTES)
    log.info({ bytes }, 'reports that have no day of their own yet are moved to it while the platform runs');
  else if (storage.kind === 'partitions' && isTurn?.() !== false)
    sayKept(log, { made: await makeDaysAround(pool, options()) });
  let running = aside();
  const timer = setInterval(() => {
    running = running.then(aside);
  }, TURN_MS);
  timer.unref();
  return {
    storage,
    stop: async () => {
      stopping.abort();
      clearInterval(timer);
      await running;
    },
  };
}
