import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { announce } from '../../src/store/webhooks/outbox.ts';
import type { Webhooks } from '../../src/webhooks/webhooks.ts';
import { addGate, addRoute, addTrip, startPlatform, type TestPlatform } from '../api/platform.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { withWebhooks } from './subscribing.ts';

let platform: TestPlatform;
let webhooks: Webhooks;
let receiver: Receiver;

beforeAll(async () => {
  platform = await startPlatform();
  receiver = await startReceiver();
  webhooks = withWebhooks(platform);
  await addRoute(platform);
  await addGate(platform);
});
afterAll(async () => {
  await webhooks?.stop();
  await receiver?.close();
  await platform?.stop();
});
beforeEach(async () => {
  await webhooks.settled();
  receiver.received.length = 0;
  receiver.answer = () => 204;
});

const subscribe = async (body: object = {}, key?: string) =>
  platform.call('POST', 'subscriptions', { body: { url: receiver.url, ...body }, ...(key ? { key } : {}) });
const idOf = (answer: { body: { subscriptionId?: unknown } }) => String(answer.body.subscriptionId);

test('a trip that is declared reaches its subscriber, signed with the secret that was shown once', async () => {
  const answer = await subscribe({ types: ['trip.declared'] });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({ state: 'active', types: ['trip.declared'], offices: [] });
  expect(answer.body.secret).toMatch(/^whsec_/);
  const { tripId } = await addTrip(platform);
  await webhooks.settled();
  const [got] = receiver.received;
  new Webhook(answer.body.secret).verify(got!.body, got!.headers);
  expect(got!.event).toMatchObject({ type: 'trip.declared', data: { tripId, status: 'in-transit' } });
  const shown = await platform.call('GET', `subscriptions/${idOf(answer)}`);
  const list = await platform.call('GET', 'subscriptions');
  expect(shown.text + list.text).not.toContain('whsec_');
  const { body } = await platform.call('GET', `subscriptions/${idOf(answer)}/deliveries`);
  expect(body.items).toEqual([
    expect.objectContaining({ type: 'trip.declared', tripId, state: 'delivered', attempts: 1 }),
  ]);
});

test('what reached nobody is listed and can be sent again; waiting ones are left as they are', async () => {
  const answer = await subscribe({ types: ['trip.closed'] });
  receiver.answer = () => 410;
  await announce(platform.pool, { type: 'trip.closed', data: { n: 1 } });
  await webhooks.settled();
  const base = `subscriptions/${idOf(answer)}`;
  expect((await platform.call('GET', base)).body).toMatchObject({ state: 'disabled' });
  const { body } = await platform.call('GET', `${base}/deliveries?state=dead`);
  const url = `${base}/deliveries/${String(body.items[0]!.deliveryId)}/redeliver`;
  expect((await platform.call('POST', url)).body.code).toBe('subscription.disabled');
  expect((await platform.call('POST', `${base}/enable`)).body).toMatchObject({ state: 'active' });
  receiver.answer = () => 204;
  expect((await platform.call('POST', url)).status).toBe(202);
  await webhooks.settled();
  expect(receiver.received.map((r) => r.headers['webhook-id'])).toEqual([
    body.items[0]!.eventId,
    body.items[0]!.eventId,
  ]);
  expect((await platform.call('GET', `${base}/deliveries`)).body.items[0]).toMatchObject({ state: 'delivered' });
  expect((await platform.call('POST', `${base}/deliveries/nothing/redeliver`)).status).toBe(404);
});

test('a rotation shows the new secret and says until when the old one signs', async () => {
  const first = await subscribe({ types: ['trip.hung'] });
  const second = await platform.call('POST', `subscriptions/${idOf(first)}/rotate`);
  expect(second.body.secret).not.toBe(first.body.secret);
  expect(Date.parse(String(second.body.previousUntil))).toBeGreaterThan(Date.now());
  await announce(platform.pool, { type: 'trip.hung', data: {} });
  await webhooks.settled();
  for (const { secret } of [first.body, second.body]) {
    new Webhook(secret).verify(receiver.received[0]!.body, receiver.received[0]!.headers);
  }
});

test('who is bound to an office hears of its trips alone, and of no other subscription', async () => {
  const [mine, other] = [await platform.key('supervisor', ['2921']), await platform.key('supervisor', ['9999'])];
  const types = ['trip.declared', 'passage.decided', 'lock.low-battery'];
  const own = await subscribe({ types }, mine);
  expect(own.body.offices).toEqual(['2921']);
  const foreign = await subscribe({ types }, other);
  const destination = await subscribe({ types, office: '3104' });
  expect((await subscribe({ types, office: '2921' }, other)).body.code).toBe('office.not-yours');

  const { tripId } = await addTrip(platform);
  await announce(platform.pool, { type: 'passage.decided', data: { gateId: 'daxie-1' } });
  await announce(platform.pool, { type: 'lock.low-battery', data: { lockId: 'JT70100001' } });
  await webhooks.settled();
  const typesOf = async (answer: typeof own) =>
    (await platform.call('GET', `subscriptions/${idOf(answer)}/deliveries`)).body.items.map((d) => d.type);
  expect(await typesOf(own)).toEqual(['trip.declared']);
  expect(await typesOf(foreign)).toEqual([]);
  expect(await typesOf(destination)).toEqual(['passage.decided', 'trip.declared']);
  expect(receiver.received.some(({ event }) => event.subject === `trips/${tripId}`)).toBe(true);

  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/rotate'],
    ['POST', '/enable'],
    ['GET', '/deliveries'],
  ] as const) {
    expect((await platform.call(method, `subscriptions/${idOf(own)}${path}`, { key: other })).status).toBe(404);
  }
  const seen = await platform.call('GET', 'subscriptions', { key: other });
  expect(seen.body.items.map((item) => item.subscriptionId)).toEqual([idOf(foreign)]);
});

test('a URL that must not be called is refused with its field, and so is an unknown type', async () => {
  for (const url of ['http://10.0.0.1/', 'https://169.254.169.254/', 'https://[::1]/', 'gopher://x/', 'nonsense']) {
    const { status, body } = await subscribe({ url });
    expect([status, body.code, body.errors[0]?.path]).toEqual([422, 'subscription.url', 'url']);
  }
  const { status, body } = await subscribe({ types: ['trip.exploded'] });
  expect([status, body.errors[0]?.path]).toEqual([422, 'types[0]']);
});

test('a subscription that is deleted is told nothing more and leaves nothing behind', async () => {
  const answer = await subscribe({ types: ['trip.released'] });
  await announce(platform.pool, { type: 'trip.released', data: {} });
  await webhooks.settled();
  expect((await platform.call('DELETE', `subscriptions/${idOf(answer)}`)).status).toBe(204);
  await announce(platform.pool, { type: 'trip.released', data: {} });
  await webhooks.settled();
  expect(receiver.received).toHaveLength(1);
  expect((await platform.call('GET', `subscriptions/${idOf(answer)}`)).status).toBe(404);
});

test('every act on a subscription is in the audit, without secrets', async () => {
  const answer = await subscribe();
  await platform.call('POST', `subscriptions/${idOf(answer)}/rotate`);
  const { rows } = await platform.pool.query('SELECT action, after FROM audit WHERE subject = $1 ORDER BY audit_id', [
    `subscription:${idOf(answer)}`,
  ]);
  expect(rows.map((row) => row.action)).toEqual(['subscription.create', 'subscription.rotate']);
  expect(JSON.stringify(rows)).not.toContain('whsec_');
});

test.each(['viewer', 'operator', 'gate'] as const)('the role %s may not subscribe', async (role) => {
  expect((await subscribe({}, await platform.key(role))).status).toBe(403);
});

test('the AsyncAPI document is served beside the OpenAPI one', async () => {
  for (const url of ['/asyncapi.json', '/api/v1/asyncapi.json']) {
    const { status, body } = await platform.call('GET', url, { key: null });
    expect([status, body.asyncapi]).toEqual([200, '3.0.0']);
  }
});
