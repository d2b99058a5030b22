import { Role } from '@sealwatch/schemas';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ApiProblem } from '../../src/problem.ts';
import {
  addGate,
  addLock,
  addRoute,
  addTrip,
  BOOTSTRAP,
  passage,
  report,
  startPlatform,
  type TestPlatform,
  takeover,
} from './platform.ts';

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
}
interface Operation {
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

let platform: TestPlatform;
let keys: string[];
let known: Map<string, string>;
beforeAll(async () => {
  platform = await startPlatform({ gateWaitMs: 0 });
  vi.spyOn(platform.deps.log, 'error');
  await addRoute(platform);
  await addGate(platform);
  const trip = await addTrip(platform, { takeover: takeover() });
  await report(platform, trip.lockId);
  const asked = passage(trip);
  await platform.call('POST', 'gates/daxie-1/passages', { body: { ...asked, lockIds: [] } });
  known = new Map([
    ['tripId', trip.tripId],
    ['lockId', await addLock(platform)],
    ['routeId', 'yiwu-daxie'],
    ['placeId', 'daxie-1'],
    ['gateId', 'daxie-1'],
    ['passageId', asked.passageId],
    ['layer', 'platform'],
    ['office', '2921'],
  ]);
  keys = [BOOTSTRAP, BOOTSTRAP, BOOTSTRAP, ...(await Promise.all(Role.options.map((role) => platform.key(role))))];
});
afterAll(() => platform?.stop());

const WORDS = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'isPrototypeOf', 'toLocaleString', 'valueOf'];
const hostileText = fc.oneof(
  fc.constantFrom(
    ...WORDS,
    '',
    '\0',
    'a\0b',
    '\ud800',
    'x\udfff',
    '\ufffe',
    '🚛',
    '%00',
    "'; --",
    '../..',
    'null',
    '[]',
  ),
  fc.constantFrom('0000-01-01T00:00:00Z', '0001-01-01T00:00:00+15:00', '9999-12-31T23:59:59Z', '2026-02-30T00:00:00Z'),
  fc.constantFrom('1e400', '-1', '99999999999999999999', '0x10', 'NaN', 'a'.repeat(3_000)),
  // Cursors that are none of this platform.
  fc.json({ maxDepth: 1 }).map((text) => Buffer.from(text).toString('base64url')),
  fc
    .constantFrom(
      '["0000-01-01T00:00:00Z","\\u0000"]',
      '["2026-01-01T00:00:00Z","x"]',
      '9007199254740993',
      '"\\u0000"',
      '["-271821-04-20T00:00:00Z",1]',
    )
    .map((text) => Buffer.from(text).toString('base64url')),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const hostileNumber = fc.constantFrom(0, -0, -1, 1e21, 1e308, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 0.1, 5e-324);
const hostile: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  hostileNumber,
  fc.constantFrom(null, true, false, [], {}, [[]], [null]),
  fc.dictionary(hostileText, hostileText, { maxKeys: 2, noNullPrototype: true }),
);

/** A value that a schema may take. */
function fitting(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map((one) => generated(one, depth + 1)));
  switch (schema.type) {
    case 'object': {
      const members: Record<string, fc.Arbitrary<unknown>> = {};
      for (const [name, inner] of Object.entries(schema.properties ?? {})) members[name] = generated(inner, depth + 1);
      const requiredKeys = depth > 3 ? [] : (schema.required ?? []);
      return fc.record(members, { requiredKeys, noNullPrototype: true });
    }
    case 'array':
      if (schema.prefixItems) return fc.tuple(...schema.prefixItems.map((one) => generated(one, depth + 1)));
      return fc.array(generated(schema.items ?? {}, depth + 1), { maxLength: 3 });
    case 'integer':
      return fc.oneof(fc.integer({ min: 1, max: 100 }), hostileNumber);
    case 'number':
      return fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true, min: -200, max: 200 }), hostileNumber);
    case 'boolean':
      return fc.boolean();
    case 'string':
      if (schema.format === 'date-time') return fc.oneof(fc.constant('2026-11-21T03:04:05Z'), hostileText);
      if (schema.format === 'uuid') return fc.oneof(fc.uuid(), hostileText);
      return fc.oneof(
        hostileText,
        fc.string({ minLength: 1, maxLength: 12 }),
        fc.constantFrom('2921', 'MSKU9070323', 'JT70109999'),
      );
    default:
      return hostile;
  }
}

/** Mostly what fits, so that calls get through to the rooms behind the schema; sometimes anything. */
function generated(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: fitting(schema, depth) }, { weight: 1, arbitrary: hostile });
}

const escaped = (text: string): string => {
  try {
    return encodeURIComponent(text);
  } catch {
    return '%ED%A0%80';
  }
};

/** Half of a surrogate pair is written as an escape. */
const sent = (value: unknown): string => JSON.stringify(value);

const methodOf = (method: string) => method.toUpperCase() as 'GET';

function requests(path: string, operation: Operation) {
  const parameters = operation.parameters ?? [];
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const pathValue = (name: string) =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(known.get(name) ?? '0b0e8a4c-0000-4000-8000-000000000000') },
      { weight: 3, arbitrary: hostileText.filter((text) => text !== '' && !text.startsWith('.')) },
    );
  const query = parameters.filter((one) => one.in === 'query');
  return fc.record({
    path: fc.tuple(...inPath.map(pathValue)),
    query: fc.record(
      Object.fromEntries(
        query.map(({ name, schema }) => [
          name,
          generated(schema).map((value) => (typeof value === 'string' ? value : sent(value))),
        ]),
      ),
      { requiredKeys: [], noNullPrototype: true },
    ),
    body: operation.requestBody
      ? generated(Object.values(operation.requestBody.content)[0]?.schema ?? {})
      : fc.constant(undefined),
    key: fc.nat().map((n) => keys[n % keys.length] ?? BOOTSTRAP),
  });
}

/** Parts that this platform is started without. */
const SWITCHED_OFF: (string | undefined)[] = ['simulator.off', 'webhooks.off'];

test('no operation of the OpenAPI document answers 5xx, whatever it is sent, and nothing reaches the database that it cannot keep', async () => {
  const document = (await platform.call('GET', '/openapi.json', { key: null })).body as unknown as {
    paths: Record<string, Record<string, Operation>>;
  };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  expect(operations.length).toBeGreaterThan(70);
  const failed: string[] = [];
  const numRuns = process.env.SEALWATCH_DEEP ? 400 : 20;
  for (const { path, method, operation } of operations) {
    for (const asked of fc.sample(requests(path, operation), {
      numRuns,
      seed: 20_261_121,
    })) {
      let at = 0;
      const url = path.replaceAll(/\{\w+\}/g, () => escaped(String(asked.path[at++])));
      const query = Object.entries(asked.query).map(([name, value]) => `${name}=${escaped(String(value))}`);
      const options = {
        key: asked.key,
        ...(asked.body === undefined ? {} : { raw: sent(asked.body), headers: { 'content-type': 'application/json' } }),
      };
      const answer = await platform.call(
        methodOf(method),
        `${url}${query.length ? `?${query.join('&')}` : ''}`,
        options,
      );
      if (answer.status >= 500 && !SWITCHED_OFF.includes(answer.body.code)) {
        failed.push(`${answer.status} ${method} ${url}?${query.join('&')} ${sent(asked.body) ?? ''} ${answer.text}`);
      }
    }
  }
  const logged = vi
    .mocked(platform.deps.log.error)
    .mock.calls.filter(([fields]) => !((fields as { err?: Error }).err instanceof ApiProblem))
    .map(([fields]) => String((fields as { err?: Error }).err?.stack ?? fields).slice(0, 400));
  expect({ failed: failed.slice(0, 30), logged: [...new Set(logged)].slice(0, 20) }).toEqual({
    failed: [],
    logged: [],
  });
});

const CURSORS = [
  '["0000-01-01T00:00:00Z","x"]',
  '["0000-01-01T00:00:00.000Z","0b0e8a4c-0000-4000-8000-000000000000"]',
  '["2026-01-01T00:00:00Z","\\u0000"]',
  '["2026-01-01T00:00:00Z","\\ud800"]',
  '["0000-01-01T00:00:00Z",1]',
  '["2026-01-01T00:00:00Z",1e300]',
  '["0000-01-01T00:00:00Z",1,1]',
  '["2026-01-01T00:00:00Z",1e300,1e300]',
  '["2026-01-01T00:00:00Z","x","\\u0000"]',
  '"\\u0000"',
  '"\\udc00"',
  '1e300',
  '9007199254740991',
  '-9007199254740991',
  '"99999999999999999999"',
  '"1e5"',
  '[]',
  '{}',
  'null',
].map((text) => Buffer.from(text).toString('base64url'));

test('a cursor of no page is 422, or a page', async () => {
  const document = (await platform.call('GET', '/openapi.json', { key: null })).body as unknown as {
    paths: Record<string, Record<string, Operation>>;
  };
  const lists = Object.entries(document.paths).filter(([, { get }]) =>
    get?.parameters?.some(({ name }) => name === 'cursor'),
  );
  expect(lists.length).toBeGreaterThan(15);
  const failed: string[] = [];
  for (const [path] of lists) {
    const url = path.replaceAll(
      /\{(\w+)\}/g,
      (_, name: string) => known.get(name) ?? '0b0e8a4c-0000-4000-8000-000000000000',
    );
    for (const cursor of CURSORS) {
      const { status } = await platform.call('GET', `${url}?cursor=${cursor}`);
      if (![200, 404, 422, 503].includes(status)) failed.push(`${status} ${url} ${Buffer.from(cursor, 'base64url')}`);
    }
  }
  expect(failed).toEqual([]);
});
