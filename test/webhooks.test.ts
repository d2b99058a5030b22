import type { Trip } from '@sealwatch/schemas';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { EVENT_TYPES } from '../ingest/src/store/webhooks/outbox.ts';
import { type Received, type Receiver, startReceiver, verify } from '../ingest/test/webhooks/receiver.ts';
import { addPeople, type Platform, signIn, startPlatform } from './platform.ts';
import { ask, at, beside, layRoad, startTruck, type Truck } from './truck.ts';

let platform: Platform;
let receiver: Receiver;
let truck: Truck;

const call = <T = Record<string, unknown>>(method: string, path: string, body?: unknown) =>
  ask<T>(platform, method, path, body);
const declare = () => call<Trip>('POST', '/trips', truck.declaration());

const got = (type: string, rule?: string): Received | undefined =>
  receiver.received.find(({ event }) => event.type === type && (rule === undefined || event.data.rule === rule));
const hears = (type: string, rule?: string) =>
  vi.waitFor(() => expect(got(type, rule), `${type} was not told`).toBeDefined(), { timeout: 180_000, interval: 100 });

/** A critical alarm is disposed of by somebody signed in. */
async function disposeAsPerson(alarmId: string): Promise<void> {
  const who = { name: 'Wang Fang', password: 'correct horse battery' };
  await addPeople(platform.app.http, [{ ...who, role: 'operator' }]);
  const post = (path: string, body: object, cookie = '') =>
    fetch(`${platform.app.http}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie },
      body: JSON.stringify(body),
    });
  const cookie = await signIn(platform.app.http, who.name, who.password);
  expect((await post(`/alarms/${alarmId}/dispose`, { text: 'fuel station' }, cookie)).status).toBe(200);
}

beforeAll(async () => {
  platform = await startPlatform({
    SEALWATCH_WEBHOOK_NETWORKS: '127.0.0.0/8',
    SEALWATCH_REMIND_AFTER_S: '1',
    SEALWATCH_ESCALATE_AFTER_S: '2',
  });
  receiver = await startReceiver();
  await layRoad(platform);
  truck = await startTruck(platform, 8001);
});

afterAll(async () => {
  await platform?.stop();
  await receiver?.close();
});

it('tells a subscriber the whole story of a trip: every type of event, signed, in the order in which it happened', async () => {
  const refused = await platform.call('POST', '/subscriptions', { url: 'http://10.0.0.1/hook' });
  expect(refused.status).toBe(422);
  const { secret } = await call<{ secret: string }>('POST', '/subscriptions', { url: receiver.url });

  const { tripId } = await declare();
  await call('POST', `/trips/${tripId}/release`);
  await truck.report(at(0), 0, { mode: 'awake' });
  await call('POST', `/trips/${tripId}/hang`, {});
  await truck.report(at(0));
  await call('POST', `/trips/${tripId}/seal`, {});
  await truck.report(at(0), 1);
  await truck.report(at(0.3), 30);
  await truck.report(beside(at(0.4)), 50);
  await truck.report(beside(at(0.42)), 56);
  await hears('alarm.escalated');
  const alarmId = String(got('alarm.raised', 'route.deviation')?.event.data.alarmId);
  await call('POST', `/alarms/${alarmId}/acknowledge`, {});
  await truck.report(at(0.6), 80, { percent: 25 });
  await disposeAsPerson(alarmId);
  await truck.report(at(0.95), 115);
  await truck.report(at(1), 130);
  await hears('trip.arrived');
  const question = truck.passage();
  const passage = await call('POST', '/gates/daxie/passages', question);
  expect(passage).toMatchObject({ verdict: 'release', writtenOff: true });
  await hears('trip.closed');
  const other = { ...question, plate: { text: '浙G99999', confident: true } };
  expect((await platform.call('POST', '/gates/daxie/passages', other)).status).toBe(409);
  await hears('passage.reused');
  const second = await declare();
  await call('POST', `/trips/${second.tripId}/cancel`, { reason: 'loaded by mistake' });
  await hears('trip.cancelled');

  for (const received of receiver.received) {
    verify(received, secret);
    const { event, body, headers } = received;
    expect(event).toMatchObject({ specversion: '1.0', source: 'urn:sealwatch:platform', id: headers['webhook-id'] });
    expect(headers['content-type']).toContain('application/cloudevents+json');
    expect(Buffer.byteLength(body)).toBeLessThan(20_000);
  }
  expect([...new Set(receiver.received.map(({ event }) => event.type))].sort()).toEqual([...EVENT_TYPES].sort());
  const story = receiver.received.filter(({ event }) => event.subject === `trips/${tripId}`).map(({ event }) => event);
  expect(story.map(({ type }) => type).filter((type) => type.startsWith('trip.'))).toEqual([
    'trip.declared',
    'trip.released',
    'trip.hung',
    'trip.sealed',
    'trip.departed',
    'trip.arrived',
    'trip.verified',
    'trip.written-off',
    'trip.unlocked',
    'trip.closed',
  ]);
  const ofAlarm = story.filter(({ data }) => data.alarmId === alarmId).map(({ type }) => type);
  expect(ofAlarm).toEqual([
    'alarm.raised',
    'alarm.reminded',
    'alarm.escalated',
    'alarm.acknowledged',
    'alarm.disposed',
  ]);
});
