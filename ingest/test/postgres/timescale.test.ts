import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createPool } from '../../src/postgres/database.ts';
import { adoptTimescale, findTimescale } from '../../src/postgres/timescale.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';

const FOLDER = new URL('../../src/postgres/timescale/', import.meta.url);
const FILES = readdirSync(FOLDER).sort();

/** A pool whose connections the server ends before their statement number `n`, as it does when a platform is killed. */
function cutBefore(database: TestDatabase, n: number): pg.Pool & { sent(): number } {
  const pool = createPool({ connectionString: database.url }, { ...testLog, error: () => undefined }, { max: 2 });
  const connect = pool.connect.bind(pool) as (...callback: unknown[]) => Promise<pg.PoolClient>;
  let sent = 0;
  pool.connect = (async (...callback: unknown[]) => {
    // a single statement of the pool
    if (callback.length > 0) return connect(...callback);
    const client = await connect();
    const query = client.query.bind(client) as (...question: unknown[]) => Promise<unknown>;
    const { rows } = (await query('SELECT pg_backend_pid() AS pid')) as { rows: { pid: number }[] };
    client.query = (async (...question: unknown[]) => {
      sent++;
      if (sent === n) await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      return query(...question);
    }) as typeof client.query;
    return client;
  }) as typeof pool.connect;
  return Object.assign(pool, { sent: () => sent });
}

/** What an adoption makes: the form of the storage, and the columns and indexes of reports with their names. */
async function formOf({ pool }: TestDatabase): Promise<unknown> {
  const { rows } = await pool.query(
    `SELECT (SELECT array_agg(attname::text || ' ' || atttypid::regtype || attnotnull ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = 'reports'::regclass AND attnum > 0 AND NOT attisdropped) AS columns,
       (SELECT array_agg(pg_get_indexdef(indexrelid) ORDER BY indexrelid::regclass::text) FROM pg_index
         WHERE indrelid = 'reports'::regclass) AS indexes,
       (SELECT array_agg(relname::text ORDER BY relname::text) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')) AS tables`,
  );
  return { ...rows[0], found: await findTimescale(pool) };
}

describe.skipIf(!inject('databaseServer').timescale)('the adoption of TimescaleDB', () => {
  const open: TestDatabase[] = [];
  const fresh = async () => {
    const database = await freshDatabase();
    open.push(database);
    return database;
  };
  afterEach(async () => {
    for (const database of open.splice(0)) await database.drop();
  });
  async function whole(): Promise<unknown> {
    const database = await fresh();
    await adoptTimescale(database.pool, testLog);
    return formOf(database);
  }

  it('gives the hypertable the columns and the names of indexes that the migration gave', async () => {
    const plain = await fresh();
    const before = (await formOf(plain)) as { columns: string[]; indexes: string[] };
    const after = (await whole()) as typeof before & { found: object };
    expect(after.columns).toEqual(before.columns);
    expect(after.indexes).toEqual(before.indexes.map((index) => index.replace(' ON ONLY ', ' ON ')));
    expect(after.found).toMatchObject({ reports: 'hypertable', columnstore: true, policy: true });
  });

  it('that was cut short before any of its statements leaves all as it was, and the next start completes it', async () => {
    const complete = await whole();
    for (let n = 1; ; n++) {
      const database = await fresh();
      const before = await formOf(database);
      const dying = cutBefore(database, n);
      const cut = await adoptTimescale(dying, testLog).then(
        () => false,
        () => true,
      );
      await dying.end();
      const after = await formOf(database);
      // behind the COMMIT all of it is there
      expect([before, complete]).toContainEqual(after);
      await adoptTimescale(database.pool, testLog);
      expect(await formOf(database)).toEqual(complete);
      if (!cut && dying.sent() < n) break;
      expect(n).toBeLessThan(40);
    }
  });

  it('that an earlier version left half-done, at whichever step, is completed by the next start', async () => {
    const complete = await whole();
    for (let steps = 0; steps <= FILES.length; steps++) {
      const database = await fresh();
      for (const file of FILES.slice(0, steps)) await database.pool.query(readFileSync(new URL(file, FOLDER), 'utf8'));
      await adoptTimescale(database.pool, testLog);
      expect([steps, await formOf(database)]).toEqual([steps, complete]);
    }
  });

  it('keeps the reports of a table that is no hypertable yet', async () => {
    const database = await fresh();
    await database.pool.query(readFileSync(new URL(FILES[0]!, FOLDER), 'utf8'));
    await database.pool.query(
      `INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind) VALUES (7, 1, 1, now(), 0, 'a')`,
    );
    await adoptTimescale(database.pool, testLog);
    expect(await findTimescale(database.pool)).toMatchObject({ reports: 'hypertable', policy: true });
    expect((await database.pool.query('SELECT lock_no FROM all_reports')).rows).toEqual([{ lock_no: 7 }]);
  });

  it('gives back a policy that somebody removed', async () => {
    const database = await fresh();
    await adoptTimescale(database.pool, testLog);
    await database.pool.query(`CALL remove_columnstore_policy('reports')`);
    await adoptTimescale(database.pool, testLog);
    expect(await findTimescale(database.pool)).toMatchObject({ policy: true });
  });

  it('leaves reports that were begun in plain partitions where they are', async () => {
    const database = await fresh();
    await database.pool.query(
      `INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind) VALUES (7, 1, 1, now(), 0, 'a')`,
    );
    await adoptTimescale(database.pool, testLog);
    expect(await findTimescale(database.pool)).toMatchObject({ reports: 'partitioned' });
  });
});
