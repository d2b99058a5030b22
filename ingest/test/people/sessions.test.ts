import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startPlatform, type TestPlatform } from '../api/platform.ts';

let platform: TestPlatform;
let url: string;
/** How often the screens were told to look again who may see them; without being told they look every 15 s. */
let told = 0;
beforeAll(async () => {
  platform = await startPlatform();
  platform.deps.hints.on('access', () => void told++);
  platform.feed.attach(platform.api.server);
  url = await platform.api.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => platform?.stop());

const PASSWORD = 'correct horse battery';
const OTHER_PASSWORD = 'battery horse correct';

let serial = 0;
async function add(more: object = {}): Promise<string> {
  const name = `Person ${++serial}`;
  const body = { name, role: 'operator', password: PASSWORD, ...more };
  expect((await platform.call('POST', 'users', { body })).status).toBe(201);
  return name;
}
const cookieOf = ({ headers }: Answer) => ({ cookie: String(headers['set-cookie']).split(';')[0]! });
async function signIn(name: string, from = '192.0.2.7', agent = 'Mozilla/5.0 Test'): Promise<Record<string, string>> {
  const headers = { 'user-agent': agent };
  const answer = await platform.call('POST', 'session', {
    key: null,
    body: { name, password: PASSWORD },
    from,
    headers,
  });
  expect(answer.status).toBe(201);
  return cookieOf(answer);
}
const as = (
  headers: Record<string, string>,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
  from = '192.0.2.7',
) => platform.call(method, path, { key: null, headers, from, ...(body === undefined ? {} : { body }) });
const isIn = async (headers: Record<string, string>) => (await as(headers, 'GET', 'session')).status === 200;
const sessions = async (headers: Record<string, string>) => (await as(headers, 'GET', 'account/sessions')).body.items;

/** An open screen. */
async function screen(headers: Record<string, string>): Promise<{ ended: Promise<string>; close(): void }> {
  const socket = io(`${url}/live`, { extraHeaders: headers, transports: ['websocket'], reconnection: false });
  await new Promise<void>((resolve, reject) => {
    socket.on('snapshot', () => resolve());
    socket.on('connect_error', reject);
  });
  const ended = new Promise<string>((resolve) => void socket.on('disconnect', resolve));
  return { ended, close: () => socket.close() };
}

describe('sessions of one’s own', () => {
  test('are listed with how and from where they were opened, when they were used, and which one asks', async () => {
    const name = await add();
    const one = await signIn(name, '192.0.2.7', 'Mozilla/5.0 (Wall)');
    const long = 'x'.repeat(2_000);
    const other = await signIn(name, '2001:db8::9', long);
    const items = await sessions(one);
    expect(items.map(({ method, address, agent, current }) => [method, address, agent, current])).toEqual(
      expect.arrayContaining([
        ['password', '192.0.2.7', 'Mozilla/5.0 (Wall)', true],
        ['password', '2001:db8::9', long.slice(0, 300), false],
      ]),
    );
    expect(items).toHaveLength(2);
    expect((await sessions(other)).find(({ current }) => current)?.address).toBe('2001:db8::9');
    const token = one.cookie!.split('=')[1]!;
    expect(JSON.stringify(items)).not.toContain(token);
  });

  test('when one was last used is noted to the minute, not at each call', async () => {
    const name = await add();
    const headers = await signIn(name);
    const first = (await sessions(headers))[0]?.lastUsedAt;
    expect((await sessions(headers))[0]?.lastUsedAt).toBe(first);
    await platform.pool.query(`UPDATE sessions s SET last_used_at = now() - interval '2 hours' FROM people p
      WHERE p.person_id = s.person_id AND p.name = '${name}'`);
    await as(headers, 'GET', 'session');
    const [after] = await sessions(headers);
    expect(Date.now() - Date.parse(String(after?.lastUsedAt))).toBeLessThan(60_000);
  });

  test('one is ended with its open screens at once, and no other', async () => {
    const name = await add();
    const [mine, lost] = [await signIn(name), await signIn(name, '198.51.100.1')];
    const [kept, ending] = [await screen(mine), await screen(lost)];
    const { sessionId } = (await sessions(mine)).find(({ current }) => !current)!;
    const before = told;
    expect((await as(mine, 'DELETE', `account/sessions/${String(sessionId)}`)).status).toBe(204);
    expect(told).toBe(before + 1);
    expect(await ending.ended).toBe('io server disconnect');
    expect([await isIn(mine), await isIn(lost)]).toEqual([true, false]);
    expect(await Promise.race([kept.ended, as(mine, 'GET', 'session').then(() => 'open')])).toBe('open');
    kept.close();
    expect((await as(mine, 'DELETE', `account/sessions/${String(sessionId)}`)).status).toBe(404);
    const { items } = (await platform.call('GET', `audit?subject=person:${encodeURIComponent(name)}`)).body;
    expect(items[0]).toMatchObject({ action: 'session.end', actor: name, before: { sessionId } });
  });

  test('all others end at one call', async () => {
    const name = await add();
    const [mine, ...others] = [await signIn(name), await signIn(name), await signIn(name)];
    expect((await as(mine!, 'POST', 'account/sessions/end-others')).body).toEqual({ ended: 2 });
    expect([await isIn(mine!), await isIn(others[0]!), await isIn(others[1]!)]).toEqual([true, false, false]);
  });

  test('nobody ends or sees a session of somebody else by its id', async () => {
    const [one, other] = [await signIn(await add()), await signIn(await add())];
    const sessionId = String((await sessions(other))[0]?.sessionId);
    for (const id of [sessionId, 'no-uuid', crypto.randomUUID()]) {
      expect((await as(one, 'DELETE', `account/sessions/${id}`)).status).toBe(404);
    }
    expect(await isIn(other)).toBe(true);
  });

  test('a key has no account', async () => {
    const key = await platform.key('admin');
    for (const path of ['account', 'account/sessions']) {
      expect((await platform.call('GET', path, { key })).body.code).toBe('person.required');
    }
    expect((await platform.call('POST', 'account/sessions/end-others', { key })).body.code).toBe('person.required');
  });
});

describe('one’s own password', () => {
  const change = (headers: Record<string, string>, current?: string, password = OTHER_PASSWORD, from?: string) =>
    as(headers, 'PUT', 'account/password', { ...(current === undefined ? {} : { current }), password }, from);

  test('is changed by who knows it, and every other session and link ends', async () => {
    const name = await add();
    const [mine, other] = [await signIn(name), await signIn(name)];
    const link = (await platform.call('POST', `users/${encodeURIComponent(name)}/link`)).body.signIn;
    const before = told;
    expect((await change(mine, PASSWORD)).status).toBe(204);
    expect(told).toBe(before + 1);
    expect([await isIn(mine), await isIn(other)]).toEqual([true, false]);
    expect((await platform.call('GET', link, { key: null })).status).toBe(410);
    const again = (password: string) =>
      platform.call('POST', 'session', { key: null, body: { name, password } }).then(({ status }) => status);
    expect([await again(PASSWORD), await again(OTHER_PASSWORD)]).toEqual([401, 201]);
  });

  test('is not changed by who does not know it, however often they try', async () => {
    const name = await add();
    const headers = await signIn(name);
    for (const current of [undefined, '', OTHER_PASSWORD]) {
      expect((await change(headers, current)).body.code).toBe('password.wrong');
    }
    for (let n = 0; n < 12; n++) await change(headers, `wrong password ${n}`, OTHER_PASSWORD, '203.0.113.5');
    const right = await change(headers, PASSWORD, OTHER_PASSWORD, '203.0.113.5');
    expect([right.status, right.body.code]).toEqual([429, 'sign-in.limited']);
  });

  test('who came by a link has none, and gives one without another', async () => {
    const made = await platform.call('POST', 'users', { body: { name: `By link ${++serial}`, role: 'viewer' } });
    const headers = cookieOf(await platform.call('GET', made.body.signIn, { key: null }));
    expect((await as(headers, 'GET', 'account')).body).toMatchObject({
      hasPassword: false,
      role: 'viewer',
      bound: false,
    });
    expect((await change(headers, undefined)).status).toBe(204);
    expect((await as(headers, 'GET', 'account')).body.hasPassword).toBe(true);
    expect((await change(headers, undefined, PASSWORD)).body.code).toBe('password.wrong');
  });
});

describe('sessions of others', () => {
  test('are listed and ended by an admin, one or all', async () => {
    const name = await add({ offices: ['3104'] });
    const [one, two, three] = [await signIn(name), await signIn(name), await signIn(name)];
    const path = `users/${encodeURIComponent(name)}/sessions`;
    const { items } = (await platform.call('GET', path)).body;
    expect(items.map(({ current }) => current)).toEqual([false, false, false]);
    const of = (await sessions(two!)).find(({ current }) => current)!;
    expect((await platform.call('DELETE', `${path}/${String(of.sessionId)}`)).status).toBe(204);
    expect([await isIn(one!), await isIn(two!), await isIn(three!)]).toEqual([true, false, true]);
    expect((await platform.call('DELETE', path)).body).toEqual({ ended: 2 });
    expect([await isIn(one!), await isIn(three!)]).toEqual([false, false]);
  });
});
