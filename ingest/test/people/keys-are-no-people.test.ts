import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addLock,
  addPerson,
  addRoute,
  addTrip,
  BOOTSTRAP,
  type Person,
  startPlatform,
  type TestPlatform,
} from '../api/platform.ts';

const password = 'correct horse battery';
let platform: TestPlatform;
let key: string;
beforeAll(async () => {
  platform = await startPlatform();
  key = await platform.key('admin');
  await addRoute(platform);
});
afterAll(() => platform?.stop());

const byKey = async (method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', url: string, body?: object, by = key) => {
  const { status, body: answer } = await platform.call(method, url, { key: by, ...(body ? { body } : {}) });
  return [status, answer.code ?? ''];
};
const REFUSED = [403, 'person.required'];
const sessionOf = async (name: string) =>
  (await platform.call('POST', 'session', { key: null, body: { name, password } })).status;

describe('the first administrator', () => {
  test('is made by a key, let in anew by it until one has signed in, and nobody afterwards, also of two at once', async () => {
    const first = { name: 'First', role: 'admin', password };
    const made = await Promise.all([
      byKey('POST', 'users', first),
      byKey('POST', 'users', { ...first, name: 'Other' }, BOOTSTRAP),
    ]);
    expect(made.map(([status]) => status).sort()).toEqual([201, 403]);
    const name = made[0]?.[0] === 201 ? 'First' : 'Other';
    expect((await byKey('POST', `users/${name}/link`))[0]).toBe(201);
    expect(await byKey('POST', 'users', { name: 'Third', role: 'admin', password })).toEqual(REFUSED);
    expect(await byKey('POST', 'users', { name: 'Boss', role: 'supervisor', password })).toEqual(REFUSED);
    expect(await sessionOf(name)).toBe(201);
    expect(await byKey('POST', `users/${name}/link`)).toEqual(REFUSED);
    expect(await byKey('PATCH', `users/${name}`, { password })).toEqual(REFUSED);
  });
});

describe('a key of an administrator', () => {
  let person: Person;
  beforeAll(async () => {
    person = await addPerson(platform, 'supervisor', 'Wang Fang');
    await addPerson(platform, 'viewer', 'Zhao Lei');
    await addPerson(platform, 'operator', 'Gone');
    await platform.call('DELETE', 'users/Gone');
  });

  test.each(['operator', 'supervisor', 'admin'])('makes no %s', async (role) => {
    expect(await byKey('POST', 'users', { name: `new ${role}`, role, password })).toEqual(REFUSED);
    expect(await byKey('POST', 'users', { name: `new ${role}`, role })).toEqual(REFUSED);
    expect(await byKey('PATCH', 'users/Zhao%20Lei', { role })).toEqual(REFUSED);
  });

  test('gives nobody who works alarms a password, a link or the access again', async () => {
    expect(await byKey('PATCH', 'users/Wang%20Fang', { password: 'another long password' })).toEqual(REFUSED);
    expect(await byKey('PATCH', 'users/Wang%20Fang', { role: 'viewer' })).toEqual(REFUSED);
    expect(await byKey('POST', 'users/Wang%20Fang/link')).toEqual(REFUSED);
    expect(await byKey('POST', 'users/Gone/enable')).toEqual(REFUSED);
    expect(await byKey('POST', 'users/Gone/enable', { password })).toEqual(REFUSED);
    expect(await sessionOf('Gone')).toBe(401);
  });

  test('makes and lets in people who do not, and ends whose access it likes', async () => {
    expect((await byKey('POST', 'users', { name: 'Looker', role: 'viewer', password }))[0]).toBe(201);
    expect((await byKey('POST', 'users/Looker/link'))[0]).toBe(201);
    expect((await byKey('DELETE', 'users/Wang%20Fang'))[0]).toBe(204);
    expect((await person.call('GET', 'session')).status).toBe(401);
  });

  test('sets no parameters, lifts no black list, lets no held trip go and keeps no alarms quiet', async () => {
    expect(await byKey('PUT', 'params/platform', { 'gate.takeover': { release: true } })).toEqual(REFUSED);
    expect(await byKey('PUT', 'params/company%3AX', { 'gate.weight': { toleranceShare: 1 } })).toEqual(REFUSED);
    const lockId = await addLock(platform, false);
    expect((await byKey('PUT', `locks/${lockId}/block`, { reason: 'lost' }))[0]).toBe(200);
    expect(await byKey('PUT', `locks/${lockId}/block`, { reason: null })).toEqual(REFUSED);
    const trip = await addTrip(platform);
    await platform.pool.query('UPDATE trips SET simulated = false WHERE trip_id = $1', [trip.tripId]);
    expect((await byKey('PUT', `trips/${trip.tripId}/hold`, { reason: 'look' }))[0]).toBe(200);
    expect(await byKey('PUT', `trips/${trip.tripId}/hold`, { reason: null })).toEqual(REFUSED);
    const until = new Date(Date.now() + 60_000).toISOString();
    expect(await byKey('PUT', `trips/${trip.tripId}/freeze`, { reason: 'parade', until })).toEqual(REFUSED);
    const supervisor = await addPerson(platform, 'supervisor');
    expect((await supervisor.call('PUT', `trips/${trip.tripId}/hold`, { reason: null })).status).toBe(200);
    expect((await supervisor.call('PUT', 'params/platform', {})).status).toBe(200);
  });
});
