import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import mqtt from 'mqtt';
import mqttPacket from 'mqtt-packet';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { bySecret } from './access.ts';
import { FORBIDDEN, FORBIDDEN_CONNECT, LOCK, SECRET } from './forbidden.ts';
import { selfSigned } from './self-signed.ts';
import { publishPacket, Wiretap } from './wiretap.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-tls-'));
const certPath = join(folder, 'cert.pem');
const keyPath = join(folder, 'key.pem');
const { cert, key } = selfSigned();

let broker: Broker;
let registry: Registry;
let received: string[];
let taps: Wiretap[];

beforeAll(() => {
  writeFileSync(certPath, cert);
  writeFileSync(keyPath, key);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  received = [];
  taps = [];
  registry = new Registry();
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    tls: { port: 0, certPath, keyPath },
    lockAccess: async (ids) => new Map(ids.map((id) => [id, bySecret(SECRET)])),
    report: (_lockId, payload, done) => {
      received.push(payload.toString());
      done();
    },
    reply: (_lockId, _payload, done) => done(),
    registry,
    log: pino({ level: 'silent' }),
  });
});
afterEach(async () => {
  for (const tap of taps) tap.end();
  await broker.close();
});

const tlsPort = () => broker.tlsPort ?? 0;

function tap(): Wiretap {
  const made = new Wiretap(0, connectTls({ port: tlsPort(), host: '127.0.0.1', ca: cert }));
  taps.push(made);
  return made;
}

async function connected(): Promise<Wiretap> {
  const lock = tap();
  lock.connectAs(LOCK, SECRET);
  await vi.waitFor(() => expect(lock.of('connack')).toHaveLength(1));
  return lock;
}

async function refused(reason: string): Promise<number> {
  const metric = await registry.getSingleMetric('sealwatch_broker_refused_total')?.get();
  return metric?.values.find(({ labels }) => labels.stage === 'wire' && labels.reason === reason)?.value ?? 0;
}

test('a lock reports over TLS as over TCP, also where a frame comes in single bytes', async () => {
  const lock = await connected();
  for (const byte of mqttPacket.generate(publishPacket(LOCK, 7, '{"n":1}'))) lock.socket.write(Buffer.from([byte]));
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([7]));
  expect(received).toEqual(['{"n":1}']);
});

test.each(FORBIDDEN)('over TLS too, %s closes the connection', async (_name, bytes, reason) => {
  const lock = await connected();
  lock.send(bytes);
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(await refused(reason)).toBe(1);
  expect(received).toEqual([]);
});

test.each(FORBIDDEN_CONNECT)('over TLS too, CONNECT with %s closes the connection', async (_name, bytes, reason) => {
  const lock = tap();
  lock.send(bytes);
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  expect(await refused(reason)).toBe(1);
});

test('plain bytes at the TLS port, and TLS at the plain port, harm nobody', async () => {
  const plain = new Wiretap(tlsPort());
  const secure = new Wiretap(0, connectTls({ port: broker.port, host: '127.0.0.1', ca: cert }));
  taps.push(plain, secure);
  plain.connectAs(LOCK, SECRET);
  await vi.waitFor(() => expect(plain.closed && secure.closed).toBe(true));
  const lock = await connected();
  lock.send(publishPacket(LOCK, 1, '{}'));
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([1]));
});

test('MQTT.js connects over TLS, subscribes and publishes', async () => {
  const client = await mqtt.connectAsync(`mqtts://127.0.0.1:${tlsPort()}`, {
    ...{ clientId: LOCK, username: LOCK, password: SECRET, ca: cert, reconnectPeriod: 0 },
  });
  await client.subscribeAsync(`locks/${LOCK}/command`, { qos: 1 });
  await client.publishAsync(`locks/${LOCK}/report`, '{}', { qos: 1 });
  await client.endAsync();
  expect(received).toEqual(['{}']);
});

async function isInstalled(program: string): Promise<boolean> {
  return run(program, ['--help']).then(
    () => true,
    (error: { code?: unknown }) => error.code !== 'ENOENT',
  );
}

test.each(['plain', 'tls'])('mosquitto_pub publishes, %s', async (transport) => {
  if (!(await isInstalled('mosquitto_pub'))) {
    console.warn('not proved here: mosquitto_pub is not installed (Debian package mosquitto-clients)');
    return;
  }
  const secure = transport === 'tls';
  const address = ['-h', '127.0.0.1', '-p', String(secure ? tlsPort() : broker.port)];
  const who = ['-i', LOCK, '-u', LOCK, '-P', SECRET];
  const what = ['-q', '1', '-t', `locks/${LOCK}/report`, '-m', '{"from":"mosquitto"}'];
  await run('mosquitto_pub', [...address, ...who, ...what, ...(secure ? ['--cafile', certPath] : [])]);
  expect(received).toEqual(['{"from":"mosquitto"}']);
});
