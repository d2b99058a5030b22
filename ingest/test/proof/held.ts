import pg from 'pg';
import type { TestDatabase } from '../database.ts';

/** From now on `holdCommits` can stop the commit of every batch inside the database. */
export async function makeHoldable(db: TestDatabase): Promise<void> {
  await db.pool.query(`CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER hold_commit AFTER UPDATE ON locks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold_commit()`);
}

/** Until the answer is called, the commit of every batch waits in the database. */
export async function holdCommits(db: TestDatabase): Promise<() => Promise<void>> {
  const holder = new pg.Client({ connectionString: db.url });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock(42)');
  return () => holder.end();
}

const WAITING = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND query = 'COMMIT'
  AND datname = current_database()`;

export async function isCommitWaiting(db: TestDatabase): Promise<boolean> {
  return (await db.pool.query(WAITING)).rows.length > 0;
}

/** Ends the connections whose commit is held, as a database does that dies: what they had is rolled back. */
export async function endHeldCommits(db: TestDatabase): Promise<void> {
  await db.pool.query(`SELECT pg_terminate_backend(pid) FROM (${WAITING}) held`);
}
