import { connect } from 'node:net';
import mqtt from 'mqtt';
import mqttPacket from 'mqtt-packet';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/broker.ts';
import { bySecret } from './access.ts';
import { FORBIDDEN, FORBIDDEN_CONNECT, LOCK, SECRET } from './forbidden.ts';
import { publishPacket, Wiretap } from './wiretap.ts';

let broker: Broker;
let registry: Registry;
let received: string[];
let taps: Wiretap[];

const options = (): BrokerOptions => ({
  host: '127.0.0.1',
  port: 0,
  webSocketPort: 0,
  lockAccess: async (ids) => new Map(ids.map((id) => [id, bySecret(SECRET)])),
  report: (_lockId, payload, done) => {
    received.push(payload.toString());
    done();
  },
  reply: (_lockId, _payload, done) => done(),
  registry: new Registry(),
  log: pino({ level: 'silent' }),
});

beforeEach(async () => {
  received = [];
  taps = [];
  const made = options();
  registry = made.registry;
  broker = await startBroker(made);
});
afterEach(async () => {
  for (const tap of taps) tap.end();
  await broker.close();
});

test('where its port is taken nothing goes on listening', async () => {
  const listening = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
  const before = listening();
  const taken = { ...options(), webSocketPort: broker.webSocketPort };
  await expect(startBroker(taken)).rejects.toMatchObject({ code: 'EADDRINUSE', port: broker.webSocketPort });
  await vi.waitFor(() => expect(listening()).toBe(before));
});

const connectedLocks = async () =>
  (await registry.getSingleMetric('sealwatch_broker_connected_locks')?.get())?.values[0]?.value;

const address = () => `ws://127.0.0.1:${broker.webSocketPort}`;

function tap(): { lock: Wiretap; webSocket: WebSocket } {
  const webSocket = new WebSocket(address(), 'mqtt');
  const lock = new Wiretap(0, createWebSocketStream(webSocket));
  // The stream of a connection that the other end closed stays open for writing.
  webSocket.on('close', () => {
    lock.closed = true;
  });
  taps.push(lock);
  return { lock, webSocket };
}

async function connected() {
  const made = tap();
  made.lock.connectAs(LOCK, SECRET);
  await vi.waitFor(() => expect(made.lock.of('connack')).toHaveLength(1));
  return made;
}

async function refused(reason: string): Promise<number> {
  const metric = await registry.getSingleMetric('sealwatch_broker_refused_total')?.get();
  return metric?.values.find(({ labels }) => labels.stage === 'wire' && labels.reason === reason)?.value ?? 0;
}

/** What the port answers to an HTTP request as it stands. */
function answerTo(request: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(broker.webSocketPort ?? 0, '127.0.0.1', () => socket.end(request));
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('close', () => resolve(answer));
  });
}

test('a lock reports over WebSocket as over TCP, also where a message is one byte of a frame, or several frames', async () => {
  const { lock } = await connected();
  for (const byte of mqttPacket.generate(publishPacket(LOCK, 7, '{"n":1}'))) lock.socket.write(Buffer.from([byte]));
  lock.send(publishPacket(LOCK, 8, '{"n":2}'), publishPacket(LOCK, 9, '{"n":3}'), { cmd: 'pingreq' });
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([7, 8, 9]));
  expect(received).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
  expect(lock.of('pingresp')).toHaveLength(1);
});

test.each(FORBIDDEN)('over WebSocket too, %s closes the connection', async (_name, bytes, reason) => {
  const { lock } = await connected();
  lock.send(bytes);
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(await refused(reason)).toBe(1);
  expect(received).toEqual([]);
});

test.each(FORBIDDEN_CONNECT)('over WebSocket too, CONNECT with %s closes it', async (_name, bytes, reason) => {
  const { lock } = tap();
  lock.send(bytes);
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(await refused(reason)).toBe(1);
});

test('a text message closes the connection, and one larger than any frame does', async () => {
  const text = await connected();
  text.webSocket.send('a text');
  await vi.waitFor(() => expect(text.lock.closed).toBe(true));
  expect(await refused('ws-text')).toBe(1);
  const large = await connected();
  large.webSocket.send(Buffer.alloc(200 * 1024));
  await vi.waitFor(() => expect(large.lock.closed).toBe(true));
  const { lock } = await connected();
  lock.send(publishPacket(LOCK, 1, '{}'));
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([1]));
});

test('who asks for a page, for another protocol or for nothing sensible is told what is expected', async () => {
  expect(await answerTo('GET / HTTP/1.1\r\nhost: x\r\n\r\n')).toMatch(/^HTTP\/1.1 426 .*subprotocol mqtt/s);
  const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ';
  const key = Buffer.alloc(16).toString('base64');
  expect(await answerTo(`GET / HTTP/1.1\r\nhost: x\r\n${upgrade}${key}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 .*mqtt/s);
  const foreign = `${upgrade}${key}\r\nsec-websocket-protocol: chat\r\n`;
  expect(await answerTo(`GET / HTTP/1.1\r\nhost: x\r\n${foreign}\r\n`)).toMatch(/^HTTP\/1.1 400 /);
  expect(await refused('ws-protocol')).toBe(2);
  expect(await answerTo('\x10\x0c\0\x04MQTT\x04\0\0\x3c\0\0')).toMatch(/^HTTP\/1.1 400 /);
});

test('who is refused and does not hang up is hung up on', async () => {
  const socket = connect({ port: broker.webSocketPort ?? 0, host: '127.0.0.1', allowHalfOpen: true });
  let closed = false;
  socket.on('data', () => undefined);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  const key = Buffer.alloc(16).toString('base64');
  socket.write(
    `GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
  );
  await vi.waitFor(async () => expect(await refused('ws-protocol')).toBe(1));
  // With its side open it learns of that by what it writes next.
  await vi.waitFor(() => {
    socket.write('still here');
    expect(closed).toBe(true);
  });
});

test('MQTT.js connects over WebSocket, subscribes and publishes', async () => {
  const client = await mqtt.connectAsync(address(), {
    ...{ clientId: LOCK, username: LOCK, password: SECRET, reconnectPeriod: 0 },
  });
  await client.subscribeAsync(`locks/${LOCK}/command`, { qos: 1 });
  await client.publishAsync(`locks/${LOCK}/report`, '{}', { qos: 1 });
  await client.endAsync();
  expect(received).toEqual(['{}']);
});

test('a lock that leaves without a word is no longer connected', async () => {
  const { webSocket } = await connected();
  expect(await connectedLocks()).toBe(1);
  webSocket.terminate();
  await vi.waitFor(async () => expect(await connectedLocks()).toBe(0));
});

test('a wrong secret is answered with CONNACK 5 here too', async () => {
  const { lock } = tap();
  lock.connectAs(LOCK, 'another secret, long enough to be one');
  await vi.waitFor(() => expect(lock.of('connack')).toMatchObject([{ returnCode: 5 }]));
});
