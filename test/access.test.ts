import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../ingest/test/database.ts';
import { sealwatch } from './process.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());

const run = (...args: string[]) => sealwatch(args, { DATABASE_URL: database.url }).ended;

describe('sealwatch key create and user add', () => {
  it('refuse names of the platform’s own, and make nothing', async () => {
    expect(await run('key', 'create', '--role', 'gate', '--name', 'bootstrap')).toBe(1);
    expect(await run('key', 'create', '--role', 'gate', '--name', 'gate:daxie-1')).toBe(1);
    expect(await run('user', 'add', 'System', '--role', 'admin')).toBe(1);
    const { rows } = await database.pool.query('SELECT name FROM people UNION ALL SELECT name FROM api_keys');
    expect(rows).toEqual([]);
  });

  it('bind to the offices that are named, and to none otherwise', async () => {
    expect(await run('key', 'create', '--role', 'gate', '--name', 'lane')).toBe(0);
    expect(await run('key', 'create', '--role', 'gate', '--name', 'lane', '--office', '3104')).toBe(0);
    const { rows } = await database.pool.query('SELECT key_id, actor, offices FROM api_keys ORDER BY created_at');
    expect(rows.map(({ actor, offices }) => [actor, offices])).toEqual([
      ['key:lane', null],
      [`key:lane#${rows[1]?.key_id}`, ['3104']],
    ]);
  });
});
