import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SignInLimits } from '../../src/people/sign-in-limits.ts';
import { readTrustProxy } from '../../src/trust-proxy.ts';
import { startPlatform, type TestPlatform } from '../api/platform.ts';

const PASSWORD = 'correct horse battery';
const MINUTE_MS = 60_000;

let platform: TestPlatform;
let nowMs = Date.now();
beforeAll(async () => {
  const signInLimits = new SignInLimits(() => nowMs);
  const trustProxy = readTrustProxy('10.9.0.0/16');
  if (typeof trustProxy !== 'function') throw new Error('unreadable');
  platform = await startPlatform({ signInLimits, trustProxy, signInsPerMinute: 100_000 });
});
afterAll(() => platform?.stop());
/** What earlier tests counted is forgotten. */
beforeEach(() => {
  nowMs += 48 * 60 * MINUTE_MS;
});

let serial = 0;
const add = async () => {
  const name = `Guessed ${++serial}`;
  await platform.call('POST', 'users', { body: { name, role: 'operator', password: PASSWORD } });
  return name;
};
const address = () => `192.0.2.${++serial}`;

const attempt = (name: string, password: string, from: string, headers: Record<string, string> = {}) =>
  platform.call('POST', 'session', { key: null, body: { name, password }, from, headers });

/** Wrong passwords one after the other, each with other headers. @returns how many were looked at */
async function guess(name: string, from: () => string, times: number): Promise<number> {
  let looked = 0;
  for (let n = 0; n < times; n++) {
    const headers = {
      authorization: `Bearer guess-${n}`,
      cookie: `sealwatch_session=${n}`,
      'x-forwarded-for': `198.51.100.${n}`,
    };
    const { status } = await attempt(name, `wrong password ${n}`, from(), headers);
    expect([401, 429]).toContain(status);
    if (status === 401) looked++;
  }
  return looked;
}

test('guesses from one address are few, whatever their headers say, and then the right one is refused too', async () => {
  const name = await add();
  const from = address();
  expect(await guess(name, () => from, 399)).toBeLessThanOrEqual(10);
  const right = await attempt(name, PASSWORD, from, { authorization: 'Bearer fresh' });
  expect([right.status, right.body.code]).toEqual([429, 'sign-in.limited']);
  expect(Number(right.headers['retry-after'])).toBeGreaterThanOrEqual(1);
});

test('other names from one address are counted with it, and those in one /64 network are one address', async () => {
  const from = () => `2001:db8:7:1::${(++serial).toString(16)}`;
  let looked = 0;
  for (let n = 0; n < 60; n++) looked += await guess(`nobody ${n}`, from, 1);
  expect(looked).toBeLessThanOrEqual(10);
});

test('guesses at one name from many addresses are few as well', async () => {
  expect(await guess(await add(), address, 200)).toBeLessThanOrEqual(20);
});

test('many guesses at once gain nothing', async () => {
  const name = await add();
  const from = address();
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => attempt(name, `wrong password ${n}`, from)));
  expect(answers.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10);
});

test('a wait ends by itself, and grows with each further wrong password, up to a quarter of an hour', async () => {
  const name = await add();
  const from = address();
  const waits: number[] = [];
  await guess(name, () => from, 10);
  for (let n = 0; n < 12; n++) {
    const { headers } = await attempt(name, PASSWORD, from);
    waits.push(Number(headers['retry-after']));
    nowMs += Number(headers['retry-after']) * 1_000;
    expect((await attempt(name, 'wrong password', from)).status).toBe(401);
  }
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  expect([waits[0], waits.at(-1)]).toEqual([5, 900]);
  nowMs += 15 * MINUTE_MS;
  expect((await attempt(name, PASSWORD, from)).status).toBe(201);
});

test('a name that nobody has is answered like any other, guess after guess', async () => {
  const [real, unknown] = [await add(), 'nobody of this name'];
  const [a, b] = [address(), address()];
  for (let n = 0; n < 30; n++) {
    const [one, other] = [await attempt(real, 'wrong password', a), await attempt(unknown, 'wrong password', b)];
    expect([one.status, one.body, one.headers['retry-after']]).toEqual([
      other.status,
      other.body,
      other.headers['retry-after'],
    ]);
  }
});

test('a stranger locks nobody out of the place where they sign in', async () => {
  const name = await add();
  const office = address();
  expect((await attempt(name, PASSWORD, office)).status).toBe(201);
  await guess(name, address, 100);
  expect((await attempt(name, PASSWORD, address())).status).toBe(429);
  expect((await attempt(name, PASSWORD, office)).status).toBe(201);
  // Guesses from that very place count there all the same.
  expect(await guess(name, () => office, 100)).toBeLessThanOrEqual(10);
});

test('a right password does not clear what was guessed from the same address', async () => {
  const [own, other] = [await add(), await add()];
  const from = address();
  let looked = 0;
  for (let n = 0; n < 30; n++) {
    looked += await guess(other, () => from, 1);
    await attempt(own, PASSWORD, from);
  }
  expect(looked).toBeLessThanOrEqual(10);
});

test('people who sign in at once behind one address do not keep each other out', async () => {
  const names = await Promise.all(Array.from({ length: 40 }, add));
  const from = address();
  const answers = await Promise.all(names.map((name) => attempt(name, PASSWORD, from)));
  expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
});

test('an admin sees a lock-out and lifts it, and the audit has who did', async () => {
  const name = await add();
  const from = address();
  await guess(name, () => from, 30);
  const people = async () => (await platform.call('GET', 'users?limit=500')).body.items;
  const locked = (await people()).filter(({ lockedUntil }) => lockedUntil !== undefined);
  expect(locked.map((one) => one.name)).toEqual([name]);
  expect(Date.parse(String(locked[0]?.lockedUntil))).toBeGreaterThan(nowMs);
  const lifted = await platform.call('POST', `users/${encodeURIComponent(name)}/unlock`);
  expect([lifted.status, lifted.body.name, lifted.body.lockedUntil]).toEqual([200, name, undefined]);
  expect((await attempt(name, PASSWORD, from)).status).toBe(201);
  const { items } = (await platform.call('GET', `audit?subject=person:${encodeURIComponent(name)}`)).body;
  expect(items.find(({ action }) => action === 'user.unlock')).toMatchObject({
    actor: 'key:bootstrap',
    before: { lockedUntil: expect.any(String) },
  });
});

test('behind a trusted proxy the address is the client’s, and the cookie is for HTTPS alone', async () => {
  const name = await add();
  const behind = (client: string, password: string) =>
    attempt(name, password, '10.9.0.4', { 'x-forwarded-for': client, 'x-forwarded-proto': 'https' });
  const [client, other] = [address(), address()];
  for (let n = 0; n < 12; n++) await behind(client, 'wrong password');
  expect((await behind(client, PASSWORD)).status).toBe(429);
  // What the client itself says of those before it is not believed.
  expect((await behind(`203.0.113.9, ${client}`, PASSWORD)).status).toBe(429);
  const good = await behind(other, PASSWORD);
  expect([good.status, String(good.headers['set-cookie'])]).toEqual([201, expect.stringContaining('; Secure')]);
  const direct = await attempt(name, PASSWORD, address(), { 'x-forwarded-proto': 'https' });
  expect([direct.status, String(direct.headers['set-cookie'])]).toEqual([201, expect.not.stringContaining('Secure')]);
});
