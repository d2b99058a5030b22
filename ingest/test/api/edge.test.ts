import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addGate,
  addRoute,
  addTrip,
  declaration,
  passage,
  ROUTE,
  startPlatform,
  type TestPlatform,
} from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
});
afterAll(() => platform?.stop());

const BAD = ['\0', 'a\0b', '\ud800', 'x\udfff', '\udc00\ud800'];
const WRONG = [422, 'request.invalid'];

describe('text that the database cannot keep is 422 with its path', () => {
  test.each([
    ['POST', 'session', { name: '@', password: 'x' }, 'name'],
    ['POST', 'session', { name: 'x', password: '@' }, 'password'],
    ['POST', 'users', { name: '@', role: 'viewer' }, 'name'],
    ['POST', 'keys', { name: '@', role: 'viewer' }, 'name'],
    ['POST', 'locks', { lockId: 'JT70100001', model: '@' }, 'model'],
    [
      'POST',
      'locks/import',
      {
        locks: [
          { lockId: 'JT70100001', model: 'x' },
          { lockId: 'JT70100002', model: '@' },
        ],
      },
      'locks[1].model',
    ],
    ['POST', 'trips', declaration('JT70100001', { company: '@' }), 'company'],
    ['POST', 'trips', declaration('JT70100001', { vehicle: { tractorPlate: '@' } }), 'vehicle.tractorPlate'],
    ['POST', 'gates/daxie-1/passages', { passageId: '@', at: '2026-11-21T03:04:05Z' }, 'passageId'],
    [
      'POST',
      'gates/daxie-1/passages',
      { passageId: 'p', at: '2026-11-21T03:04:05Z', plate: { text: '@' } },
      'plate.text',
    ],
    ['PUT', 'params/platform', { '@': {} }, 'a name'],
    ['PUT', 'routes/r', { ...ROUTE, properties: { ...ROUTE.properties, name: '@' } }, 'properties.name'],
    [
      'POST',
      'routes/what-if',
      { routeId: 'r', route: { ...ROUTE, properties: { name: '@' } } },
      'route.properties.name',
    ],
  ] as const)('%s %s: %j', async (method, url, body, path) => {
    for (const bad of BAD) {
      const raw = JSON.stringify(body).replace('@', JSON.stringify(bad).slice(1, -1));
      const answer = await platform.call(method, url, { raw, headers: { 'content-type': 'application/json' } });
      expect([answer.status, answer.body.code, bad], answer.text).toEqual([...WRONG, bad]);
      expect(answer.body.errors, answer.text).toBeDefined();
      const [error] = answer.body.errors;
      expect(`${error?.path} ${error?.message}`).toContain(path);
    }
  });

  test.each([
    'trips?declarationNo=%00',
    'locks?after=a%00',
    'trips/%00',
    'locks/%00',
    'alarms/%00',
    'places/%00',
    'gates/%00/passages',
    'audit?subject=%00',
    'quarantine?lockId=%00',
    'trips?status=%ED%A0%80',
  ])('GET %s', async (url) => {
    const answer = await platform.call('GET', url);
    expect([answer.status, answer.body.code], answer.text).toEqual(WRONG);
    expect(answer.body.errors[0]?.path).toMatch(/\w/);
  });

  test('an address with an escape that is no UTF-8 cannot be read', async () => {
    expect((await platform.call('GET', 'trips/%ED%A0%80')).status).toBe(400);
  });
});

test('what can be kept is taken: pairs of surrogates, noncharacters, other scripts', async () => {
  const trip = await addTrip(platform);
  const body = passage(trip, { plate: { text: '🚛浙\ufffe', confident: true } });
  expect((await platform.call('POST', 'gates/daxie-1/passages', { body })).status).toBe(200);
});

test.each(['0000-01-01T00:00:00Z', '-000001-01-01T00:00:00Z', '0000-12-31T23:59:59+23:59', '+275760-09-13T00:00:00Z'])(
  'the time %s is 422 with its path',
  async (at) => {
    const body = { passageId: 'year', at };
    const answer = await platform.call('POST', 'gates/daxie-1/passages', { body });
    expect([answer.status, answer.body.errors[0]?.path]).toEqual([422, 'at']);
    expect((await platform.call('GET', `stats?from=${encodeURIComponent(at)}`)).status).toBe(422);
  },
);
