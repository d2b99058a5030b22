import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/postgres/database.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { inTransaction } from '../../src/postgres/queryable.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { withDatabase } from '../embedded.setup.ts';

describe('the database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  const open = (databaseUrl: string) => openDatabase({ dataDir: '/nowhere', databaseUrl, log: testLog });

  it('of a test holds the whole schema, so that migrating again changes nothing', async () => {
    expect(await migrate(database.pool)).toEqual([]);
    const { rows } = await database.pool.query(`SELECT count(*) AS n FROM pg_tables WHERE tablename = 'trips'`);
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('is migrated once when two platforms start on it together', async () => {
    await database.pool.query('DROP SCHEMA public CASCADE');
    await database.pool.query('CREATE SCHEMA public');
    const both = await Promise.all([migrate(database.pool), migrate(database.pool)]);
    expect(both.filter((names) => names.length === 0).length).toBe(1);
  });

  it('of one’s own is described without its password, and never touches the data folder', async () => {
    const own = await open(database.url);
    const password = new URL(database.url).password;
    expect(own).toMatchObject({
      embedded: false,
      description: expect.stringMatching(/^PostgreSQL \d+.* at postgres:\/\//),
    });
    if (password) expect(own.description).not.toContain(password);
    await own.stop();
    await own.stop();
  });

  it('that does not exist is named, with what to do', async () => {
    await expect(open(withDatabase(database.url, 'not_there'))).rejects.toMatchObject({
      code: 'no-such-database',
      message: expect.stringContaining('not_there'),
      hint: expect.stringContaining('CREATE DATABASE'),
    });
  });

  it('has connections for the gates alone, whose plans hold for tables that were empty when they were made', async () => {
    const own = await open(database.url);
    const settings = `SELECT current_setting('plan_cache_mode') AS plans, current_setting('enable_seqscan') AS scans`;
    expect((await own.gatePool.query(settings)).rows).toEqual([{ plans: 'force_generic_plan', scans: 'off' }]);
    expect((await own.pool.query(settings)).rows).toEqual([{ plans: 'auto', scans: 'on' }]);
    await own.stop();
  });

  it('gives times as Date, bigints and numerics as numbers, and no bigint that a number cannot hold', async () => {
    const { rows } = await database.pool.query(
      `SELECT '2026-11-21T03:04:05.678Z'::timestamptz AS time, 4294967295::bigint AS seq, 1.5::numeric AS share`,
    );
    expect(rows).toEqual([{ time: new Date('2026-11-21T03:04:05.678Z'), seq: 4_294_967_295, share: 1.5 }]);
    await expect(database.pool.query('SELECT 9007199254740993::bigint')).rejects.toThrow(/beyond what a number holds/);
  });

  it('keeps all of a transaction or nothing of it', async () => {
    await database.pool.query('CREATE TABLE kept (n int)');
    const half = inTransaction(database.pool, async (client) => {
      await client.query('INSERT INTO kept VALUES (1)');
      throw new Error('half way');
    });
    await expect(half).rejects.toThrow('half way');
    await inTransaction(database.pool, (client) => client.query('INSERT INTO kept VALUES (2)'));
    expect((await database.pool.query('SELECT n FROM kept')).rows).toEqual([{ n: 2 }]);
  });

  it('is used again after it ended every connection, also one that was in a transaction', async () => {
    const cut = inTransaction(database.pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      await client.query('SELECT pg_sleep(10)');
    });
    await expect(cut).rejects.toThrow();
    await vi.waitFor(async () => expect((await database.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]));
  });
});
