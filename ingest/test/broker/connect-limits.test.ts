import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { bySecret } from './access.ts';
import { LOCK, SECRET } from './forbidden.ts';
import { Wiretap } from './wiretap.ts';

let broker: Broker;
let registry: Registry;
let lookedUp: string[];
let taps: Wiretap[];

beforeEach(async () => {
  registry = new Registry();
  lookedUp = [];
  taps = [];
  const nothing = (_lockId: string, _payload: Buffer, done: () => void) => done();
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    lockAccess: async (ids) => {
      lookedUp.push(...ids);
      return new Map(ids.filter((id) => id.startsWith('JT7')).map((id) => [id, bySecret(SECRET)]));
    },
    report: nothing,
    reply: nothing,
    registry,
    log: pino({ level: 'silent' }),
  });
});
afterEach(async () => {
  for (const tap of taps) tap.end();
  await broker.close();
});

/** @returns the code of the CONNACK; undefined if the connection was closed without one */
async function connect(lockId: string, secret: string): Promise<number | undefined> {
  const lock = new Wiretap(broker.port);
  taps.push(lock);
  lock.connectAs(lockId, secret);
  await vi.waitFor(() => expect(lock.closed || lock.of('connack').length > 0).toBe(true), { timeout: 10_000 });
  const [packet] = lock.of('connack');
  return packet?.cmd === 'connack' ? packet.returnCode : undefined;
}

async function refused(reason: string): Promise<number> {
  const metric = await registry.getSingleMetric('sealwatch_broker_refused_total')?.get();
  return metric?.values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
}

test('wrong secrets of one lock are checked a few times, then refused with CONNACK 3 and counted', async () => {
  const codes: (number | undefined)[] = [];
  for (let n = 0; n < 60; n++) codes.push(await connect(LOCK, `wrong ${n}`));
  expect(codes.filter((code) => code === 5).length).toBeLessThanOrEqual(14);
  expect(codes.filter((code) => code === 3)).toHaveLength(await refused('too-many-failures'));
  expect(codes.at(-1)).toBe(3);
});

test('many wrong secrets of one lock at once gain nothing', async () => {
  const codes = await Promise.all(Array.from({ length: 100 }, (_, n) => connect(LOCK, `wrong ${n}`)));
  expect(codes.filter((code) => code === 5).length).toBeLessThanOrEqual(14);
});

test('ids that one address makes up are looked up a few hundred times and no more', async () => {
  for (let round = 0; round < 12; round++) {
    await Promise.all(Array.from({ length: 50 }, (_, n) => connect(`JT6${round * 50 + n}000`, 'wrong')));
  }
  const looked = lookedUp.length;
  expect(looked).toBeGreaterThanOrEqual(200);
  expect(looked).toBeLessThan(500);
  expect(await refused('too-many-failures')).toBe(600 - looked);
});

test('locks that were let in before come back past all the failures of their address, with the right secret alone', async () => {
  const locks = Array.from({ length: 40 }, (_, n) => `JT7020${String(n).padStart(4, '0')}`);
  for (const lockId of locks) expect(await connect(lockId, SECRET)).toBe(0);
  for (let round = 0; round < 6; round++) {
    await Promise.all(Array.from({ length: 60 }, (_, n) => connect(`JT6${round * 60 + n}000`, 'wrong')));
  }
  for (let n = 0; n < 20; n++) await connect(locks[0]!, 'wrong');
  expect(await connect(locks[0]!, 'wrong')).toBe(3);
  const codes = await Promise.all(locks.map((lockId) => connect(lockId, SECRET)));
  expect(codes).toEqual(locks.map(() => 0));
});

test('2,000 locks behind one address are let in at once, beside one that has a wrong secret', async () => {
  const clients: MqttClient[] = [];
  const dial = (lockId: string, password: string) => {
    const client = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
      clientId: lockId,
      username: lockId,
      password,
      reconnectPeriod: 0,
      connectTimeout: 120_000,
    });
    clients.push(client);
    return new Promise<boolean>((resolve) => {
      client.once('connect', () => resolve(true));
      client.once('error', () => resolve(false));
    });
  };
  for (let n = 0; n < 30; n++) await dial(LOCK, 'wrong');
  const locks = Array.from({ length: 2_000 }, (_, n) => `JT703${String(n).padStart(5, '0')}`);
  const letIn = await Promise.all(locks.map((lockId) => dial(lockId, SECRET)));
  expect(letIn.filter(Boolean)).toHaveLength(2_000);
  expect(await refused('too-many-failures')).toBeGreaterThan(0);
  for (const client of clients) client.end(true);
});
