import { setImmediate } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';

/** What a query runs on: the pool, or the client of a transaction. */
export type Queryable = Pick<Pool | PoolClient, 'query'>;

/** The first statement of a transaction; where it fails, nothing of the transaction is committed. */
export type Hold = (db: Queryable) => Promise<unknown>;

const holds = new WeakMap<Pool, Hold>();

/** From now on every transaction on this pool begins with that statement. It is sent with the next one: no round trip more. */
export function holdOn(pool: Pool, hold: Hold): void {
  holds.set(pool, hold);
}

function begin(pool: Pool, client: PoolClient): Promise<unknown> {
  return Promise.all([client.query('BEGIN'), holds.get(pool)?.(client)]);
}

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return withClient(pool, async (client, end) => {
    // Sent with the first statement; if it fails, that one fails too.
    const begun = begin(pool, client);
    begun.catch(() => undefined);
    const result = await work(client);
    // Of a transaction without a statement of its own the server would answer COMMIT with a ROLLBACK, and no error.
    await begun;
    await end('COMMIT');
    return result;
  });
}

/**
 * A transaction whose statements need no answer of each other: all of them and the COMMIT are sent without waiting, in one
 * round trip. If a statement fails, the server turns the COMMIT into a ROLLBACK.
 * @param statements sends everything before it first awaits; what it sends later is refused
 */
export function inPipelinedTransaction<T>(pool: Pool, statements: (db: Queryable) => Promise<T>): Promise<T> {
  return withClient(pool, async (client, end) => {
    const sent = Promise.all([begin(pool, client), statements(client)]);
    let failed = false;
    sent.catch(() => {
      failed = true;
    });
    // A statement that could not even be sent has failed after this turn; the server knows nothing of it.
    await setImmediate();
    if (failed) await sent;
    const [[, result]] = await Promise.all([sent, end('COMMIT')]);
    return result;
  });
}

type End = (how: 'COMMIT' | 'ROLLBACK') => Promise<unknown>;

/**
 * A connection for one transaction. Of statements sent before one failed the server only says that the transaction is over:
 * told is why. What is asked after the end is refused, for it would stand alone.
 */
async function withClient<T>(pool: Pool, work: (client: PoolClient, end: End) => Promise<T>): Promise<T> {
  const connection = await pool.connect();
  let [broken, ended] = [false, false];
  let cause: unknown;
  // a connection that is lost while it is checked out emits `error`, which would end the process without a listener
  const lost = () => {
    broken = true;
  };
  connection.on('error', lost);
  const client: PoolClient = Object.create(connection);
  client.query = ((...question: Parameters<Pool['query']>) => {
    if (ended) throw new Error('a statement came after the end of its transaction');
    const answer = connection.query(...question) as unknown;
    if (answer instanceof Promise) {
      answer.catch((error) => {
        cause ??= error;
      });
    }
    return answer;
  }) as PoolClient['query'];
  const end: End = (how) => {
    ended = true;
    return connection.query(how);
  };
  try {
    return await work(client, end);
  } catch (error) {
    await end('ROLLBACK').catch(lost);
    throw isAborted(error) ? cause : error;
  } finally {
    connection.off('error', lost);
    // a connection in an unknown state is closed, not given to the next one
    connection.release(broken);
  }
}

/** SQLSTATE of `hold_member`: another platform has taken over from this one. Trying again never helps. */
export function isFenced(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SW001';
}

/** SQLSTATE of `refuse_moved_lock`: what is known of locks is older than a declaration that moved them to another slot. */
export function isOutdated(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SW002';
}

/** SQLSTATE in_failed_sql_transaction. */
function isAborted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '25P02';
}
