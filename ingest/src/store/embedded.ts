import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DatabaseStartError, errorCode } from './database-error.ts';
import { type Binaries, findBinaries } from './embedded-binaries.ts';
import {
  type ClusterPlace,
  checkMajor,
  clusterPassword,
  createCluster,
  placeCluster,
  SUPERVISOR_ROLE,
} from './embedded-cluster.ts';
import { findRunning, type Running, startPostmaster, stopPostmaster, untilReady } from './embedded-postmaster.ts';

export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EmbeddedOptions {
  dataDir: string;
  log: StoreLog;
  /** Told in plain words what is being done, for a person who waits. */
  onProgress?: (text: string) => void;
  /**
   * A tool beside the platform (key create, backup): uses the server that runs already instead of refusing, and starts
   * and stops one only where none runs.
   */
  beside?: boolean;
  /** Server settings over the usual ones. */
  settings?: Record<string, string>;
  /** Where root keeps what an unprivileged Postgres cannot reach otherwise. Default /var/lib/sealwatch. */
  stateFolder?: string;
}

export interface EmbeddedServer {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  /** e.g. `18.4` */
  version: string;
  /** The role that may create databases; for tests and repairs. */
  supervisor: string;
  pid: number;
  /** Folder of Postgres: the cluster and its log. */
  home: string;
  /** False where a running server was joined (`beside`); stop() then leaves it alone. */
  owned: boolean;
  stop(): Promise<void>;
}

const DATABASE = 'sealwatch';
const ROLE = 'sealwatch';
const HOST = '127.0.0.1';
/** Key of the advisory lock that says "a platform lives on this cluster"; a dead platform's connection frees it. */
const PLATFORM_LOCK = 7_301_152_020;
const CONNECT_TIMEOUT_MS = 10_000;

interface Login {
  port: number;
  user: string;
  password: string;
  database: string;
}

async function connect(login: Login, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: HOST,
    ...login,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: name,
    keepAlive: true,
  });
  // without a listener a lost connection would end the process
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function explainConnect(error: unknown, place: ClusterPlace, running: Running): DatabaseStartError {
  if (errorCode(error) === '28P01') {
    return new DatabaseStartError(
      'password-refused',
      `The database in ${place.home} does not accept the password in ${place.dataDir}/postgres.password.`,
      'That file belongs to another data folder, or was made anew. Put the original back, or restore a backup into an empty data folder.',
      error,
    );
  }
  return new DatabaseStartError(
    'not-answering',
    `A Postgres (process ${running.pid}) runs on the data folder ${place.dataDir} but does not answer.`,
    `If no other Sealwatch is running, stop it with: kill -INT ${running.pid}`,
    error,
  );
}

async function holder(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ application_name: string }>(
    `SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = $1`,
    [PLATFORM_LOCK],
  );
  return rows[0]?.application_name;
}

/** A killed platform's connection may take a moment to be noticed; a living one keeps the lock. */
async function takeLock(client: pg.Client, withinMs: number): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += 100) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
      PLATFORM_LOCK,
    ]);
    if (rows[0]?.taken) return true;
    if (waitedMs >= withinMs) return false;
    await sleep(100);
  }
}

function inUse(place: ClusterPlace, by: string | undefined): DatabaseStartError {
  return new DatabaseStartError(
    'in-use',
    `Another Sealwatch (${by ?? 'not named'}) is using the data folder ${place.dataDir}.`,
    'Stop it first, or give this one a data folder of its own with SEALWATCH_DATA_DIR.',
  );
}

/** A server without a living platform is stopped, so that one start and one set of settings is all there is. */
async function stopLeftover(place: ClusterPlace, running: Running, password: string, log: StoreLog): Promise<void> {
  let client: pg.Client | undefined;
  try {
    if (!(await untilReady(place.cluster, running.pid, 60_000))) throw new Error('it does not become ready');
    client = await connect({ port: running.port, user: SUPERVISOR_ROLE, password, database: DATABASE }, lockName());
  } catch (error) {
    // killed before the database was created: nobody can be living on it
    if (errorCode(error) !== '3D000') throw explainConnect(error, place, running);
  }
  try {
    if (client && !(await takeLock(client, 2_000))) throw inUse(place, await holder(client));
    log.warn({ pid: running.pid }, 'a Postgres left over from a platform that was killed is being stopped');
    await stopPostmaster(running.pid);
  } finally {
    await client?.end().catch(() => undefined);
  }
}

const lockName = () => `sealwatch process ${process.pid}`;

/** The platform's own role and database; the role can neither create databases nor run programs. */
async function ensureDatabase(port: number, password: string): Promise<void> {
  const client = await connect({ port, user: SUPERVISOR_ROLE, password, database: 'postgres' }, lockName());
  try {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS role,
              EXISTS (SELECT FROM pg_database WHERE datname = $2) AS database`,
      [ROLE, DATABASE],
    );
    if (!rows[0]?.role) await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
    if (!rows[0]?.database) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
  } finally {
    await client.end();
  }
}

function joined(place: ClusterPlace, running: Running, password: string, version: string): EmbeddedServer {
  return {
    ...{ host: HOST, port: running.port, database: DATABASE, user: ROLE, password, version },
    ...{ supervisor: SUPERVISOR_ROLE, pid: running.pid, home: place.home, owned: false },
    stop: async () => undefined,
  };
}

/**
 * Starts the Postgres of a data folder, making it where it is new. While it is owned, a server that dies is started
 * again on the same port, so that pools find it.
 * @throws DatabaseStartError
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { log, onProgress = () => undefined } = options;
  const stateFolder = options.stateFolder ?? '/var/lib/sealwatch';
  const place = placeCluster(options.dataDir, stateFolder);
  if (place.movedTo) {
    log.info(
      { home: place.movedTo, account: place.account?.name },
      `running as root, and ${place.account?.name} cannot enter ${place.dataDir}: the database is kept in ${place.movedTo}`,
    );
  }
  const binaries = findBinaries(place.account, stateFolder);
  const password = clusterPassword(place);
  if (!existsSync(place.cluster)) onProgress(`setting up a new PostgreSQL ${binaries.version} in ${place.home}`);
  createCluster(place, binaries, password);
  checkMajor(place, binaries);
  const running = await findRunning(place.cluster);
  if (running && options.beside) {
    await untilReady(place.cluster, running.pid, 60_000);
    return joined(place, running, password, binaries.version);
  }
  if (running) await stopLeftover(place, running, password, log);
  onProgress(`starting PostgreSQL ${binaries.version}`);
  return supervise(place, binaries, password, options);
}

/**
 * ```
 * starting ──ready, lock taken──► running ──exit──► restarting ──ready──► running
 *                                    └──stop()──► stopping ──exit──► stopped
 * ```
 */
async function supervise(
  place: ClusterPlace,
  binaries: Binaries,
  password: string,
  options: EmbeddedOptions,
): Promise<EmbeddedServer> {
  const { log, settings = {} } = options;
  let current = await startPostmaster(place, binaries, settings);
  const port = current.port;
  let stopping = false;
  let lock: pg.Client | undefined;

  const holdLock = async (): Promise<void> => {
    const client = await connect({ port, user: SUPERVISOR_ROLE, password, database: DATABASE }, lockName());
    if (!(await takeLock(client, 2_000))) {
      const by = await holder(client);
      await client.end();
      throw inUse(place, by);
    }
    lock = client;
    client.on('end', () => void retake());
  };
  // the server ends every connection when one of its processes crashes; the platform still lives
  const retake = async (): Promise<void> => {
    while (!stopping) {
      await sleep(500, undefined, { ref: false });
      try {
        return stopping ? undefined : await holdLock();
      } catch (error) {
        if (error instanceof DatabaseStartError) log.error({ err: error }, error.message);
      }
    }
  };
  const endWithProcess = () => void current.child.kill('SIGINT');
  const restart = async (): Promise<void> => {
    for (let waitMs = 100; !stopping; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        current = await startPostmaster(place, binaries, settings, port);
        watch(current.child);
        return log.warn({ pid: current.pid }, 'Postgres is running again');
      } catch (error) {
        log.error({ err: error }, 'Postgres could not be started again');
        await sleep(waitMs, undefined, { ref: false });
      }
    }
  };
  const watch = (child: ChildProcess): void => {
    child.unref();
    child.once('exit', (code, signal) => {
      if (stopping) return;
      log.error({ code, signal }, 'Postgres ended by itself; starting it again');
      void restart();
    });
  };

  watch(current.child);
  process.once('exit', endWithProcess);
  const stop = async (): Promise<void> => {
    stopping = true;
    process.off('exit', endWithProcess);
    await lock?.end().catch(() => undefined);
    await stopPostmaster(current.pid);
  };
  try {
    await ensureDatabase(port, password);
    await holdLock();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ host: HOST, port, database: DATABASE, user: ROLE, password, version: binaries.version },
    ...{ supervisor: SUPERVISOR_ROLE, home: place.home, owned: true, stop },
    get pid() {
      return current.pid;
    },
  };
}
