import { randomUUID } from 'node:crypto';
import { containerRemainder, type Trip } from '@sealwatch/schemas';
import type { MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { EVENT_TYPES } from '../ingest/src/store/outbox.ts';
import { type Received, type Receiver, startReceiver, verify } from '../ingest/test/outbox/receiver.ts';
import { type Platform, startPlatform } from './platform.ts';

const LOCK = 'JT70108001';
const PLATE = '浙G80001';
const BOX = `TSTU080001${containerRemainder('TSTU080001') % 10}`;

let platform: Platform;
let receiver: Receiver;
let lock: MqttClient;
let seq = 0;
let declared = 0;

const call = async <T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> => {
  const answer = await platform.call<T>(method, path, body);
  expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  return answer.body;
};

/** A record of the lock, its fix time so many seconds from now. */
async function report([lon, lat]: [number, number], inS = 0, more: { mode?: string; percent?: number } = {}) {
  seq += 1;
  const record = {
    v: 1,
    boot: 1,
    seq,
    time: new Date(Date.now() + inS * 1_000).toISOString(),
    mode: more.mode ?? 'sealed',
    position: { lon, lat, accuracyM: 5, speedKmh: 70, headingDeg: 80, source: 'gnss' },
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 7 },
    battery: { percent: more.percent ?? 80, charging: false },
  };
  await lock.publishAsync(`locks/${LOCK}/report`, JSON.stringify(record), { qos: 1 });
}

/** Straight east for 3 km, some 90 s for a truck in a hurry. */
const LENGTH_DEG = 0.031;
const at = (share: number): [number, number] => [120 + share * LENGTH_DEG, 29.3];
/** Some 400 m beside the road. */
const beside = ([lon, lat]: [number, number]): [number, number] => [lon, lat + 0.0036];

/** The lock does what it is told and says so. */
async function obey(): Promise<void> {
  lock.on('message', (_topic, payload) => {
    const { commandId } = JSON.parse(payload.toString()) as { commandId: string };
    const reply = { v: 1, commandId, result: 'done', time: new Date().toISOString() };
    lock.publish(`locks/${LOCK}/reply`, JSON.stringify(reply), { qos: 1 });
  });
  await lock.subscribeAsync(`locks/${LOCK}/command`, { qos: 1 });
}

const declare = (lockId: string) =>
  call<Trip>('POST', '/trips', {
    declarationNo: `292120260${String(++declared).padStart(9, '0')}`,
    mode: 'road',
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'yiwu-beilun',
    vehicle: { tractorPlate: PLATE },
    units: [{ containerNo: BOX, lockId }],
  });

const got = (type: string, rule?: string): Received | undefined =>
  receiver.received.find(({ event }) => event.type === type && (rule === undefined || event.data.rule === rule));
const hears = (type: string, rule?: string) =>
  vi.waitFor(() => expect(got(type, rule), `${type} was not told`).toBeDefined(), { timeout: 180_000, interval: 100 });

beforeAll(async () => {
  platform = await startPlatform({
    SEALWATCH_WEBHOOK_NETWORKS: '127.0.0.0/8',
    SEALWATCH_REMIND_AFTER_S: '1',
    SEALWATCH_ESCALATE_AFTER_S: '2',
  });
  receiver = await startReceiver();
  const ends = {
    origin: { name: '义乌', center: at(0), radiusM: 300 },
    destination: { name: '大榭', center: at(1), radiusM: 300 },
  };
  await call('PUT', '/routes/yiwu-beilun', {
    type: 'Feature',
    geometry: { type: 'LineString', coordinates: [at(0), at(0.5), at(1)] },
    properties: { name: '义乌—北仑', halfWidthM: 80, ...ends },
  });
  const [lon, lat] = at(1);
  const corner = (x: number, y: number) => [lon + x * 0.004, lat + y * 0.004];
  await call('PUT', '/places/daxie', {
    type: 'Feature',
    properties: { name: '大榭卡口', kind: 'gate', office: '3104' },
    geometry: {
      type: 'Polygon',
      coordinates: [[corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1), corner(-1, -1)]],
    },
  });
  const { secret } = await call<{ secret: string }>('POST', '/locks', { lockId: LOCK, model: 'JT701D' });
  lock = await platform.connectLock(LOCK, secret);
  await obey();
});

afterAll(async () => {
  await platform?.stop();
  await receiver?.close();
});

it('tells a subscriber the whole story of a trip: every type of event, signed, in the order in which it happened', async () => {
  const refused = await platform.call('POST', '/subscriptions', { url: 'http://10.0.0.1/hook' });
  expect(refused.status).toBe(422);
  const { secret } = await call<{ secret: string }>('POST', '/subscriptions', { url: receiver.url });

  const { tripId } = await declare(LOCK);
  await call('POST', `/trips/${tripId}/release`);
  await report(at(0), 0, { mode: 'awake' });
  await call('POST', `/trips/${tripId}/hang`, {});
  await report(at(0));
  await call('POST', `/trips/${tripId}/seal`, {});
  await report(at(0), 1);
  await report(at(0.3), 30);
  await report(beside(at(0.4)), 50);
  await report(beside(at(0.42)), 56);
  await hears('alarm.escalated');
  const alarmId = String(got('alarm.raised', 'route.deviation')?.event.data.alarmId);
  await call('POST', `/alarms/${alarmId}/acknowledge`, {});
  await report(at(0.6), 80, { percent: 25 });
  await call('POST', `/alarms/${alarmId}/dispose`, { text: 'fuel station' });
  await report(at(0.95), 115);
  await report(at(1), 130);
  await hears('trip.arrived');
  const passage = await call('POST', '/gates/daxie/passages', {
    passageId: randomUUID(),
    direction: 'in',
    at: new Date().toISOString(),
    plate: { text: PLATE, confident: true },
    containers: [{ no: BOX, confident: true }],
    lockIds: [LOCK],
  });
  expect(passage).toMatchObject({ verdict: 'release', writtenOff: true });
  await hears('trip.closed');
  const second = await declare(LOCK);
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
