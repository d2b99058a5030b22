import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inTransaction } from '../../src/postgres/queryable.ts';
import { secretBox } from '../../src/secret-box.ts';
import { type DeliveryRow, forgetOldEvents, listDeliveries, redeliver } from '../../src/store/webhooks/deliveries.ts';
import { announce } from '../../src/store/webhooks/outbox.ts';
import { getSubscription, insertSubscription, rotateSecret } from '../../src/store/webhooks/subscriptions.ts';
import { addressRule } from '../../src/webhooks/address.ts';
import { newWebhookSecret } from '../../src/webhooks/envelope.ts';
import { WAITS_MS } from '../../src/webhooks/schedule.ts';
import { startWebhooks, type Webhooks, type WebhooksDeps } from '../../src/webhooks/webhooks.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { type Receiver, startReceiver } from './receiver.ts';

let database: TestDatabase;
let receiver: Receiver;
let nowMs: number;
const secrets = secretBox(randomBytes(32));
const log = { ...testLog, info: () => undefined, warn: () => undefined };
const running: Webhooks[] = [];

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());
beforeEach(async () => {
  nowMs = Date.now();
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const webhooks of running.splice(0)) await webhooks.stop();
  await receiver.close();
  await database.pool.query('DELETE FROM deliveries; DELETE FROM subscriptions; DELETE FROM outbox');
});

function start(more: Partial<WebhooksDeps> = {}): Webhooks {
  const rule = addressRule(['127.0.0.0/8']);
  const deps = { pool: database.pool, log, secrets, rule, everyMs: 0, nowMs: () => nowMs, random: () => 0, ...more };
  const webhooks = startWebhooks(deps as WebhooksDeps);
  running.push(webhooks);
  return webhooks;
}

async function subscribe(more: { types?: string[]; offices?: string[] | null; url?: string } = {}) {
  const secret = newWebhookSecret();
  const { types = [], offices = null, url = receiver.url } = more;
  const row = await insertSubscription(database.pool, {
    url,
    types,
    offices,
    secret: secrets.seal(secret),
    by: 'test',
  });
  return { id: row.subscription_id, secret };
}

let serial = 0;
const happen = (tripId?: string, type: 'trip.sealed' | 'alarm.raised' = 'trip.sealed') =>
  announce(database.pool, { type, tripId, data: { n: ++serial } });
const deliveries = (subscriptionId: string): Promise<DeliveryRow[]> =>
  listDeliveries(database.pool, { subscriptionId, limit: 500 });
const told = () => receiver.received.map(({ event }) => event.data.n);

describe('an event that is told', () => {
  test('is a CloudEvent whose signature the standard’s own verifier accepts, with its secret alone', async () => {
    const { secret } = await subscribe();
    const tripId = randomUUID();
    await happen(tripId);
    await start().settled();
    const [got] = receiver.received;
    expect(new Webhook(secret).verify(got!.body, got!.headers)).toMatchObject({
      specversion: '1.0',
      type: 'trip.sealed',
      source: 'urn:sealwatch:platform',
      subject: `trips/${tripId}`,
      datacontenttype: 'application/json',
    });
    expect(got!.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
    expect(got!.headers['webhook-id']).toBe(got!.event.id);
    expect(() => new Webhook(newWebhookSecret()).verify(got!.body, got!.headers)).toThrow();
    expect(() => new Webhook(secret).verify(got!.body.replace('trip.sealed', 'trip.closed'), got!.headers)).toThrow();
  });

  test('goes to those who asked for its type, once each', async () => {
    const all = await subscribe();
    const alarms = await subscribe({ types: ['alarm.raised'] });
    await happen();
    await happen(undefined, 'alarm.raised');
    const webhooks = start();
    await webhooks.settled();
    await webhooks.settled();
    expect((await deliveries(all.id)).map((d) => d.state)).toEqual(['delivered', 'delivered']);
    expect((await deliveries(alarms.id)).map((d) => d.type)).toEqual(['alarm.raised']);
    expect(receiver.received).toHaveLength(3);
  });

  test('is told of a transaction that committed, and not of one that was rolled back', async () => {
    await subscribe();
    await inTransaction(database.pool, async (db) => {
      await announce(db, { type: 'trip.sealed', data: { n: 'undone' } });
      throw new Error('undo');
    }).catch(() => undefined);
    await happen();
    await start().settled();
    expect(told()).toEqual([serial]);
  });

  test('is under 20 kB: a larger one names what it is about and says that it is shortened', async () => {
    const { secret } = await subscribe();
    await announce(database.pool, {
      type: 'alarm.raised',
      data: { alarmId: 'a-1', rule: 'route.deviation', evidence: { excursions: 'x'.repeat(30_000) } },
    });
    await start().settled();
    const [got] = receiver.received;
    expect(Buffer.byteLength(got!.body)).toBeLessThan(20_000);
    expect(got!.event.data).toEqual({ alarmId: 'a-1', rule: 'route.deviation', shortened: true });
    new Webhook(secret).verify(got!.body, got!.headers);
  });
});

describe('order', () => {
  test('of one trip is kept: what comes later waits until what came before is through; other trips go on', async () => {
    const { id } = await subscribe();
    const [slow, quick] = [randomUUID(), randomUUID()];
    await happen(slow);
    const first = serial;
    await happen(slow);
    await happen(slow);
    await happen(quick);
    receiver.answer = ({ event }) => (event.data.n === first ? 500 : 204);
    const webhooks = start();
    await webhooks.settled();
    expect(told()).toEqual(expect.arrayContaining([first, first + 3]));
    expect(receiver.received).toHaveLength(2);
    receiver.answer = () => 204;
    nowMs += WAITS_MS[1]!;
    await webhooks.settled();
    expect(told().filter((n) => n !== first + 3)).toEqual([first, first, first + 1, first + 2]);
    expect(new Set((await deliveries(id)).map((d) => d.state))).toEqual(new Set(['delivered']));
  });

  test('of one trip holds with two platforms on one database', async () => {
    await subscribe();
    const trips = Array.from({ length: 5 }, () => randomUUID());
    for (let i = 0; i < 8; i++) for (const trip of trips) await happen(trip);
    const [one, two] = [start(), start()];
    await Promise.all([one.settled(), two.settled()]);
    await Promise.all([one.settled(), two.settled()]);
    expect(receiver.received).toHaveLength(40);
    for (const trip of trips) {
      const seen = receiver.received
        .filter(({ event }) => event.subject === `trips/${trip}`)
        .map((r) => r.event.data.n);
      expect(seen).toEqual([...seen].sort((a, b) => Number(a) - Number(b)));
    }
  });
});

describe('a subscriber that fails', () => {
  test('is tried again by the standard’s schedule, under one webhook-id, and then the event is dead', async () => {
    const { id } = await subscribe();
    await happen();
    receiver.answer = () => 500;
    const webhooks = start();
    await webhooks.settled();
    for (const [i, wait] of WAITS_MS.entries()) {
      if (i === 0) continue;
      nowMs += wait - 1;
      await webhooks.settled();
      expect(receiver.received).toHaveLength(i);
      nowMs += 1;
      await webhooks.settled();
      expect(receiver.received).toHaveLength(i + 1);
    }
    expect(new Set(receiver.received.map((r) => r.headers['webhook-id'])).size).toBe(1);
    const [dead] = await deliveries(id);
    expect(dead).toMatchObject({ state: 'dead', attempts: 10, last_status: 500, last_error: 'answered 500' });
  });

  test('lets what comes after go on once the event is dead; by hand it is sent again, out of its order', async () => {
    const { id } = await subscribe();
    const trip = randomUUID();
    await happen(trip);
    const lost = serial;
    await happen(trip);
    receiver.answer = ({ event }) => (event.data.n === lost ? 500 : 204);
    const webhooks = start();
    await webhooks.settled();
    for (const wait of WAITS_MS) {
      nowMs += wait;
      await webhooks.settled();
    }
    expect(told().at(-1)).toBe(lost + 1);
    const dead = (await deliveries(id)).find((d) => d.state === 'dead')!;
    receiver.answer = () => 200;
    await redeliver(database.pool, { subscriptionId: id, deliveryId: dead.delivery_id }, new Date(nowMs));
    await webhooks.settled();
    expect(told().at(-1)).toBe(lost);
    expect(receiver.received.at(-1)!.headers['webhook-id']).toBe(dead.event_id);
    expect((await deliveries(id)).map((d) => d.state)).toEqual(['delivered', 'delivered']);
  });

  test('that redirects is not followed', async () => {
    const { id } = await subscribe();
    await happen();
    receiver.answer = () => 307;
    await start().settled();
    expect(receiver.received.map((r) => r.path)).toEqual(['/hook']);
    expect((await deliveries(id))[0]).toMatchObject({ state: 'waiting', last_status: 307 });
  });

  test('that does not answer is given up after the time limit and tried again', async () => {
    const { id } = await subscribe();
    await happen();
    receiver.answer = () => 'hang';
    await start({ timeoutMs: 50 }).settled();
    expect((await deliveries(id))[0]).toMatchObject({ state: 'waiting', attempts: 1, last_error: 'timeout' });
  });

  test('that answers 410 is disabled: what waits is dead and nothing more is sent', async () => {
    const { id } = await subscribe();
    const trip = randomUUID();
    await happen(trip);
    await happen(trip);
    receiver.answer = () => 410;
    const webhooks = start();
    await webhooks.settled();
    await happen(trip);
    await webhooks.settled();
    expect(receiver.received).toHaveLength(1);
    expect((await getSubscription(database.pool, id, null))!.disabled_reason).toMatch(/410/);
    const audited = await database.pool.query(
      `SELECT actor, subject, after FROM audit WHERE action = 'subscription.disable'`,
    );
    expect(audited.rows).toEqual([
      {
        actor: 'platform',
        subject: `subscription:${id}`,
        after: { state: 'disabled', reason: expect.stringContaining('410') },
      },
    ]);
    expect((await deliveries(id)).map((d) => d.state)).toEqual(['dead', 'dead']);
  });
});

describe('a platform that dies', () => {
  test('between sending and marking sends again under the same webhook-id', async () => {
    const { id } = await subscribe();
    await happen();
    const lease = startWebhooks({
      ...{ log, secrets, rule: addressRule(['127.0.0.0/8']), everyMs: 0, nowMs: () => nowMs },
      pool: new Proxy(database.pool, {
        get: (pool, name) => {
          if (name !== 'query') return Reflect.get(pool, name).bind?.(pool) ?? Reflect.get(pool, name);
          return (text: string, values: unknown[]) =>
            text.includes("SET state = 'delivered'") ? Promise.reject(new Error('killed')) : pool.query(text, values);
        },
      }),
      log: { ...log, error: () => undefined },
    });
    running.push(lease);
    await lease.settled();
    expect(receiver.received).toHaveLength(1);
    expect((await deliveries(id))[0]!.state).toBe('waiting');

    const next = start();
    await next.settled();
    expect(receiver.received).toHaveLength(1);
    nowMs += 60_000;
    await next.settled();
    expect(receiver.received).toHaveLength(2);
    expect(receiver.received[1]!.headers['webhook-id']).toBe(receiver.received[0]!.headers['webhook-id']);
    expect((await deliveries(id))[0]).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  test('in order hands back what it was sending, and the next one sends it at once', async () => {
    const { id } = await subscribe();
    await happen();
    receiver.answer = () => 'hang';
    const first = start();
    first.wake();
    await expect.poll(() => receiver.received.length).toBe(1);
    await first.stop();
    expect((await deliveries(id))[0]).toMatchObject({ state: 'waiting', attempts: 0 });
    receiver.answer = () => 204;
    await start().settled();
    expect((await deliveries(id))[0]).toMatchObject({ state: 'delivered', attempts: 1 });
  });
});

describe('a secret', () => {
  test('that was changed signs beside the new one until the day is over, then no more', async () => {
    const { id, secret: old } = await subscribe();
    const fresh = newWebhookSecret();
    await rotateSecret(database.pool, id, secrets.seal(fresh), new Date(nowMs + 3_600_000));
    await happen();
    const webhooks = start();
    await webhooks.settled();
    const [during] = receiver.received;
    expect(during!.headers['webhook-signature']!.split(' ')).toHaveLength(2);
    for (const secret of [old, fresh]) new Webhook(secret).verify(during!.body, during!.headers);

    await rotateSecret(database.pool, id, secrets.seal(fresh), new Date(nowMs - 1));
    await happen();
    await webhooks.settled();
    const after = receiver.received[1]!;
    expect(after.headers['webhook-signature']!.split(' ')).toHaveLength(1);
    new Webhook(fresh).verify(after.body, after.headers);
    expect(() => new Webhook(old).verify(after.body, after.headers)).toThrow();
  });

  test('is nowhere in the database, and another platform’s key does not open it', async () => {
    const { id, secret } = await subscribe();
    const { rows } = await database.pool.query('SELECT s::text AS row FROM subscriptions s');
    const bare = secret.slice('whsec_'.length);
    expect(rows[0].row).not.toContain(bare);
    expect(rows[0].row).not.toContain(Buffer.from(bare, 'base64').toString('hex'));
    expect(rows[0].row).not.toContain(Buffer.from(secret).toString('hex'));
    await happen();
    await start({ secrets: secretBox(randomBytes(32)) }).settled();
    expect(receiver.received).toHaveLength(0);
    expect((await deliveries(id))[0]!.last_error).toMatch(/rotate/);
  });
});

describe('an address that is not public', () => {
  test('is not called unless the settings allow it, also behind a name', async () => {
    const { id } = await subscribe({ url: `https://inside.example:${new URL(receiver.url).port}/hook` });
    await happen();
    await start({ rule: addressRule([]), resolve: async () => ['127.0.0.1'] }).settled();
    expect(receiver.received).toHaveLength(0);
    expect((await deliveries(id))[0]!.last_error).toMatch(/127\.0\.0\.1 is not a public address/);
  });

  test('spoils a name that also has public ones, and a name without TLS is called in allowed networks only', async () => {
    const port = new URL(receiver.url).port;
    const mixed = await subscribe({ url: `https://mixed.example:${port}/hook` });
    const open = await subscribe({ url: `http://open.example:${port}/hook` });
    await happen();
    const addresses: Record<string, string[]> = {
      'mixed.example': ['8.8.8.8', '10.0.0.1'],
      'open.example': ['8.8.8.8'],
    };
    await start({ resolve: async (host) => addresses[host] ?? [] }).settled();
    expect((await deliveries(mixed.id))[0]!.last_error).toMatch(/10\.0\.0\.1/);
    expect((await deliveries(open.id))[0]!.last_error).toMatch(/https only/);
  });

  test('that was checked is the one that is called, whatever the name says afterwards', async () => {
    await subscribe({ url: `http://changing.example:${new URL(receiver.url).port}/hook` });
    await happen();
    let asked = 0;
    await start({ resolve: async () => (++asked === 1 ? ['127.0.0.1'] : ['10.0.0.1']) }).settled();
    expect(asked).toBe(1);
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]!.headers.host).toMatch(/^changing\.example:/);
  });
});

test('old events are let go of once nobody waits for them', async () => {
  const { id } = await subscribe();
  await happen();
  const webhooks = start();
  await webhooks.settled();
  receiver.answer = () => 500;
  await happen();
  await webhooks.settled();
  const count = async () => (await database.pool.query('SELECT count(*)::int AS n FROM outbox')).rows[0].n;
  await forgetOldEvents(database.pool, new Date(nowMs + 29 * 86_400_000), 100);
  expect(await count()).toBe(2);
  await forgetOldEvents(database.pool, new Date(nowMs + 31 * 86_400_000), 100);
  expect((await deliveries(id)).map((d) => d.state)).toEqual(['waiting']);
  expect(await count()).toBe(1);
});
