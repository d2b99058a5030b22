import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DatabaseStartError, errorCode } from '../database-error.ts';
import type { ClusterPlace } from './cluster.ts';

export const HOST = '127.0.0.1';
/** Key of the advisory lock that says "a platform lives on this cluster"; a dead platform's connection frees it. */
const PLATFORM_LOCK = 7_301_152_020;
const CONNECT_TIMEOUT_MS = 10_000;
/** How long, in ms, a start asks again a server that runs but is too busy to take a connection. */
export const CONNECT_PATIENCE_MS = 120_000;
/** How long, in ms, a start waits for the lock: the server of a busy machine notices late that a platform was killed. */
export const LOCK_PATIENCE_MS = 20_000;
/** The server is starting, stopping or has no connection free; the connection broke. */
const PASSING = ['57P03', '53300', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE'];

export interface Login {
  port: number;
  user: string;
  password: string;
  database: string;
}

/**
 * A connection of the supervisor's own, outside any pool.
 * @param patienceMs how long a server that does not take the connection is asked again; one attempt by default
 */
export async function connect(login: Login, patienceMs = 0): Promise<pg.Client> {
  for (const giveUpMs = performance.now() + patienceMs; ; ) {
    const client = new pg.Client({
      host: HOST,
      ...login,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: `sealwatch process ${process.pid}`,
      keepAlive: true,
    });
    // without a listener a lost connection would end the process
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (!isPassing(error) || performance.now() >= giveUpMs) throw error;
      await sleep(200);
    }
  }
}

/** The driver's errors for a connection that is late or ends early have no code. */
function isPassing(error: unknown): boolean {
  return PASSING.includes(errorCode(error)) || (error instanceof Error && /timeout|terminated/i.test(error.message));
}

export function explainConnect(error: unknown, place: ClusterPlace, pid: number): DatabaseStartError {
  if (error instanceof DatabaseStartError) return error;
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
    `A Postgres (process ${pid}) runs on the data folder ${place.dataDir} but does not answer.`,
    `If no other Sealwatch is running, stop it with: kill -INT ${pid}`,
    error,
  );
}

/** Who holds the lock, by the name of its connection. */
export async function holder(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ application_name: string }>(
    `SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND ((l.classid::bigint << 32) | l.objid::bigint) = $1`,
    [PLATFORM_LOCK],
  );
  return rows[0]?.application_name ?? 'not named';
}

/** A killed platform's connection may take a moment to be noticed; a living one keeps the lock. */
export async function takeLock(client: pg.Client, withinMs: number): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += 100) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [
      PLATFORM_LOCK,
    ]);
    if (rows[0]?.taken) return true;
    if (waitedMs >= withinMs) return false;
    await sleep(100);
  }
}
