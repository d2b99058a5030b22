import { setImmediate } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';

/** What a query runs on: the pool, or the client of a transaction. */
export type Queryable = Pick<Pool | PoolClient, 'query'>;

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    const begun = client.query('BEGIN');
    // It is on its way with the first statement; should both fail, the statement's error is the one that is told.
    begun.catch(() => undefined);
    const result = await work(client);
    await begun;
    await client.query('COMMIT');
    return result;
  });
}

/**
 * The same for statements that need no answer of each other: the COMMIT follows them without waiting for any, for one way
 * to the server and back. Where one fails the server takes the COMMIT as a ROLLBACK.
 * @param statements asks everything before it first waits; what it asks later is refused
 */
export function inOneGo<T>(pool: Pool, statements: (db: Queryable) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    let asked = false;
    const query = (...question: Parameters<Pool['query']>) => {
      if (asked) throw new Error('a statement came after the COMMIT that goes with the others');
      return client.query(...question);
    };
    const begun = client.query('BEGIN');
    const sent = Promise.all([statements({ query: query as Pool['query'] }), begun]);
    asked = true;
    let failed = false;
    sent.catch(() => {
      failed = true;
    });
    // A statement that could not even be sent has failed after this turn; the server knows nothing of it.
    await setImmediate();
    if (failed) await sent;
    const [[result]] = await Promise.all([sent, client.query('COMMIT')]);
    return result;
  });
}

async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  // a connection that is lost while it is checked out emits `error`, which would end the process without a listener
  const lost = () => {
    broken = true;
  };
  client.on('error', lost);
  try {
    return await work(client);
  } catch (error) {
    await client.query('ROLLBACK').catch(lost);
    throw error;
  } finally {
    client.off('error', lost);
    // a connection in an unknown state is closed, not given to the next one
    client.release(broken);
  }
}
