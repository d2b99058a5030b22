import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KeyGuesses } from '../../src/people/key-guesses.ts';
import { BOOTSTRAP, startPlatform, type TestPlatform } from '../api/platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform?.stop());

let guess = 0;
const ask = (key: string, from: string) => platform.call('GET', 'locks', { key, from });
const guessFrom = async (from: string, count: number) => {
  const all = Array.from({ length: count }, () => ask(`sw_guess-${++guess}`, from));
  return (await Promise.all(all)).map(({ status }) => status);
};
const times = (statuses: number[], status: number) => statuses.filter((one) => one === status).length;

test('unknown keys of one address are answered 401 a few times, then 429, however many come at once; others are not touched', async () => {
  const statuses = [...(await guessFrom('192.0.2.1', 200)), ...(await guessFrom('192.0.2.1', 100))];
  expect(times(statuses, 401)).toBeLessThanOrEqual(40);
  expect(times(statuses, 401) + times(statuses, 429)).toBe(300);
  const late = await ask('sw_late', '192.0.2.1');
  expect([late.status, late.body.code, Number(late.headers['retry-after']) > 0]).toEqual([429, 'auth.limited', true]);
  expect((await ask('sw_elsewhere', '192.0.2.2')).status).toBe(401);
});

test('a gate with a good key behind the same address is served all the while, also one that was never heard before', async () => {
  const heard = await platform.key('viewer');
  expect((await ask(heard, '192.0.2.3')).status).toBe(200);
  const [statuses, ...served] = await Promise.all([
    guessFrom('192.0.2.3', 300),
    ...Array.from({ length: 50 }, () => ask(heard, '192.0.2.3')),
  ]);
  expect(times(statuses, 429)).toBeGreaterThan(200);
  expect(served.map(({ status }) => status)).toEqual(served.map(() => 200));
  const fresh = await platform.key('viewer');
  await vi.waitFor(async () => expect((await ask(fresh, '192.0.2.3')).status).toBe(200), { timeout: 10_000 });
});

test('the addresses of one IPv6 household are one', async () => {
  const from = (n: number) => `2001:db8::${n.toString(16)}`;
  const statuses: number[] = [];
  for (let n = 1; n <= 60; n++) statuses.push(...(await guessFrom(from(n), 1)));
  expect(times(statuses, 429)).toBeGreaterThan(20);
});

test('the bootstrap key is good there where it was used before, and is not guessed elsewhere', async () => {
  expect((await ask(BOOTSTRAP, '192.0.2.5')).status).toBe(200);
  await guessFrom('192.0.2.5', 60);
  await guessFrom('192.0.2.6', 60);
  expect([(await ask(BOOTSTRAP, '192.0.2.5')).status, (await ask(BOOTSTRAP, '192.0.2.6')).status]).toEqual([200, 429]);
});

test('a check that fails for another reason counts as no guess', async () => {
  const guesses = new KeyGuesses(platform.pool);
  const down = () => Promise.reject(new Error('no database'));
  for (let n = 0; n < 100; n++) await expect(guesses.attempt('sw_x', '192.0.2.7', down)).rejects.toThrow('no database');
  expect(await guesses.attempt('sw_x', '192.0.2.7', async () => 'in')).toBe('in');
});
