import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { StoreLog } from './embedded/embedded.ts';

/** Key of the advisory lock that whoever changes the schema holds; a dead platform's connection frees it. */
const SCHEMA_LOCK = 7_301_152_021;
const SILENT: StoreLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ASK_EVERY_MS = 100;
const SAY_EVERY_MS = 30_000;

async function nameOfHolder(client: pg.PoolClient): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND ((l.classid::bigint << 32) | l.objid::bigint) = $1`,
    [SCHEMA_LOCK],
  );
  return rows[0]?.name;
}

/**
 * Asked again and again instead of waited for: a statement that waits keeps its snapshot, for which the holder's
 * CREATE INDEX CONCURRENTLY would wait in turn.
 */
async function takeLock(client: pg.PoolClient, log: StoreLog): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += ASK_EVERY_MS) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [SCHEMA_LOCK]);
    if (rows[0]?.taken) return;
    if (waitedMs % SAY_EVERY_MS === 0)
      log.info({ holder: await nameOfHolder(client) }, 'waiting for another Sealwatch that prepares this database');
    await sleep(ASK_EVERY_MS);
  }
}

/**
 * Runs `work` while no other platform or tool changes the schema of this database: migrations, the adoption of TimescaleDB
 * and the tables of the job queue. Not to be nested: the inner one would wait for the outer one.
 * @param work is given the connection that holds the lock, outside a transaction
 */
export async function changingSchema<T>(
  pool: pg.Pool,
  log: StoreLog | undefined,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let lost: Error | undefined;
  const lose = (error: Error) => {
    lost = error;
  };
  // a connection that is lost while it is checked out emits `error`, which would end the process without a listener
  client.on('error', lose);
  try {
    await takeLock(client, log ?? SILENT);
    try {
      return await work(client);
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [SCHEMA_LOCK]).catch(lose);
    }
  } finally {
    client.off('error', lose);
    client.release(lost);
  }
}
