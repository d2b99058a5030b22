import type { Socket } from 'node:net';
import mqtt from 'mqtt';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/broker.ts';
import { bySecret } from './access.ts';
import { FORBIDDEN, FORBIDDEN_CONNECT, LOCK, SECRET } from './forbidden.ts';
import { publishPacket, Wiretap } from './wiretap.ts';

const OTHER = 'JT70100002';

interface Received {
  lockId: string;
  payload: string;
  done: (error?: Error) => void;
}

let broker: Broker;
let registry: Registry;
let received: Received[];
let acknowledge = true;
let taps: Wiretap[];

async function start(more: Partial<BrokerOptions> = {}): Promise<void> {
  registry = new Registry();
  received = [];
  taps = [];
  acknowledge = true;
  const report: BrokerOptions['report'] = (lockId, payload, done) => {
    received.push({ lockId, payload: payload.toString(), done });
    if (acknowledge) done();
  };
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    lockAccess: async (ids) => new Map(ids.filter((id) => id !== 'JT79999999').map((id) => [id, bySecret(SECRET)])),
    report,
    reply: report,
    registry,
    log: pino({ level: 'silent' }),
    ...more,
  });
}

beforeEach(() => start());
afterEach(async () => {
  for (const tap of taps) tap.end();
  await broker.close();
});

function tap(): Wiretap {
  const made = new Wiretap(broker.port);
  taps.push(made);
  return made;
}

async function connected(lockId = LOCK): Promise<Wiretap> {
  const lock = tap();
  lock.connectAs(lockId, SECRET);
  await vi.waitFor(() => expect(lock.of('connack')).toHaveLength(1));
  return lock;
}

async function refused(stage: string, reason: string): Promise<number> {
  const metric = await registry.getSingleMetric('sealwatch_broker_refused_total')?.get();
  return metric?.values.find(({ labels }) => labels.stage === stage && labels.reason === reason)?.value ?? 0;
}

const connectedLocks = async () =>
  (await registry.getSingleMetric('sealwatch_broker_connected_locks')?.get())?.values[0]?.value;

const connack = (packet: Packet | undefined) => (packet?.cmd === 'connack' ? packet.returnCode : undefined);

test('a lock with its secret is connected and its report reaches the intake', async () => {
  const lock = await connected();
  lock.send(publishPacket(LOCK, 7, '{"n":1}'));
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([7]));
  expect(received).toMatchObject([{ lockId: LOCK, payload: '{"n":1}' }]);
  expect(await connectedLocks()).toBe(1);
});

test.each([
  ['a wrong password', LOCK, LOCK, 'wrong', 'wrong-password'],
  ['an unknown lock', 'JT79999999', 'JT79999999', SECRET, 'unknown-or-retired-lock'],
  ['a user name that is not the client id', LOCK, OTHER, SECRET, 'user-name-not-client-id'],
  ['a client id that is no lock id', 'lock one', 'lock one', SECRET, 'client-id-not-a-lock'],
])('%s is answered with CONNACK 5 and counted', async (_name, clientId, username, password, reason) => {
  const lock = tap();
  lock.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    username,
    password: Buffer.from(password),
  });
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(connack(lock.of('connack')[0])).toBe(5);
  expect(await refused('connect', reason)).toBe(1);
});

test('a lock is told to come later while its secret cannot be looked up', async () => {
  await broker.close();
  await start({ lockAccess: () => Promise.reject(new Error('no database')) });
  const lock = tap();
  lock.connectAs(LOCK, SECRET);
  await vi.waitFor(() => expect(connack(lock.of('connack')[0])).toBe(3));
});

test("a publish to another lock's topic closes the connection, is counted and reaches nobody", async () => {
  const lock = await connected();
  lock.send(publishPacket(OTHER, 1, '{}'));
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(lock.acknowledged()).toEqual([]);
  expect(received).toEqual([]);
  expect(await refused('publish', 'foreign-topic')).toBe(1);
});

test('a QoS 0 report is taken', async () => {
  const lock = await connected();
  lock.send({ cmd: 'publish', topic: `locks/${LOCK}/report`, payload: '{}', qos: 0, dup: false, retain: false });
  await vi.waitFor(() => expect(received).toHaveLength(1));
});

test("wildcards, $SYS and other locks' topics are refused with SUBACK 0x80, the own command topic is granted", async () => {
  const lock = await connected();
  const filters = ['locks/+/report', '#', '$SYS/#', `locks/${OTHER}/command`, `locks/${LOCK}/command`];
  lock.send({ cmd: 'subscribe', messageId: 5, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) });
  await vi.waitFor(() => expect(lock.of('suback')).toHaveLength(1));
  expect(lock.of('suback')[0]).toMatchObject({ granted: [128, 128, 128, 128, 1] });
  expect(await refused('subscribe', 'foreign-topic')).toBe(4);
});

test('a 1 MB frame before CONNECT closes the connection at its header', async () => {
  const lock = tap();
  lock.send(Buffer.from([0x10, 0x80, 0x80, 0x40]));
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(await refused('wire', 'frame-too-large')).toBe(1);
});

test('nothing but CONNECT may come first', async () => {
  const lock = tap();
  lock.send({ cmd: 'pingreq' });
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(await refused('wire', 'not-connect-first')).toBe(1);
});

test('publishes sent with the CONNECT in one write, and frames cut into single bytes, pass whole and in order', async () => {
  const lock = tap();
  const bytes = Buffer.concat([
    mqttPacket.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 0,
      clientId: LOCK,
      username: LOCK,
      password: Buffer.from(SECRET),
    }),
    ...[1, 2, 3].map((id) => mqttPacket.generate(publishPacket(LOCK, id, `"${'x'.repeat(300)}${id}"`))),
  ]);
  (lock.socket as Socket).setNoDelay(true);
  lock.send(bytes.subarray(0, bytes.length - 700));
  for (const byte of bytes.subarray(bytes.length - 700)) lock.socket.write(Buffer.from([byte]));
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([1, 2, 3]));
});

test.each(FORBIDDEN)('%s closes the connection; another lock is unaffected', async (_name, bytes, reason) => {
  const [bad, good] = [await connected(LOCK), await connected(OTHER)];
  bad.send(bytes);
  await vi.waitFor(() => expect(bad.closed).toBe(true));
  expect(await refused('wire', reason)).toBe(1);
  good.send(publishPacket(OTHER, 9, '{}'));
  await vi.waitFor(() => expect(good.acknowledged()).toEqual([9]));
});

test.each(FORBIDDEN_CONNECT)('CONNECT with %s closes the connection', async (_name, bytes, reason) => {
  const lock = tap();
  lock.send(bytes);
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(await refused('wire', reason)).toBe(1);
});

const connectFrame = (name: string, level: number, flags: number, ...fields: string[]) => {
  const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value, 'latin1')]);
  const body = Buffer.concat([text(name), Buffer.from([level, flags, 0, 60]), ...fields.map(text)]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
};

test.each([
  ['level 2', connectFrame('MQTT', 2, 0xc2, LOCK, LOCK, SECRET), 1, 'protocol-level'],
  ['level 3 of MQTT', connectFrame('MQTT', 3, 0xc2, LOCK, LOCK, SECRET), 1, 'protocol-level'],
  ['level 5', connectFrame('MQTT', 5, 0xc2, LOCK, LOCK, SECRET), 1, 'protocol-level'],
  ['level 6', connectFrame('MQTT', 6, 0xc2, LOCK, LOCK, SECRET), 1, 'protocol-level'],
  ['level 4 of MQIsdp', connectFrame('MQIsdp', 4, 0xc2, LOCK, LOCK, SECRET), 1, 'protocol-level'],
  ['level 132 of a bridge', connectFrame('MQTT', 132, 0xc2, LOCK, LOCK, SECRET), 1, 'protocol-level'],
  ['an empty client id and clean 0', connectFrame('MQTT', 4, 0xc0, '', LOCK, SECRET), 2, 'client-id-empty'],
])('CONNECT with %s is answered with its return code, counted and closed', async (_name, bytes, code, reason) => {
  const lock = tap();
  lock.send(bytes, Buffer.from([0xc0, 0]));
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(lock.packets.map(connack)).toEqual([code]);
  expect(await refused('wire', reason)).toBe(1);
});

test('a SUBACK has a return code for each filter, equal ones too, and those after it are as before', async () => {
  const lock = await connected();
  const [own, foreign] = [`locks/${LOCK}/command`, `locks/${OTHER}/command`];
  const filters = [own, foreign, own, foreign, own].map((topic, i) => ({ topic, qos: (i === 2 ? 0 : 1) as 0 | 1 }));
  lock.send({ cmd: 'subscribe', messageId: 300, subscriptions: filters });
  lock.send({ cmd: 'subscribe', messageId: 301, subscriptions: [{ topic: own, qos: 1 }] }, { cmd: 'pingreq' });
  const many = Array.from({ length: 150 }, () => ({ topic: own, qos: 1 as const }));
  lock.send({ cmd: 'subscribe', messageId: 302, subscriptions: many });
  await vi.waitFor(() => expect(lock.of('suback')).toHaveLength(3));
  expect(lock.of('suback').map((packet) => packet.cmd === 'suback' && [packet.messageId, packet.granted])).toEqual([
    [300, [1, 128, 0, 128, 1]],
    [301, [1]],
    [302, Array(150).fill(1)],
  ]);
  await vi.waitFor(() => expect(broker.listens(LOCK)).toBe(true));
});

test.each(['in one write', 'in single bytes', 'later'])(
  'nothing that comes after a DISCONNECT %s is processed',
  async (how) => {
    const lock = await connected();
    const parts = [
      mqttPacket.generate(publishPacket(LOCK, 1, '{}')),
      mqttPacket.generate({ cmd: 'disconnect' }),
      mqttPacket.generate(publishPacket(LOCK, 2, '{}')),
      mqttPacket.generate({ cmd: 'pingreq' }),
    ];
    if (how === 'in one write') lock.send(Buffer.concat(parts));
    else if (how === 'later') for (const part of parts) lock.socket.write(part);
    else for (const byte of Buffer.concat(parts)) lock.socket.write(Buffer.from([byte]));
    await vi.waitFor(() => expect(lock.closed).toBe(true));
    await vi.waitFor(async () => expect(await connectedLocks()).toBe(0));
    expect(received.map(({ payload }) => payload)).toEqual(['{}']);
    expect(lock.of('pingresp')).toEqual([]);
  },
);

test("a will on another lock's topic is counted and never published", async () => {
  const lock = tap();
  lock.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: LOCK,
    username: LOCK,
    password: Buffer.from(SECRET),
    will: { topic: `locks/${OTHER}/report`, payload: Buffer.from('{}'), qos: 1, retain: false },
  });
  await vi.waitFor(() => expect(connack(lock.of('connack')[0])).toBe(0));
  lock.end();
  await vi.waitFor(async () => expect(await connectedLocks()).toBe(0));
  expect(received).toEqual([]);
  expect(await refused('will', 'foreign-topic')).toBe(1);
});

test('at most 64 publishes of a lock wait for their acknowledgement, and reading goes on as they get it', async () => {
  acknowledge = false;
  const [lock, other] = [await connected(LOCK), await connected(OTHER)];
  lock.send(...Array.from({ length: 200 }, (_, i) => publishPacket(LOCK, i + 1, '{}')));
  await vi.waitFor(() => expect(received).toHaveLength(64));
  other.send(publishPacket(OTHER, 1, '{}'));
  await vi.waitFor(() => expect(received.at(-1)?.lockId).toBe(OTHER));
  expect(received).toHaveLength(65);
  acknowledge = true;
  for (const { done } of received.slice()) done();
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual(Array.from({ length: 200 }, (_, i) => i + 1)));
});

test('a PINGREQ is answered at once behind publishes that wait, between them, and in single bytes', async () => {
  acknowledge = false;
  const lock = await connected();
  const publishes = (first: number) => [first, first + 1].map((id) => publishPacket(LOCK, id, 'x'.repeat(9_000)));
  lock.send(...publishes(1), { cmd: 'pingreq' }, ...publishes(3));
  await vi.waitFor(() => expect([received.length, lock.of('pingresp').length]).toEqual([4, 1]));
  for (const byte of [0xc0, 0]) lock.socket.write(Buffer.from([byte]));
  await vi.waitFor(() => expect(lock.of('pingresp')).toHaveLength(2));
  lock.send(...Array.from({ length: 60 }, (_, i) => publishPacket(LOCK, i + 5, '{}')), { cmd: 'pingreq' });
  await vi.waitFor(() => expect(lock.of('pingresp')).toHaveLength(3));
  expect(lock.acknowledged()).toEqual([]);
  acknowledge = true;
  for (const { done } of received.slice()) done();
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual(Array.from({ length: 64 }, (_, i) => i + 1)));
});

test('a silent lock is let go by its keep-alive; one that pings, or that the platform itself does not read, is not', async () => {
  acknowledge = false;
  const [unread, pinging, silent] = [tap(), tap(), tap()];
  unread.connectAs('JT70100003', SECRET, 1);
  pinging.connectAs(OTHER, SECRET, 1);
  await vi.waitFor(async () => expect(await connectedLocks()).toBe(2));
  unread.send(...Array.from({ length: 65 }, (_, i) => publishPacket('JT70100003', i + 1, '{}')));
  await vi.waitFor(() => expect(received).toHaveLength(64));
  silent.connectAs(LOCK, SECRET, 1);
  await vi.waitFor(
    () => {
      pinging.send({ cmd: 'pingreq' });
      expect(silent.closed).toBe(true);
    },
    { timeout: 180_000 },
  );
  expect(await refused('wire', 'keep-alive')).toBe(1);
  expect(await connectedLocks()).toBe(2);
  expect(silent.closed && !unread.closed && !pinging.closed).toBe(true);
});

test('beyond the limit over all locks, a lock with something waiting is not read and one without still is', async () => {
  await broker.close();
  await start({ softBytes: 2_000, hardBytes: 1_000_000 });
  acknowledge = false;
  const [busy, idle] = [await connected(LOCK), await connected(OTHER)];
  busy.send(...Array.from({ length: 20 }, (_, i) => publishPacket(LOCK, i + 1, 'x'.repeat(500))));
  await vi.waitFor(() => expect(received).toHaveLength(4));
  idle.send(publishPacket(OTHER, 1, '{}'));
  await vi.waitFor(() => expect(received.at(-1)?.lockId).toBe(OTHER));
  acknowledge = true;
  for (const { done } of received.slice()) done();
  await vi.waitFor(() => expect(busy.acknowledged()).toHaveLength(20));
});

test('beyond that limit a bundle of records waits for room, also of a lock that has nothing waiting', async () => {
  await broker.close();
  await start({ softBytes: 2_000, hardBytes: 1_000_000 });
  acknowledge = false;
  const [busy, other, live] = [await connected(LOCK), await connected(OTHER), await connected('JT70100003')];
  busy.send(...Array.from({ length: 4 }, (_, i) => publishPacket(LOCK, i + 1, 'x'.repeat(500))));
  await vi.waitFor(() => expect(received).toHaveLength(4));
  other.send(publishPacket(OTHER, 1, 'y'.repeat(3_000)), publishPacket(OTHER, 2, 'z'));
  live.send(publishPacket('JT70100003', 1, '{}'));
  await vi.waitFor(() => expect(received).toHaveLength(5));
  expect(received.at(-1)?.lockId).toBe('JT70100003');
  received[0]?.done();
  await vi.waitFor(() => expect(received).toHaveLength(6));
  expect(received.at(-1)?.payload.length).toBe(3_000);
  acknowledge = true;
  for (const { done } of received.slice(1)) done();
  await vi.waitFor(() => expect(other.acknowledged()).toEqual([1, 2]));
});

test('a second connection of a lock takes over from the first', async () => {
  const first = await connected();
  const second = await connected();
  await vi.waitFor(() => expect(first.closed).toBe(true));
  second.send(publishPacket(LOCK, 1, '{}'));
  await vi.waitFor(() => expect(second.acknowledged()).toEqual([1]));
  expect(await connectedLocks()).toBe(1);
});

test('an error from the intake closes the connection without a PUBACK', async () => {
  acknowledge = false;
  const lock = await connected();
  lock.send(publishPacket(LOCK, 1, '{}'));
  await vi.waitFor(() => expect(received).toHaveLength(1));
  received[0]?.done(new Error('no commit'));
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(lock.acknowledged()).toEqual([]);
});

test('a command is delivered to a lock that listens, and to no other', async () => {
  const command = { v: 1 as const, commandId: '5b0e3a9e-6a5e-4c53-9c54-0d7f3b6d4f11', type: 'locate' as const };
  expect(await broker.deliver(LOCK, command)).toBe(false);
  const lock = await connected();
  expect(await broker.deliver(LOCK, command)).toBe(false);
  lock.send({ cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: `locks/${LOCK}/command`, qos: 1 }] });
  await vi.waitFor(async () => expect(await broker.deliver(LOCK, command)).toBe(true));
  await vi.waitFor(() => expect(lock.of('publish')).toHaveLength(1));
  const packet = lock.of('publish')[0];
  expect(packet).toMatchObject({ topic: `locks/${LOCK}/command`, qos: 1 });
  expect(JSON.parse(String(packet?.cmd === 'publish' && packet.payload))).toEqual(command);
});

test('a retired lock is disconnected and not let in again, though its secret was known', async () => {
  await broker.close();
  let retired = false;
  await start({
    lockAccess: async (ids) => (retired ? new Map() : new Map(ids.map((id) => [id, bySecret(SECRET)]))),
  });
  const lock = await connected();
  retired = true;
  void broker.refreshLock(LOCK);
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  const again = tap();
  again.connectAs(LOCK, SECRET);
  await vi.waitFor(() => expect(connack(again.of('connack')[0])).toBe(5));
});

test('MQTT.js connects, subscribes and publishes', async () => {
  const client = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: broker.port,
    clientId: LOCK,
    username: LOCK,
    password: SECRET,
    clean: false,
  });
  await client.subscribeAsync(`locks/${LOCK}/command`, { qos: 1 });
  await client.publishAsync(`locks/${LOCK}/report`, '{}', { qos: 1 });
  await client.endAsync();
  expect(received).toHaveLength(1);
});

test('a lock that is retired while its takeover waits is not let in', async () => {
  await broker.close();
  let retired = false;
  await start({ lockAccess: async (ids) => new Map(retired ? [] : ids.map((id) => [id, bySecret(SECRET)])) });
  for (let i = 0; i < 4; i++) await connected();
  const waiting = tap();
  waiting.connectAs(LOCK, SECRET);
  await vi.waitFor(async () => expect(await refused('connect', 'delayed-takeover')).toBe(1));
  retired = true;
  void broker.refreshLock(LOCK);
  await vi.waitFor(() => expect(connack(waiting.of('connack')[0])).toBe(5), { timeout: 60_000 });
});
