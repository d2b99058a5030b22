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

describe('sealwatch key list and rotate', () => {
  const answerOf = async (...args: string[]) => {
    const child = sealwatch(args, { DATABASE_URL: database.url });
    return { code: await child.ended, text: child.lines.join('\n') };
  };

  it('list every key with its state, and print the key that takes the place of another one', async () => {
    expect(await run('key', 'create', '--role', 'gate', '--name', 'north', '--expires-in-days', '30')).toBe(0);
    const line = async (word = 'key:north') =>
      (await answerOf('key', 'list')).text.split('\n').find((one) => one.includes(word))!;
    expect(await line()).toMatch(/^[\w-]{36}\tkey:north\tgate\tactive until \S+\tnever used$/);
    const [keyId = ''] = (await line()).split('\t');
    const { rows: before } = await database.pool.query('SELECT count(*)::int AS n FROM api_keys');
    const rotated = await answerOf('key', 'rotate', keyId, '--overlap-hours', '0');
    expect([rotated.code, rotated.text.trim()]).toEqual([0, expect.stringMatching(/^sw_[\w-]{43}$/)]);
    expect(await line(keyId)).toContain('\texpired ');
    expect(await run('key', 'rotate', keyId)).toBe(1);
    expect(await run('key', 'rotate', 'none')).toBe(1);
    expect(await run('key', 'create', '--role', 'gate', '--expires-in-days', '0')).toBe(1);
    const { rows } = await database.pool.query('SELECT count(*)::int AS n FROM api_keys');
    expect(rows[0].n).toBe(before[0].n + 1);
  });
});

describe('sealwatch user reset-second-factor', () => {
  it('takes it away with every session, and says where there is none', async () => {
    expect(await run('user', 'add', 'Zhao Jing', '--role', 'admin')).toBe(0);
    await database.pool.query(
      "INSERT INTO second_factors (person_id, secret, confirmed_at) SELECT person_id, 'x', now() FROM people",
    );
    await database.pool.query(
      "INSERT INTO sessions (token_hash, person_id, expires_at) SELECT 'x', person_id, now() + interval '1 hour' FROM people",
    );
    expect(await run('user', 'reset-second-factor', 'Zhao Jing')).toBe(0);
    const { rows } = await database.pool.query(
      'SELECT (SELECT count(*)::int FROM second_factors) AS factors, (SELECT count(*)::int FROM sessions) AS sessions',
    );
    expect(rows).toEqual([{ factors: 0, sessions: 0 }]);
    expect(await run('user', 'reset-second-factor', 'Zhao Jing')).toBe(1);
    expect(await run('user', 'reset-second-factor', 'Nobody')).toBe(1);
  });
});
