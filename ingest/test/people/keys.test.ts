import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnswerBody, startPlatform, type TestPlatform } from '../api/platform.ts';

let platform: TestPlatform;
let url: string;
beforeAll(async () => {
  platform = await startPlatform();
  platform.feed.attach(platform.api.server);
  url = await platform.api.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => platform?.stop());

let serial = 0;
const make = async (more: object = {}) => {
  const body = { name: `k ${++serial}`, role: 'viewer', ...more };
  const answer = await platform.call('POST', 'keys', { body });
  expect(answer.status).toBe(201);
  return answer.body;
};
const use = async (key: string) => (await platform.call('GET', 'gates', { key })).body.code;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const HOUR_MS = 3_600_000;
const rotate = (keyId: unknown, body: object = {}) => platform.call('POST', `keys/${String(keyId)}/rotate`, { body });
const listed = async ({ keyId }: AnswerBody) =>
  (await platform.call('GET', 'keys?limit=500')).body.items.find((one) => one.keyId === keyId)!;
/** The clock cannot be turned: the end is brought forward, as if the time until then had passed. */
const lapse = ({ keyId }: AnswerBody) =>
  platform.pool.query("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE key_id = $1", [keyId]);

/** A screen that is open with a key that ends within seconds; on a slow machine the key lasts longer. */
async function screenOfShortKey(lifeMs = 900): Promise<{ made: AnswerBody; ended: Promise<string> }> {
  const made = await make({ expiresAt: inMs(lifeMs) });
  const socket = io(`${url}/live`, { auth: { key: made.key }, transports: ['websocket'], reconnection: false });
  const ended = new Promise<string>((resolve) => void socket.on('disconnect', resolve));
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.on('snapshot', () => resolve(true));
    socket.on('connect_error', () => resolve(false));
  });
  return isOpen ? { made, ended } : screenOfShortKey(lifeMs * 4);
}

describe('a key with an end', () => {
  test('is taken until then, and says afterwards that it has expired', async () => {
    const [lasting, made] = [await make({ expiresAt: inMs(HOUR_MS) }), await make({ expiresAt: inMs(HOUR_MS) })];
    expect(Date.parse(String(lasting.expiresAt))).toBeGreaterThan(Date.now());
    expect(await use(lasting.key)).toBeUndefined();
    await lapse(made);
    const answer = await platform.call('GET', 'gates', { key: made.key });
    expect([answer.status, answer.body.code]).toEqual([401, 'auth.key-expired']);
    expect(answer.text).not.toContain(made.key);
  });

  test('ends on the second also where its authentication is remembered, with its open screens', async () => {
    const { made, ended } = await screenOfShortKey();
    // Asked all the time: what is remembered of the key is never older than its end.
    let code: string | undefined;
    while (code === undefined) code = await use(made.key);
    expect([code, Date.now() >= Date.parse(String(made.expiresAt))]).toEqual(['auth.key-expired', true]);
    expect(await ended).toBe('io server disconnect');
  });

  test('in the past, or that is no time, is refused with the field', async () => {
    for (const expiresAt of [inMs(-1_000), 'tomorrow', 5]) {
      const { status, body } = await platform.call('POST', 'keys', { body: { role: 'viewer', expiresAt } });
      expect([expiresAt, status, body.errors[0]?.path]).toEqual([expiresAt, 422, 'expiresAt']);
    }
  });
});

test('when a key was last used is known to five minutes, without a write at each call', async () => {
  const made = await make();
  expect(await listed(made)).not.toHaveProperty('lastUsedAt');
  await use(made.key);
  const first = (await listed(made)).lastUsedAt;
  expect(Date.now() - Date.parse(String(first))).toBeLessThan(5 * 60_000);
  const { rows: before } = await platform.pool.query('SELECT xmin FROM api_keys WHERE key_id = $1', [made.keyId]);
  for (let n = 0; n < 20; n++) await use(made.key);
  const { rows: after } = await platform.pool.query('SELECT xmin FROM api_keys WHERE key_id = $1', [made.keyId]);
  expect(after).toEqual(before);
});

describe('a key that is rotated', () => {
  test('is taken beside its successor until the overlap has passed, then not', async () => {
    const old = await make({ role: 'operator', offices: ['3104'] });
    const { status, body: made } = await rotate(old.keyId, { overlapMin: 60 });
    expect([status, made.role, made.offices, made.name]).toEqual([201, 'operator', ['3104'], old.name]);
    expect([await use(old.key), await use(made.key)]).toEqual([undefined, undefined]);
    const row = await listed(old);
    expect(row).toMatchObject({ successor: made.keyId });
    const overlapMs = Date.parse(String(row.expiresAt)) - Date.now();
    expect(overlapMs).toBeGreaterThan(0.9 * HOUR_MS);
    expect(overlapMs).toBeLessThanOrEqual(HOUR_MS);
    expect(made).not.toHaveProperty('expiresAt');
    const { items } = (await platform.call('GET', `audit?subject=key:${String(old.keyId)}`)).body;
    expect(items[0]).toMatchObject({ action: 'key.rotate', after: { successor: made.keyId } });
  });

  test('without an overlap ends at once, remembered or not', async () => {
    const old = await make();
    await use(old.key);
    const { body: made } = await rotate(old.keyId, { overlapMin: 0 });
    const answer = await platform.call('GET', 'gates', { key: old.key });
    expect([answer.status, answer.body.code]).toEqual([401, 'auth.key-expired']);
    expect(answer.body.detail).toContain('took its place');
    expect(await use(made.key)).toBeUndefined();
  });

  test('never lasts longer by it, and its successor as long as it was to last itself', async () => {
    const old = await make({ expiresAt: inMs(HOUR_MS) });
    const { body: made } = await rotate(old.keyId, { overlapMin: 24 * 60 });
    expect((await listed(old)).expiresAt).toBe(old.expiresAt);
    const lastsMs = Date.parse(String(made.expiresAt)) - Date.parse(String(made.createdAt));
    expect(Math.abs(lastsMs - HOUR_MS)).toBeLessThan(60_000);
  });

  test('has one successor; only where that one is revoked is there another', async () => {
    const old = await make();
    const [first, second] = await Promise.all([rotate(old.keyId), rotate(old.keyId)]);
    expect([first.status, second.status].sort()).toEqual([201, 409]);
    const made = [first, second].find(({ status }) => status === 201)!.body;
    expect((await rotate(old.keyId)).body.code).toBe('key.rotated');
    await platform.call('DELETE', `keys/${String(made.keyId)}`);
    expect((await rotate(old.keyId)).status).toBe(201);
  });

  test('must not have ended', async () => {
    const [revoked, expired] = [await make(), await make({ expiresAt: inMs(HOUR_MS) })];
    await platform.call('DELETE', `keys/${String(revoked.keyId)}`);
    await lapse(expired);
    for (const one of [revoked, expired]) expect((await rotate(one.keyId)).body.code).toBe('key.ended');
    expect([(await rotate('none')).status, (await rotate(crypto.randomUUID())).status]).toEqual([404, 404]);
  });
});
