import type pg from 'pg';

/** How often is looked: a pooler may by chance give a connection the session that it had before. */
const LOOKS = 5;

async function pidOf(client: pg.ClientBase): Promise<number> {
  return (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
}

/**
 * Whether these two connections are given sessions of the server in turn, as by a pooler in transaction mode: locks and
 * settings of a session do not last there.
 */
export async function shareSessions(first: pg.ClientBase, second: pg.ClientBase): Promise<boolean> {
  const mine = await pidOf(first);
  for (let look = 0; look < LOOKS; look++) {
    // It gets what the first one has just used, and holds it.
    await second.query('BEGIN');
    const other = await pidOf(second);
    const again = await pidOf(first);
    await second.query('COMMIT');
    if (again !== mine || other === mine) return true;
  }
  return false;
}
