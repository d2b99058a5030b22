import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Simulations } from '../../src/simulations.ts';
import type { Webhooks } from '../../src/webhooks/webhooks.ts';
import { withWebhooks } from '../webhooks/subscribing.ts';
import { type Write, type WriteRoute, writeRoutes } from './objects.ts';
import {
  type Answer,
  addRoute,
  BOOTSTRAP,
  declaration,
  GATE,
  passage,
  ROUTE,
  startPlatform,
  type TestPlatform,
} from './platform.ts';

const OWNER = '3104';
const STRANGER = '9999';
const METHODS = ['post', 'put', 'patch', 'delete'];

/** A fleet on demand that takes every order. */
const SIMULATIONS: Simulations = {
  scenarios: async () => [{ name: 'the-ramp', trips: 1, live: false, parts: 1, note: '' }] as never,
  runs: () => [],
  start: async () => undefined,
  stop: async () => true,
  inject: async () => undefined,
  adopt: () => undefined,
  close: async () => undefined,
};

let platform: TestPlatform;
let webhooks: Webhooks;
let table: Record<string, WriteRoute>;
let routes: string[];
beforeAll(async () => {
  platform = await startPlatform();
  platform.deps.simulations = SIMULATIONS;
  webhooks = withWebhooks(platform);
  await addRoute(platform);
  table = writeRoutes(platform, () => webhooks);
  const document = (await platform.call('GET', '/openapi.json', { key: null })).body as unknown as {
    paths: Record<string, Record<string, unknown>>;
  };
  routes = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => METHODS.includes(method))
        .map((method) => `${method.toUpperCase()} ${path.slice('/api/v1'.length)}`),
    );
});
afterAll(async () => {
  await webhooks?.stop();
  await platform?.stop();
});

type Caller = { key: string | null; headers?: Record<string, string> };
const callers = new Map<string, Caller>();

/** A key and a signed-in person of a role, bound to these offices. */
async function callerOf(kind: string, role: string, offices: string[]): Promise<Caller> {
  const name = `${kind} ${role} ${offices.join() || 'unbound'}`;
  const known = callers.get(name);
  if (known !== undefined) return known;
  const made =
    kind === 'key'
      ? { key: await platform.key(role as 'admin', offices.length > 0 ? offices : null) }
      : await person(name, role, offices);
  callers.set(name, made);
  return made;
}

async function person(name: string, role: string, offices: string[]): Promise<Caller> {
  const { signIn } = (await platform.call('POST', 'users', { body: { name, role, offices } })).body;
  const link = await platform.call('GET', signIn, { key: null });
  return { key: null, headers: { cookie: String(link.headers['set-cookie']).split(';')[0]! } };
}

const send = (route: string, write: Write, { key, headers = {} }: Caller): Promise<Answer> =>
  platform.call(route.split(' ')[0] as 'POST', write.url, {
    key,
    headers: { ...headers, ...write.headers },
    ...(write.body === undefined ? {} : { body: write.body }),
    ...(write.raw === undefined ? {} : { raw: write.raw }),
  });

/** What became of it, in one word; an answer of the server's own failing is neither. */
function fateOf(answer: Answer, { refused }: WriteRoute): string {
  if (answer.status >= 500 || answer.status === 401) return `failed with ${answer.status}`;
  const isRefused = [403, 404].includes(answer.status) || (answer.status === 200 && refused?.(answer) === true);
  return isRefused ? 'refused' : 'allowed';
}

const walked = () => Object.entries(table).filter(([route]) => routes.includes(route));

describe('every write route by every object', () => {
  test('a write route without an entry in the table fails here', () => {
    expect(routes.filter((route) => table[route] === undefined)).toEqual([]);
    expect(routes.length).toBeGreaterThan(55);
  });

  test.each(['key', 'person'])(
    'a %s bound to an office writes objects of its own office, of another none',
    async (kind) => {
      const fates: Record<string, string> = {};
      const expected: Record<string, string> = {};
      for (const [route, entry] of walked()) {
        if (entry.of === undefined) continue;
        const { role = 'supervisor' } = entry;
        const foreign = await send(route, await entry.of(OWNER), await callerOf(kind, role, [STRANGER]));
        const own = await send(route, await entry.of(OWNER), await callerOf(kind, role, [OWNER]));
        fates[route] = `${fateOf(foreign, entry)}, own ${fateOf(own, entry)}`;
        expected[route] = `refused, own ${kind === 'key' && entry.people ? 'refused' : 'allowed'}`;
      }
      expect(fates).toEqual(expected);
      expect(Object.keys(fates).length).toBeGreaterThan(45);
    },
  );

  test.each(['key', 'person'])('a %s bound to an office writes nothing that belongs to none', async (kind) => {
    const fates: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const [route, entry] of walked()) {
      if (entry.shared === undefined) continue;
      const { role = 'supervisor' } = entry;
      const bound = await send(route, await entry.shared(), await callerOf(kind, role, [STRANGER]));
      const unbound = await send(route, await entry.shared(), await callerOf(kind, role, []));
      fates[route] = `${fateOf(bound, entry)}, unbound ${fateOf(unbound, entry)}`;
      expected[route] = `refused, unbound ${kind === 'key' && entry.people ? 'refused' : 'allowed'}`;
    }
    expect(fates).toEqual(expected);
    expect(Object.keys(fates).length).toBeGreaterThan(12);
  });

  test.each(['key', 'person'])('a %s of a tester, bound or not, writes nothing that is real', async (kind) => {
    const fates: Record<string, string> = {};
    for (const [route, entry] of walked()) {
      for (const offices of [[], [OWNER]]) {
        if (entry.testers) continue;
        const tester = await callerOf(kind, 'tester', offices);
        for (const write of [
          await entry.of?.(OWNER),
          route === 'PUT /places/{placeId}' ? undefined : await entry.shared?.(),
        ]) {
          if (write === undefined) continue;
          const fate = fateOf(await send(route, write, tester), entry);
          if (fate !== 'refused') fates[`${route} ${offices.join()}`] = fate;
        }
      }
    }
    expect(fates).toEqual({});
  });
});

describe('a place', () => {
  const place = (properties: object) => ({ ...GATE, properties: { name: 'x', kind: 'gate', ...properties } });

  test('is neither taken from another office nor given away by one who is bound', async () => {
    const key = await platform.key('supervisor', [STRANGER]);
    const put = async (id: string, properties: object, by: string = key) =>
      (await platform.call('PUT', `places/${id}`, { key: by, body: place(properties) })).status;
    expect(await put('of-3104', { office: OWNER }, BOOTSTRAP)).toBe(201);
    expect(await put('of-nobody', {}, BOOTSTRAP)).toBe(201);
    expect([await put('of-3104', { office: STRANGER }), await put('of-nobody', { office: STRANGER })]).toEqual([
      403, 403,
    ]);
    expect(await put('mine', { office: STRANGER })).toBe(201);
    expect([await put('mine', { office: OWNER }), await put('mine', {})]).toEqual([403, 403]);
    expect(await put('mine', { office: STRANGER, name: 'y' })).toBe(200);
    expect((await platform.call('GET', 'places/of-3104')).body).toMatchObject({ properties: { office: OWNER } });
  });
});

describe('what testers make', () => {
  const road = (halfWidthM: number) => ({ ...ROUTE, properties: { ...ROUTE.properties, halfWidthM } });

  test('is simulated: testers change it, real trips do not run on it, and what is real they put again as it is', async () => {
    const key = await platform.key('tester');
    const put = async (id: string, body: object, by?: string) =>
      (await platform.call('PUT', `routes/${id}`, { body, ...(by === undefined ? {} : { key: by }) })).status;
    expect([await put('sim-road', road(150), key), await put('sim-road', road(160), key)]).toEqual([201, 201]);
    expect([await put('real-road', road(150)), await put('real-road', road(150), key)]).toEqual([201, 200]);
    expect(await put('real-road', road(160), key)).toBe(403);
    const real = await platform.call('POST', 'locks', { body: { lockId: 'JTREAL0001' } });
    const made = await platform.call('POST', 'locks', { key, body: { lockId: 'JTSIML0001' } });
    expect([real.status, made.status]).toEqual([201, 201]);
    const declare = (lockId: string, by?: string) =>
      platform.call('POST', 'trips', {
        body: declaration(lockId, { routeId: 'sim-road' }),
        ...(by === undefined ? {} : { key: by }),
      });
    expect((await declare('JTREAL0001')).body.code).toBe('route.simulated');
    expect((await declare('JTREAL0001', key)).body.code).toBe('tester.simulated-only');
    const trip = await declare('JTSIML0001', key);
    expect(trip.status).toBe(201);
    const release = await platform.call('POST', `trips/${trip.body.tripId}/release`, { key });
    expect(release.status).toBe(200);
    expect((await platform.call('POST', 'locks/JTSIML0001/commands', { key, body: { type: 'locate' } })).status).toBe(
      201,
    );
    expect(await put('sim-road', road(160))).toBe(201);
    expect(await put('sim-road', road(170), key)).toBe(403);
  });

  test('a gate that a tester put lets no real truck pass', async () => {
    const key = await platform.key('tester');
    const gate = { ...GATE, properties: { ...GATE.properties, office: OWNER } };
    expect((await platform.call('PUT', 'places/sim-gate', { key, body: gate })).status).toBe(201);
    const lockId = 'JTREAL0002';
    await platform.call('POST', 'locks', { body: { lockId } });
    const body = declaration(lockId);
    const { tripId } = (await platform.call('POST', 'trips', { body })).body;
    const trip = { tripId, lockId, containerNo: body.units[0]!.containerNo, plate: body.vehicle.tractorPlate };
    const answer = await platform.call('POST', 'gates/sim-gate/passages', { body: passage(trip) });
    expect([answer.status, answer.body.tripId]).toEqual([200, undefined]);
  });
});
