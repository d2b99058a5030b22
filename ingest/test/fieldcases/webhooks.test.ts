import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Logger } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { secretBox } from '../../src/secret-box.ts';
import { type DeliveryRow, listDeliveries, redeliver } from '../../src/store/webhooks/deliveries.ts';
import { announce, type EventType } from '../../src/store/webhooks/outbox.ts';
import { insertSubscription } from '../../src/store/webhooks/subscriptions.ts';
import { addressRule } from '../../src/webhooks/address.ts';
import { newWebhookSecret } from '../../src/webhooks/envelope.ts';
import { retryAfterMs, WAITS_MS } from '../../src/webhooks/schedule.ts';
import { startWebhooks, type Webhooks } from '../../src/webhooks/webhooks.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { type Answered, type Receiver, startReceiver } from '../webhooks/receiver.ts';

let database: TestDatabase;
let receiver: Receiver;
let nowMs: number;
let subscriptionId: string;
let running: Webhooks | undefined;
const secrets = secretBox(randomBytes(32));
const log = { ...testLog, info: () => undefined, warn: () => undefined } as unknown as Pick<
  Logger,
  'info' | 'warn' | 'error'
>;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());
beforeEach(async () => {
  nowMs = Date.now();
  receiver = await startReceiver();
  const secret = secrets.seal(newWebhookSecret());
  const row = await insertSubscription(database.pool, {
    url: receiver.url,
    types: [],
    offices: null,
    secret,
    by: 'test',
  });
  subscriptionId = row.subscription_id;
});
afterEach(async () => {
  await stop();
  await receiver.close();
  await database.pool.query('DELETE FROM deliveries; DELETE FROM subscriptions; DELETE FROM outbox');
});

function start(timeoutMs = 60_000): Webhooks {
  const rule = addressRule(['127.0.0.0/8']);
  const { pool } = database;
  running = startWebhooks({
    pool,
    log,
    secrets,
    rule,
    everyMs: 0,
    timeoutMs,
    nowMs: () => nowMs,
    random: () => 0,
  });
  return running;
}

async function stop(): Promise<void> {
  await running?.stop();
  running = undefined;
}

let serial = 0;
async function happen(type: EventType, tripId: string): Promise<number> {
  const n = ++serial;
  await announce(database.pool, { type, tripId, data: { n } });
  return n;
}
const deliveries = (): Promise<DeliveryRow[]> => listDeliveries(database.pool, { subscriptionId, limit: 500 });
const sentTypes = () => receiver.received.map(({ event }) => event.type);

// 6.3, after prisma/prisma1#363 and xataio/pgstream PR #1080.
describe('an answer', () => {
  test.each<[string, Answered]>([
    ['holds its body open after a half', { status: 200, body: 'held' }],
    ['has a body without end', { status: 200, body: 'endless' }],
    ['breaks off in its body', { status: 200, body: 'broken' }],
  ])('that %s is an answer by its status: the event is delivered, once', async (_what, answer) => {
    receiver.answer = () => answer;
    await happen('trip.departed', randomUUID());
    const webhooks = start();
    await webhooks.settled();
    nowMs += 24 * 3_600_000;
    await webhooks.settled();
    expect((await deliveries()).map(({ state, last_status }) => [state, last_status])).toEqual([['delivered', 200]]);
    expect(receiver.received).toHaveLength(1);
  });

  test.each([
    ['429 with seconds', 429, () => '1800'],
    ['503 with a date', 503, () => new Date(nowMs + 1_800_000).toUTCString()],
  ])('of %s in Retry-After is followed by the next attempt at that time', async (_what, status, retryAfter) => {
    receiver.answer = () => ({ status, headers: { 'retry-after': retryAfter() } });
    await happen('trip.departed', randomUUID());
    const webhooks = start();
    await webhooks.settled();
    nowMs += 1_790_000;
    await webhooks.settled();
    expect(receiver.received).toHaveLength(1);
    nowMs += 12_000;
    await webhooks.settled();
    expect(receiver.received).toHaveLength(2);
  });

  test('asks for at most an hour, and for nothing if its Retry-After cannot be read or its status has none', () => {
    const at = Date.parse('2026-11-21T00:00:00.000Z');
    expect(retryAfterMs(429, '999999999', at)).toBe(3_600_000);
    expect(retryAfterMs(503, 'Fri, 20 Nov 2026 00:00:00 GMT', at)).toBe(0);
    expect(retryAfterMs(503, 'soon', at)).toBeUndefined();
    expect(retryAfterMs(500, '60', at)).toBeUndefined();
  });

  test.each([400, 401, 404, 413, 422])(
    'of %i is final: the event is dead, with its reason, and can be sent again by hand',
    async (status) => {
      receiver.answer = () => status;
      await happen('trip.departed', randomUUID());
      const webhooks = start();
      await webhooks.settled();
      const [dead] = await deliveries();
      expect([dead?.state, dead?.attempts, dead?.last_error]).toEqual(['dead', 1, `answered ${status}`]);
      receiver.answer = () => 204;
      await redeliver(database.pool, { subscriptionId, deliveryId: dead!.delivery_id }, new Date(nowMs));
      await webhooks.settled();
      expect((await deliveries())[0]?.state).toBe('delivered');
    },
  );

  test.each([408, 425, 429, 500, 503])('of %i is not: the event waits for its next attempt', async (status) => {
    receiver.answer = () => status;
    await happen('trip.departed', randomUUID());
    await start().settled();
    expect((await deliveries())[0]?.state).toBe('waiting');
  });
});

// 6.2, after getsentry/sentry PR #110215 (head-of-line blocking removed).
describe('a red alarm', () => {
  test('is sent at once behind an event of its trip that is answered 400', async () => {
    const tripId = randomUUID();
    receiver.answer = ({ event }) => (event.type === 'trip.departed' ? 400 : 204);
    await happen('trip.departed', tripId);
    await happen('alarm.raised', tripId);
    await start().settled();
    expect(sentTypes()).toEqual(['trip.departed', 'alarm.raised']);
  });

  test('overtakes events that keep failing; these keep their order, and are sent once the first of them is', async () => {
    const tripId = randomUUID();
    receiver.answer = ({ event }) => (event.type === 'trip.sealed' ? 500 : 204);
    await happen('trip.sealed', tripId);
    await happen('trip.departed', tripId);
    await happen('alarm.raised', tripId);
    const webhooks = start();
    await webhooks.settled();
    expect(sentTypes()).toEqual(['trip.sealed', 'alarm.raised']);
    receiver.answer = () => 204;
    nowMs += WAITS_MS[1]!;
    await webhooks.settled();
    expect(sentTypes()).toEqual(['trip.sealed', 'alarm.raised', 'trip.sealed', 'trip.departed']);
  });

  test('keeps its place behind what has not failed', async () => {
    const tripId = randomUUID();
    for (const type of ['trip.sealed', 'trip.departed', 'alarm.raised', 'alarm.escalated'] as const) {
      await happen(type, tripId);
    }
    await start().settled();
    expect(sentTypes()).toEqual(['trip.sealed', 'trip.departed', 'alarm.raised', 'alarm.escalated']);
  });

  const ANSWERS = [204, 200, 301, 400, 404, 408, 422, 425, 429, 500, 502, 503];
  const answered: fc.Arbitrary<Answered> = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Answered>(...ANSWERS) },
    { weight: 1, arbitrary: fc.constant<Answered>('hang') },
    {
      weight: 2,
      arbitrary: fc.record({
        status: fc.constantFrom(...ANSWERS),
        headers: fc.constantFrom({}, { 'retry-after': '86400' }),
        body: fc.constantFrom('held' as const, 'broken' as const),
      }),
    },
  );
  const BEFORE: EventType[] = ['trip.released', 'trip.hung', 'trip.sealed', 'trip.departed', 'passage.decided'];
  const EVENTS: fc.Arbitrary<{ type: EventType; answer: Answered }[]> = fc.array(
    fc.record({ type: fc.constantFrom<EventType>(...BEFORE, 'alarm.raised', 'alarm.reminded'), answer: answered }),
    { maxLength: 6 },
  );
  const statusOf = (answer: Answered) => (typeof answer === 'object' ? answer.status : answer);
  const isDelivered = (answer: Answered) => [200, 204].includes(Number(statusOf(answer)));

  test('arrives without any waiting for retries, whatever became of the events before it', {
    timeout: 240_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(EVENTS, async (before) => {
        const tripId = randomUUID();
        const answers = new Map<number, Answered>();
        for (const { type, answer } of before) answers.set(await happen(type, tripId), answer);
        const last = await happen('alarm.raised', tripId);
        receiver.received.length = 0;
        receiver.answer = ({ event }) => answers.get(Number(event.data.n)) ?? 204;
        await start(2_000).settled();
        const sent = receiver.received.map(({ event }) => Number(event.data.n));
        expect(sent.filter((n) => n === last)).toEqual([last]);
        const ordinary = [...answers].filter(([, answer]) => isDelivered(answer)).map(([n]) => n);
        const arrived = sent.filter((n) => ordinary.includes(n));
        expect(arrived).toEqual([...arrived].sort((a, b) => a - b));
        await stop();
        await database.pool.query('DELETE FROM deliveries; DELETE FROM outbox');
      }),
      { numRuns: 25 },
    );
  });
});
