import type { Alarm, Trip } from '@sealwatch/schemas';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Platform, startPlatform } from './platform.ts';
import { ask, at, box, GATE, layRoad, passageOf, plate, ROUTE } from './truck.ts';

/*
 * Cases of real locks through the public doors. Sources: traccar/traccar#5434 and #1396 (clocks at 1980 and 1999),
 * abarghoud/SentryGuard#210 (a fast clock), home-assistant/core#1270 (the place of a mast), mqttjs/MQTT.js#684 (one id twice).
 */
const LIMIT = { timeout: 180_000, interval: 50 };
const SHUT = { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 381 };
const CUT = { ...SHUT, rope: 'cut' };
const OPEN = { ...SHUT, rope: 'pulled', motor: 'unlocked' };
const HOUR = 3_600_000;

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
  await layRoad(platform);
  await ask(platform, 'PUT', '/places/origin-gate', {
    type: 'Feature',
    properties: { name: '义乌卡口', kind: 'gate', office: '2921' },
    geometry: {
      type: 'Polygon',
      coordinates: [
        [
          [119.99, 29.29],
          [120.01, 29.29],
          [120.01, 29.31],
          [119.99, 29.31],
          [119.99, 29.29],
        ],
      ],
    },
  });
});
afterAll(() => platform?.stop());

interface FieldLock {
  n: number;
  lockId: string;
  secret: string;
  client: MqttClient;
  say(record: object): Promise<unknown>;
}

const say = (client: MqttClient, lockId: string, record: object) =>
  client.publishAsync(`locks/${lockId}/report`, JSON.stringify({ v: 1, boot: 5, mode: 'sealed', ...record }), {
    qos: 1,
  });

let count = 0;
async function newLock(): Promise<FieldLock> {
  const n = 500 + ++count;
  const lockId = `JT7990${n}`;
  const { secret } = await ask<{ secret: string }>(platform, 'POST', '/locks', {
    lockId,
    model: 'test',
    simulated: true,
  });
  const client = await platform.connectLock(lockId, secret);
  client.on('message', (_topic, payload) => {
    const { commandId } = JSON.parse(payload.toString()) as { commandId: string };
    client.publish(`locks/${lockId}/reply`, JSON.stringify({ v: 1, commandId, result: 'done' }), { qos: 1 });
  });
  await client.subscribeAsync(`locks/${lockId}/command`, { qos: 1 });
  return { n, lockId, secret, client, say: (record) => say(client, lockId, record) };
}

const iso = (inMs = 0) => new Date(Date.now() + inMs).toISOString();
const good = (seq: number, share: number, inMs = 0) => {
  const [lon, lat] = at(share);
  const position = { lon, lat, accuracyM: 6, speedKmh: 20, satellites: 11, source: 'gnss' };
  return { seq, time: iso(inMs), position, seal: SHUT, battery: { percent: 80, charging: false } };
};

const declare = ({ n, lockId }: FieldLock, more: object = {}) =>
  ask<Trip>(platform, 'POST', '/trips', {
    declarationNo: `2921202610${String(n).padStart(8, '0')}`,
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: ROUTE,
    vehicle: { tractorPlate: plate(n) },
    units: [{ containerNo: box(n), lockId }],
    ...more,
  });

/** A trip that is under way, with three good records. */
async function underWay(lock: FieldLock): Promise<string> {
  const { tripId } = await declare(lock, { takeover: { sealedAt: iso(-3_600_000), departedAt: iso(-3_540_000) } });
  for (const [i, share] of [0.2, 0.3, 0.4].entries()) await lock.say(good(100 + i, share, (i - 3) * 30_000));
  return tripId;
}

const tripOf = (tripId: string) => ask<Trip>(platform, 'GET', `/trips/${tripId}`);
const rulesOf = async (tripId: string) =>
  (await ask<{ items: Alarm[] }>(platform, 'GET', `/alarms?tripId=${tripId}`)).items.map(({ rule }) => rule);
const gateSays = ({ n, lockId }: FieldLock, gateId = GATE, direction = 'in') =>
  ask<{ code: string }>(platform, 'POST', `/gates/${gateId}/passages`, { ...passageOf(n, lockId), direction });

test.each([
  ['1980', { boot: 6, seq: 1, time: '1980-01-06T00:00:19.000Z', events: [{ type: 'restart' }] }],
  ['2000', { boot: 6, seq: 1, time: '2000-01-01T00:00:24.000Z' }],
  ['7,168 days ago', { boot: 6, seq: 1, time: iso(-7_168 * 24 * HOUR) }],
  ['8 h ahead', { seq: 103, time: iso(8 * HOUR) }],
])('a rope that is cut at a time of %s makes the truck red, and its gate says N', async (_, record) => {
  const lock = await newLock();
  const tripId = await underWay(lock);
  await lock.say({ ...record, seal: CUT, battery: { percent: 80 } });
  expect((await tripOf(tripId)).risk).toBe('red');
  expect(await rulesOf(tripId)).toEqual(expect.arrayContaining(['seal.rope-cut', 'comms.clock']));
  expect((await gateSays(lock)).code).toBe('N');
});

describe.each([
  ['by hand', (_lock: FieldLock, tripId: string) => ask(platform, 'POST', `/trips/${tripId}/seal`)],
  ['by the gate of the origin', (lock: FieldLock) => gateSays(lock, 'origin-gate', 'out')],
])('a lock whose clock is 45 s fast, sealed %s', (_, seal) => {
  test('is green, though it was open a moment before', async () => {
    const lock = await newLock();
    const { tripId } = await declare(lock);
    await ask(platform, 'POST', `/trips/${tripId}/release`);
    await lock.say({ ...good(1, 0, 45_000), mode: 'awake' });
    await ask(platform, 'POST', `/trips/${tripId}/hang`);
    await lock.say({ ...good(2, 0, 45_000), seal: OPEN, mode: 'awake' });
    await lock.say(good(3, 0, 45_000));
    await seal(lock, tripId);
    await vi.waitFor(async () => expect(['sealed', 'in-transit']).toContain((await tripOf(tripId)).status), LIMIT);
    await lock.say(good(4, 0.02, 45_000));
    expect([(await tripOf(tripId)).risk, await rulesOf(tripId)]).toEqual(['green', []]);
  });
});

test('a lock that stands in the yard by GNSS is sealed there, though a mast places it elsewhere a moment later', async () => {
  const lock = await newLock();
  const { tripId } = await declare(lock);
  await ask(platform, 'POST', `/trips/${tripId}/release`);
  await lock.say({ ...good(1, 0, -60_000), mode: 'awake' });
  await ask(platform, 'POST', `/trips/${tripId}/hang`);
  await lock.say(good(2, 0, -40_000));
  await lock.say({ ...good(3, 0, -20_000), position: { lon: 120.0126, lat: 29.32, accuracyM: 1_500, source: 'cell' } });
  await lock.say({ ...good(4, 0, -10_000), position: { lon: 0, lat: 0 } });
  expect((await platform.call('POST', `/trips/${tripId}/seal`)).status).toBe(200);
  const { position } = await ask<{ position: { lon: number } }>(platform, 'GET', `/locks/${lock.lockId}`);
  expect(position.lon).toBeCloseTo(120, 6);
});

test('two devices under one id make the trip red, and stop disconnecting each other at once', async () => {
  const lock = await newLock();
  const tripId = await underWay(lock);
  await lock.client.endAsync(true);
  let connects = 0;
  const devices = [
    { boot: 5, seq: 103 },
    { boot: 900, seq: 1 },
  ].map((numbers) => {
    const client = mqtt.connect(platform.app.mqtt, {
      clientId: lock.lockId,
      username: lock.lockId,
      password: lock.secret,
      protocolVersion: 4,
      reconnectPeriod: 1,
      connectTimeout: 60_000,
    });
    client.on('error', () => undefined);
    client.on('connect', () => {
      connects += 1;
      const [lon, lat] = at(0.45);
      const record = { ...good(numbers.seq++, 0.45), boot: numbers.boot, position: { lon, lat } };
      client.publish(`locks/${lock.lockId}/report`, JSON.stringify({ v: 1, mode: 'sealed', ...record }), { qos: 1 });
    });
    return client;
  });
  try {
    await vi.waitFor(async () => expect(await rulesOf(tripId)).toContain('seal.identity-mismatch'), LIMIT);
    expect((await tripOf(tripId)).risk).toBe('red');
    expect((await gateSays(lock)).code).toBe('N');
    expect(connects).toBeLessThan(20);
    const metrics = await (await fetch(`${platform.app.http}/metrics`)).text();
    expect(metrics).toMatch(/sealwatch_broker_refused_total\{stage="connect",reason="delayed-takeover"\} [1-9]/);
  } finally {
    await Promise.all(devices.map((client) => client.endAsync(true)));
  }
});
