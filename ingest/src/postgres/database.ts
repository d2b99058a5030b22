import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { DatabaseStartError, errorCode } from './database-error.ts';
import { type EmbeddedServer, type StoreLog, startEmbedded } from './embedded/embedded.ts';

export type { StoreLog } from './embedded/embedded.ts';

/** The oldest server the SQL of the store is written for. */
export const OLDEST_MAJOR = 15;

const TYPE = { int8: 20, int8Array: 1016, numeric: 1700 } as const;

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond what a number holds exactly`);
  return value;
}

/**
 * How values come out of the store: timestamptz as Date; bigint and numeric as number (a bigint beyond 2^53 throws, it
 * would be a bug); float8 as number; bytea as Buffer; json as its value; uuid and text as string.
 */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format !== 'binary') {
      if (oid === TYPE.int8) return safeInteger;
      if (oid === TYPE.numeric) return Number;
    }
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

export interface PoolSettings {
  /** Most connections at once. Default 12. */
  max?: number;
  /** What the server calls the connections. Default: after this process. */
  name?: string;
  /**
   * Plans each named statement once for all values, by the indexes: for few statements that are asked often and alike.
   * A plan that was made while tables were empty would else read all of them when they are full.
   */
  onePlan?: boolean;
}

const ONE_PLAN = 'SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off';

/** A gate's question needs two statements; what waits behind them is the next truck. */
const GATE_POOL: PoolSettings = { max: 6, onePlan: true };

/** A pool with the store's types; it outlives lost connections. */
export function createPool(connection: pg.PoolConfig, log: StoreLog, settings: PoolSettings = {}): pg.Pool {
  const pool = new pg.Pool({
    ...connection,
    types,
    max: settings.max ?? 12,
    // statements are sent without waiting for the answers to those before them
    pipeline: true,
    application_name: settings.name ?? `sealwatch process ${process.pid}`,
    ...(settings.onePlan ? { onConnect: (client) => client.query(ONE_PLAN) } : {}),
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
  });
  // an idle connection that breaks is replaced at the next use; without a listener it would end the process
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection was lost'));
  return pool;
}

export interface DatabaseOptions {
  /** Folder of the embedded server; not touched when `databaseUrl` is given. */
  dataDir: string;
  /** postgres://… of a server of one's own. */
  databaseUrl?: string | undefined;
  log: StoreLog;
  onProgress?: (text: string) => void;
  /** A tool beside a running platform: joins its embedded server instead of refusing. */
  beside?: boolean;
  /** Where root keeps the cluster of a data folder that is closed. Default /var/lib/sealwatch. */
  stateFolder?: string;
  pool?: PoolSettings;
}

export interface Database {
  pool: pg.Pool;
  /** Of the gates alone: no question of theirs waits for a connection behind reports, screens or reading at length. */
  gatePool: pg.Pool;
  /** What the server calls the connections of both (`application_name`), and no others. */
  connections: string;
  /** With the password in it: never log it. */
  url: string;
  /** For people: version, place and storage; holds no secret. */
  description: string;
  embedded: boolean;
  /** Ends the pool, then the embedded server where this process started it. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Opens the platform's database: the embedded server of the data folder, or the one at `databaseUrl`.
 * @throws DatabaseStartError with a code, a message and a hint what to do
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.databaseUrl ? openOwn(options, options.databaseUrl) : openEmbedded(options);
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

export function urlOf(server: EmbeddedServer, user: string, database: string): string {
  return `postgres://${user}:${encodeURIComponent(server.password)}@${server.host}:${server.port}/${database}`;
}

type Pools = Pick<Database, 'pool' | 'gatePool' | 'connections'>;

/** Connections are made when they are first needed. */
function openPools(url: string, { log, pool }: DatabaseOptions): Pools {
  const name = `sealwatch process ${process.pid} ${randomBytes(6).toString('hex')}`;
  return {
    pool: createPool({ connectionString: url }, log, { ...pool, name }),
    gatePool: createPool({ connectionString: url }, log, { ...GATE_POOL, name }),
    connections: name,
  };
}

const endAll = async ({ pool, gatePool }: Pick<Database, 'pool' | 'gatePool'>): Promise<void> => {
  await Promise.all([pool.end(), gatePool.end()]);
};

const notIn = (dataDir: string) => ` (not in ${dataDir}, which the account that runs Postgres cannot enter)`;

async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  const server = await startEmbedded(options);
  const url = urlOf(server, server.user, server.database);
  const pools = openPools(url, options);
  return {
    ...pools,
    url,
    description: `PostgreSQL ${server.version}, embedded, in ${server.home}${server.movedFrom ? notIn(server.movedFrom) : ''}`,
    embedded: true,
    stop: once(async () => {
      await endAll(pools);
      await server.stop();
    }),
  };
}

async function openOwn(options: DatabaseOptions, url: string): Promise<Database> {
  const pools = openPools(url, options);
  try {
    options.onProgress?.(`connecting to ${withoutPassword(url)}`);
    const description = await inspect(pools.pool, url);
    return { ...pools, url, description, embedded: false, stop: once(() => endAll(pools)) };
  } catch (error) {
    await endAll(pools);
    throw error instanceof DatabaseStartError ? error : explainConnect(error, url);
  }
}

async function inspect(pool: pg.Pool, url: string): Promise<string> {
  const { rows } = await pool.query<{ number: number; version: string; encoding: string; readonly: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
            current_setting('server_encoding') AS encoding, current_setting('transaction_read_only') AS readonly`,
  );
  const server = rows[0];
  const at = withoutPassword(url);
  if (!server || Math.floor(server.number / 10_000) < OLDEST_MAJOR) {
    throw new DatabaseStartError(
      'too-old',
      `${at} is PostgreSQL ${server?.version}; PostgreSQL ${OLDEST_MAJOR} or newer is needed.`,
      'Point DATABASE_URL at a newer server, or leave it unset to use the embedded one.',
    );
  }
  if (server.encoding !== 'UTF8') {
    throw new DatabaseStartError(
      'wrong-encoding',
      `The database at ${at} has the encoding ${server.encoding}; UTF8 is needed for Chinese names and plates.`,
      "Create another one: CREATE DATABASE sealwatch ENCODING 'UTF8' TEMPLATE template0.",
    );
  }
  if (server.readonly === 'on') {
    throw new DatabaseStartError(
      'no-permission',
      `The database at ${at} only accepts reads (a standby?).`,
      'Point DATABASE_URL at the primary server.',
    );
  }
  return `PostgreSQL ${server.version} at ${at}`;
}

/** A database address as it may be shown and logged. */
export function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.password = '';
    parsed.search = '';
    return parsed.toString();
  } catch {
    return 'the server in DATABASE_URL';
  }
}

function explainConnect(error: unknown, url: string): DatabaseStartError {
  const at = withoutPassword(url);
  const detail = error instanceof Error ? error.message || errorCode(error) : String(error);
  switch (errorCode(error)) {
    case '28P01':
    case '28000':
      return new DatabaseStartError(
        'password-refused',
        `${at} refuses the user or password (${detail}).`,
        'Check the user and password in DATABASE_URL and the pg_hba.conf of the server.',
        error,
      );
    case '3D000':
      return new DatabaseStartError(
        'no-such-database',
        `${at} has no such database (${detail}).`,
        'Create it on the server: CREATE DATABASE sealwatch.',
        error,
      );
    default:
      return new DatabaseStartError(
        'unreachable',
        `Cannot reach the database at ${at}: ${detail}`,
        'Check that the server runs and that DATABASE_URL is right, or leave it unset to use the embedded server.',
        error,
      );
  }
}
