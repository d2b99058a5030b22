import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { isLockRefusal } from './database-error.ts';
import type { StoreLog } from './embedded/embedded.ts';
import { keepReportsView } from './former-reports.ts';
import type { Queryable } from './queryable.ts';
import { changingSchema } from './schema-lock.ts';

/** The extension as it is installed in this database. */
export interface Timescale {
  /** e.g. `2.30.2` */
  version: string;
  /** `timescale` or `apache`. */
  licence: string;
  /** What `reports` is: `partitioned` by the migration, `plain` where an adoption stopped half-way. */
  reports: 'partitioned' | 'plain' | 'hypertable';
  /** Old days are kept in columns. */
  columnstore: boolean;
  /** A job turns days into columns. */
  policy: boolean;
}

/** DDL that waits for a lock holds up the writers behind it. */
const LOCK_TIMEOUT = '5s';

/** @returns undefined where this database has no TimescaleDB */
export async function findTimescale(db: Queryable): Promise<Timescale | undefined> {
  const { rows } = await db.query<{ version: string; licence: string | null; kind: string }>(
    `SELECT extversion AS version, current_setting('timescaledb.license', true) AS licence,
       (SELECT relkind FROM pg_class WHERE oid = 'public.reports'::regclass) AS kind
     FROM pg_extension WHERE extname = 'timescaledb'`,
  );
  const server = rows[0];
  if (!server) return undefined;
  const { version, licence } = server;
  const { rows: tables } = await db.query<{ columnstore: boolean; policy: boolean }>(
    `SELECT h.compression_enabled AS columnstore, EXISTS (SELECT FROM timescaledb_information.jobs j
         WHERE j.hypertable_schema = h.hypertable_schema AND j.hypertable_name = h.hypertable_name
           AND j.proc_name = 'policy_compression') AS policy
     FROM timescaledb_information.hypertables h WHERE h.hypertable_schema = 'public' AND h.hypertable_name = 'reports'`,
  );
  const reports = tables[0] ? 'hypertable' : server.kind === 'p' ? 'partitioned' : 'plain';
  return { version, licence: licence ?? 'unknown', reports, columnstore: false, policy: false, ...tables[0] };
}

/** Whether the hypertable may keep old days in columns: the licence must be Timescale's, the version 2.18 or newer. */
export function mayUseColumnstore({ version, licence }: Pick<Timescale, 'version' | 'licence'>): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return licence === 'timescale' && (major > 2 || (major === 2 && minor >= 18));
}

/** The files of timescale/ that this database still needs, in order. */
function missing(found: Timescale): string[] {
  const inColumns = mayUseColumnstore(found);
  return [
    ...(found.reports === 'partitioned' ? ['1_plain_copy.sql'] : []),
    ...(found.reports === 'hypertable' ? [] : ['2_hypertable.sql']),
    ...(inColumns && !found.columnstore ? ['3_columnstore.sql'] : []),
    ...(inColumns && !found.policy ? ['4_columnstore_policy.sql'] : []),
  ];
}

function statement(name: string): string {
  return readFileSync(new URL(`../../src/postgres/timescale/${name}`, import.meta.url), 'utf8');
}

const holdsReports = async (db: Queryable): Promise<boolean> =>
  (await db.query('SELECT 1 FROM reports LIMIT 1')).rows.length > 0;

/**
 * Brings `reports` into the form of this server's TimescaleDB, whatever of it is there already, inside the transaction of
 * `client`: an interrupted adoption leaves what was there before. Nothing is done without the extension.
 * @returns what was done, as names of files; undefined where reports were begun in plain partitions: moving them is a
 *   backup and a restore, and a person's decision
 */
export async function adoptInTransaction(client: pg.PoolClient): Promise<string[] | undefined> {
  const found = await findTimescale(client);
  if (!found) return [];
  if (found.reports !== 'hypertable') {
    await client.query('LOCK TABLE reports IN ACCESS EXCLUSIVE MODE');
    if (found.reports === 'partitioned' && (await holdsReports(client))) return undefined;
  }
  const files = missing(found);
  for (const file of files) await client.query(statement(file));
  await keepReportsView(client);
  return files;
}

const isComplete = (found: Timescale | undefined): boolean => found === undefined || missing(found).length === 0;

/**
 * Looks whether the adoption of TimescaleDB is complete and completes it: at the start and before each round of keeping.
 * An earlier one may have been cut short, or somebody removed the policy.
 */
export async function adoptTimescale(pool: pg.Pool, log: StoreLog): Promise<void> {
  if (isComplete(await findTimescale(pool))) return;
  await changingSchema(pool, log, async (client) => {
    await client.query('BEGIN');
    try {
      await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      const done = await adoptInTransaction(client);
      await client.query('COMMIT');
      say(log, done, await findTimescale(client));
    } catch (error) {
      // told is why it failed, also where the connection is gone
      await client.query('ROLLBACK').catch(() => undefined);
      if (!isLockRefusal(error)) throw error;
      log.warn(
        { err: error },
        'reports are in use and could not be brought into TimescaleDB; the next round tries again',
      );
    }
  });
}

function say(log: StoreLog, done: string[] | undefined, found: Timescale | undefined): void {
  if (done === undefined)
    log.warn(
      {},
      'TimescaleDB is installed, but reports were begun in plain partitions; sealwatch doctor says how to move',
    );
  else if (done.length > 0) log.info({ ...found, done }, 'reports are kept in a TimescaleDB hypertable');
}
