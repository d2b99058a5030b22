import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startPlatform, type TestPlatform } from '../api/platform.ts';

let platform: TestPlatform;
let url: string;
beforeAll(async () => {
  platform = await startPlatform();
  platform.feed.attach(platform.api.server);
  url = await platform.api.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => platform?.stop());

const PASSWORD = 'correct horse battery';
const OTHER_PASSWORD = 'battery horse correct';

let serial = 0;
const add = async (more: object = {}) => {
  const name = `Person ${++serial}`;
  const answer = await platform.call('POST', 'users', { body: { name, role: 'operator', ...more } });
  expect([answer.status, answer.text]).toEqual([201, expect.anything()]);
  return { name, signIn: answer.body.signIn };
};
const open = (link: string) => platform.call('GET', link, { key: null });
const signIn = (name: string, password = PASSWORD) =>
  platform.call('POST', 'session', { key: null, body: { name, password } });
const cookieOf = ({ headers }: Answer) => ({ cookie: String(headers['set-cookie']).split(';')[0]! });
const who = (headers: Record<string, string>) => platform.call('GET', 'session', { key: null, headers });
const of = (name: string) => `users/${encodeURIComponent(name)}`;

describe('who is bound to no office is never the same as who has no office', () => {
  test.each(['users', 'keys'])('POST /%s: absent, null and [] are unbound, and the answer says so', async (path) => {
    for (const binding of [{}, { offices: null }, { offices: [] }, { offices: [], bound: false }]) {
      const body = { name: `n ${++serial}`, role: 'viewer', ...binding };
      const { status, body: made } = await platform.call('POST', path, { body });
      expect([binding, status, made.bound, made.offices]).toEqual([binding, 201, false, []]);
    }
    const bound = { name: `n ${++serial}`, role: 'viewer', offices: ['3104'] };
    expect((await platform.call('POST', path, { body: bound })).body).toMatchObject({ bound: true, offices: ['3104'] });
  });

  test.each(['users', 'keys'])(
    'POST /%s: "bound" without an office, and unbound with one, are refused',
    async (path) => {
      for (const binding of [
        { bound: true },
        { bound: true, offices: [] },
        { bound: true, offices: null },
        { bound: false, offices: ['3104'] },
      ]) {
        const { status, body } = await platform.call('POST', path, {
          body: { name: `n ${++serial}`, role: 'viewer', ...binding },
        });
        expect([binding, status, body.errors[0]?.path]).toEqual([binding, 422, 'offices']);
      }
    },
  );

  test('a row without offices sees nothing, wherever its list came from', async () => {
    const { name, signIn: link } = await add({ offices: ['3104'] });
    const headers = cookieOf(await open(link));
    await platform.pool.query("UPDATE people SET offices = '{}' WHERE name = $1", [name]);
    expect((await who(headers)).body).toMatchObject({ offices: [], bound: true });
    const admin = await platform.key('admin', []);
    for (const path of ['users', 'keys', 'trips', 'locks', 'subscriptions']) {
      const { items } = (await platform.call('GET', path, { key: admin })).body;
      expect([path, items.filter(({ bound }) => bound !== true)]).toEqual([path, []]);
    }
    const body = { name: `n ${++serial}`, role: 'viewer' };
    expect((await platform.call('POST', 'users', { key: admin, body })).body.code).toBe('office.not-yours');
  });
});

describe('links and sessions end with the person', () => {
  test('an unused link of somebody whose access has ended is 410, also after it is given back', async () => {
    const { name, signIn: link } = await add({ offices: ['3104'] });
    await platform.call('DELETE', of(name));
    expect([(await open(link)).status, (await platform.call('HEAD', link, { key: null })).status]).toEqual([410, 410]);
    await platform.call('POST', `${of(name)}/enable`);
    expect((await open(link)).status).toBe(410);
  });

  test('links and sessions of somebody who was deleted or disabled in the database are gone', async () => {
    for (const end of ['DELETE FROM people WHERE name = $1', 'UPDATE people SET disabled_at = now() WHERE name = $1']) {
      const { name, signIn: link } = await add();
      const second = (await platform.call('POST', `${of(name)}/link`)).body.signIn;
      const headers = cookieOf(await open(link));
      expect((await who(headers)).status).toBe(200);
      await platform.pool.query(end, [name]);
      expect([end, (await who(headers)).status, (await open(second)).status]).toEqual([end, 401, 410]);
    }
  });

  test('another role and other offices hold at the next call of an open session, another password ends it', async () => {
    const { name } = await add({ password: PASSWORD });
    const headers = cookieOf(await signIn(name));
    const link = (await platform.call('POST', `${of(name)}/link`)).body.signIn;
    expect((await who(headers)).body).toMatchObject({ role: 'operator', bound: false });
    const changed = await platform.call('PATCH', of(name), { body: { role: 'viewer', offices: ['3104'] } });
    expect(changed.body).toMatchObject({ role: 'viewer', offices: ['3104'], bound: true });
    expect((await who(headers)).body).toMatchObject({ role: 'viewer', offices: ['3104'], bound: true });
    expect((await platform.call('PATCH', of(name), { body: { offices: [] } })).status).toBe(422);
    await platform.call('PATCH', of(name), { body: { offices: null } });
    expect((await who(headers)).body).toMatchObject({ role: 'viewer', bound: false });
    await platform.call('PATCH', of(name), { body: { password: OTHER_PASSWORD } });
    expect([(await who(headers)).status, (await open(link)).status]).toEqual([401, 410]);
    expect([(await signIn(name)).status, (await signIn(name, OTHER_PASSWORD)).status]).toEqual([401, 201]);
  });

  test('the live feed of an open screen ends with the access, and begins anew with another role or office', async () => {
    const screens = async (headers: Record<string, string>) => {
      const socket = io(`${url}/live`, { extraHeaders: headers, transports: ['websocket'], reconnection: false });
      await new Promise<void>((resolve, reject) => {
        socket.on('snapshot', () => resolve());
        socket.on('connect_error', reject);
      });
      const ended = new Promise<string>((resolve) => void socket.on('disconnect', resolve));
      return { socket, ended };
    };
    const { name } = await add({ password: PASSWORD });
    const headers = cookieOf(await signIn(name));
    for (const change of [
      () => platform.call('PATCH', of(name), { body: { offices: ['9999'] } }),
      () => platform.call('PATCH', of(name), { body: { role: 'viewer' } }),
      () => platform.call('DELETE', of(name)),
    ]) {
      const { ended } = await screens(headers);
      await change();
      expect(await ended).toBe('io server disconnect');
    }
    await expect(screens(headers)).rejects.toThrow();
  });

  test('who was shut out is let in again by a link or by a new password, never by the old one', async () => {
    const { name } = await add({ password: PASSWORD, offices: ['3104'] });
    expect((await platform.call('POST', `${of(name)}/enable`)).body.code).toBe('user.enabled');
    await platform.call('DELETE', of(name));
    expect((await platform.call('POST', `${of(name)}/link`)).body.code).toBe('user.disabled');
    const again = await platform.call('POST', `${of(name)}/enable`);
    expect(again.body).toMatchObject({ name, offices: ['3104'], bound: true, signIn: expect.any(String) });
    expect(again.body).not.toHaveProperty('disabledAt');
    expect((await signIn(name)).status).toBe(401);
    expect((await who(cookieOf(await open(again.body.signIn)))).body).toMatchObject({ name, offices: ['3104'] });
    await platform.call('DELETE', of(name));
    await platform.call('POST', `${of(name)}/enable`, { body: { password: OTHER_PASSWORD } });
    expect((await signIn(name, OTHER_PASSWORD)).status).toBe(201);
    const { items } = (await platform.call('GET', `audit?subject=person:${encodeURIComponent(name)}`)).body;
    expect(items.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['user.enable', 'user.disable', 'user.add', 'session.open']),
    );
  });

  test('an admin of one office changes nobody of another', async () => {
    const key = await platform.key('admin', ['9999']);
    const { name } = await add({ offices: ['3104'] });
    const { name: unbound } = await add();
    for (const one of [name, unbound]) {
      const call = (method: 'PATCH' | 'POST', path: string, body: object = {}) =>
        platform.call(method, path, { key, body });
      const answers = [
        await call('PATCH', of(one), { role: 'viewer' }),
        await call('POST', `${of(one)}/enable`),
        await call('POST', `${of(one)}/link`),
        await call('POST', `${of(one)}/unlock`),
      ];
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    }
    const { name: own } = await add({ offices: ['9999'] });
    const beyond = await platform.call('PATCH', of(own), { key, body: { offices: null } });
    expect(beyond.body.code).toBe('office.not-yours');
  });
});

test('HEAD looks at a link as GET would, uses nothing up and signs nobody in', async () => {
  const { signIn: link } = await add();
  const head = await platform.call('HEAD', link, { key: null });
  expect([head.status, head.headers.location, head.headers['set-cookie']]).toEqual([302, '/wall', undefined]);
  expect((await open(link)).status).toBe(302);
  expect((await platform.call('HEAD', link, { key: null })).status).toBe(410);
});
