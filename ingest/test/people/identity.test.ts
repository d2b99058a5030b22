import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addRoute, addTrip, raise, startPlatform, type TestPlatform } from '../api/platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
});
afterAll(() => platform?.stop());

const make = async (name: string, role = 'supervisor') =>
  (await platform.call('POST', 'keys', { body: { name, role } })).body;

describe('two keys of one name', () => {
  test('share no Idempotency-Key: neither gets the answer, or the secret, that the other asked for', async () => {
    const [one, other] = [await make('twin'), await make('twin')];
    const create = (key: string, lockId: string) =>
      platform.call('POST', 'locks', { key, body: { lockId }, headers: { 'idempotency-key': 'same-key' } });
    const first = await create(one.key, 'JTTWIN0001');
    const second = await create(other.key, 'JTTWIN0001');
    expect([first.status, second.status, second.text.includes(first.body.secret)]).toEqual([201, 409, false]);
    expect((await create(other.key, 'JTTWIN0002')).status).toBe(201);
    expect((await create(one.key, 'JTTWIN0001')).body.secret).toBe(first.body.secret);
  });

  test('are told apart by what they did, in the audit and on the alarm, by the name that GET /keys has of each', async () => {
    const made = [await make('shift'), await make('shift'), await make('', 'supervisor')];
    const { items } = (await platform.call('GET', 'keys?limit=500')).body;
    const actors = made.map(({ keyId }) => items.find((one) => one.keyId === keyId)?.actor);
    expect(new Set(actors).size).toBe(3);
    expect(actors.slice(1)).toEqual([`key:shift#${made[1]!.keyId}`, `key:${made[2]!.keyId}`]);
    for (const [n, { key }] of made.entries()) {
      const alarmId = await raise(platform, await addTrip(platform));
      const { body } = await platform.call('POST', `alarms/${alarmId}/acknowledge`, { key, body: {} });
      expect(body.acknowledgedBy).toBe(actors[n]);
      const entry = (await platform.call('GET', `audit?subject=alarm:${alarmId}`)).body.items[0];
      expect(entry?.actor).toBe(actors[n]);
    }
  });

  test('made at once have a name of their own each', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => make('at once')));
    expect(new Set(made.map(({ actor }) => actor)).size).toBe(8);
  });
});

describe('names of the platform’s own', () => {
  const OWN = [
    'bootstrap',
    'Bootstrap',
    ' system ',
    'ＳＹＳＴＥＭ',
    'lock',
    'platform',
    'command line',
    'Command-Line',
  ];
  const WITH_COLON = ['gate:daxie-1', 'key:bootstrap', 'lock: JT70100001', 'person:x', 'GATE:1'];

  test.each([...OWN, ...WITH_COLON])('"%s" is no name of a person or a key', async (name) => {
    for (const path of ['users', 'keys']) {
      const answer = await platform.call('POST', path, { body: { name, role: 'viewer' } });
      expect([path, answer.status, answer.body.errors[0]?.path]).toEqual([path, 422, 'name']);
    }
  });

  test('words that only begin like them are names', async () => {
    for (const name of ['gate 1', 'lock depot', 'system test', 'platform 3']) {
      expect([name, (await platform.call('POST', 'keys', { body: { name, role: 'viewer' } })).status]).toEqual([
        name,
        201,
      ]);
    }
  });
});
