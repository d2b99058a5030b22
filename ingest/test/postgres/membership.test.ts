import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPool } from '../../src/postgres/database.ts';
import { deleteMember, type Introduction, listMembers, lookAtServer } from '../../src/postgres/members.ts';
import { type Fenced, Membership, type MembershipDeps } from '../../src/postgres/membership.ts';
import { holdOn, inPipelinedTransaction, inTransaction } from '../../src/postgres/queryable.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
let db: TestDatabase;
let joined: { membership: Membership; pool: pg.Pool }[] = [];

beforeEach(async () => {
  db = await freshDatabase();
  await db.pool.query('CREATE TABLE things (n int PRIMARY KEY)');
});
afterEach(async () => {
  for (const { membership, pool } of joined) {
    await membership.leave();
    await pool.end();
  }
  joined = [];
  await db.drop();
});

/** A platform with its pool, as `serve` composes them. */
async function join(name: string, more: Partial<Introduction> = {}, deps: Partial<MembershipDeps> = {}) {
  const self = { name, version: '1', connections: `sealwatch process ${name}`, webhookKey: 'k', ...more };
  const membership = await Membership.join({ url: db.url, log: silent, self, alone: false, ...deps });
  const pool = createPool({ connectionString: db.url }, silent, { max: 4, name: self.connections });
  holdOn(pool, membership.hold);
  const one = { membership, pool };
  joined.push(one);
  return one;
}

const add = (n: number) => (client: Pick<pg.Pool, 'query'>) => client.query('INSERT INTO things VALUES ($1)', [n]);
const kept = async () => (await db.pool.query<{ n: number }>('SELECT n FROM things ORDER BY n')).rows.map(({ n }) => n);
const never = new AbortController().signal;

test('the first is active; the second commits nothing until the first has left', async () => {
  const [a, b] = [await join('a'), await join('b')];
  expect([a.membership.isActive, b.membership.isActive]).toEqual([true, false]);
  await inTransaction(a.pool, add(1));
  await inPipelinedTransaction(a.pool, add(2));
  await a.membership.leave();
  await b.membership.active(never);
  await inTransaction(b.pool, add(3));
  expect(await kept()).toEqual([1, 2, 3]);
});

test('members that share the fleet are active together, beside one that does not none of them is, and it waits for all of them', async () => {
  const a = await join('a');
  const [b, c] = [await join('b', {}, { shares: true }), await join('c', {}, { shares: true })];
  expect([b, c].map(({ membership }) => membership.isActive)).toEqual([false, false]);
  await a.membership.leave();
  await Promise.all([b.membership.active(never), c.membership.active(never)]);
  const d = await join('d');
  await b.membership.leave();
  const active = async () => (await listMembers(db.pool)).flatMap((member) => (member.active ? member.name : []));
  expect(await active()).toEqual(['c']);
  // Also where two claim at once.
  const claim = `UPDATE members SET active = true WHERE name = 'd'`;
  await expect(db.pool.query(claim)).rejects.toMatchObject({ code: '23P01' });
  await c.membership.leave();
  await d.membership.active(never);
  expect(await active()).toEqual(['d']);
});

test('nothing of a member whose row is gone is committed, and it hears why', async () => {
  const { membership, pool } = await join('a');
  const heard: Fenced[] = [];
  membership.onFenced((why) => heard.push(why));
  await deleteMember(db.pool, membership.memberId);
  await expect(inTransaction(pool, add(1))).rejects.toMatchObject({ code: 'SW001' });
  await expect(inPipelinedTransaction(pool, add(2))).rejects.toMatchObject({ code: 'SW001' });
  await expect(inTransaction(pool, async () => 'no statement of its own')).rejects.toMatchObject({ code: 'SW001' });
  expect(await kept()).toEqual([]);
  expect(heard).toHaveLength(1);
});

test('whoever ends a member waits for its commit in hand', async () => {
  const { membership, pool } = await join('a');
  const events: string[] = [];
  let ending: Promise<unknown> | undefined;
  await inTransaction(pool, async (client) => {
    await add(1)(client);
    ending = deleteMember(db.pool, membership.memberId).then(() => events.push('ended'));
    await expect
      .poll(async () => (await db.pool.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'transactionid'`)).rows)
      .toHaveLength(1);
    events.push('committing');
  });
  await ending;
  expect(events).toEqual(['committing', 'ended']);
  expect(await kept()).toEqual([1]);
});

test('a member that beats no longer is ended with the transaction that it holds open, and the other takes over', async () => {
  // A frozen process: it holds its lock and a transaction, and does nothing more.
  const frozen = new pg.Client({ connectionString: db.url, application_name: 'sealwatch process frozen' });
  const lost = new Promise((resolve) => frozen.on('error', resolve));
  await frozen.connect();
  const { rows } = await frozen.query<{ member_id: number }>(
    `INSERT INTO members (name, version, connections, webhook_key, active, beat_at)
     VALUES ('frozen', '1', 'sealwatch process frozen', 'k', true, now() - interval '6 s') RETURNING member_id`,
  );
  const { member_id: frozenId } = rows[0]!;
  await frozen.query('SELECT pg_advisory_lock(71, $1)', [frozenId]);
  await frozen.query('BEGIN');
  await frozen.query('SELECT hold_member($1)', [frozenId]);
  await frozen.query('INSERT INTO things VALUES (1)');
  const { membership, pool } = await join('b');
  await membership.active(never);
  await lost;
  await inTransaction(pool, add(2));
  expect(await kept()).toEqual([2]);
  expect((await listMembers(db.pool)).map(({ name }) => name)).toEqual(['b']);
});

test('a platform with another key of webhooks does not stand by, and says what to do', async () => {
  await join('a');
  await expect(join('b', { webhookKey: 'another' })).rejects.toMatchObject({
    code: 'another-webhook-key',
    message: expect.stringContaining(' a,'),
    hint: expect.stringContaining('webhooks.key'),
  });
  expect((await listMembers(db.pool)).map(({ name }) => name)).toEqual(['a']);
});

test('who holds the data folder of the server takes over at once from whoever held it before', async () => {
  const { membership: before } = await join('a');
  const ended = new Promise<Fenced>((resolve) => before.onFenced(resolve));
  const { membership } = await join('b', {}, { alone: true });
  expect(membership.isActive).toBe(true);
  expect(await ended).toBe('its membership was ended');
});

test('a server in recovery is not taken for one of the timeline before, as it may go on in another; a managed one need not name it', async () => {
  const without = (code: string) => ({
    query: (text: string) =>
      text.includes('pg_walfile_name') ? Promise.reject(Object.assign(new Error(), { code })) : db.pool.query(text),
  });
  await expect(lookAtServer(without('55000') as never)).rejects.toMatchObject({ code: '55000' });
  expect(await lookAtServer(without('42501') as never)).toEqual({ ageMs: expect.any(Number) });
});
