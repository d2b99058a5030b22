import fc from 'fast-check';
import mqtt from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase } from '../database.ts';
import { type Rig, registerLocks, report, SECRET, send, startRig, topicOf } from '../intake/rig.ts';
import { PLAIN } from '../store/plain.ts';

const [RETAINED, TWICE, LARGE, HUGE, WILL] = ['JT79910001', 'JT79910002', 'JT79910003', 'JT79910004', 'JT79910005'];
const FORMS = 'JT79910006';
const nowMs = Date.now();

let rig: Rig;
beforeAll(async () => {
  const db = await freshDatabase();
  rig = await startRig({ db });
  await registerLocks(db, RETAINED, TWICE, LARGE, HUGE, WILL);
});
afterAll(async () => {
  await rig?.close();
  await rig?.db.drop();
});

const storedOf = async (lockId: string) =>
  (await rig.rows(`SELECT seq FROM ${PLAIN} WHERE lock_id = $1`, [lockId])).length;
const record = (seq: number) => JSON.stringify(report(seq, nowMs + seq, 120.1));

test('a retained report is taken like any other (mqttjs/MQTT.js#768, moscajs/aedes#210)', async () => {
  const lock = await rig.lock(RETAINED);
  await lock.publishAsync(topicOf(RETAINED), record(1), { qos: 1, retain: true });
  expect(await storedOf(RETAINED)).toBe(1);
  expect(lock.connected).toBe(true);
});

test('a report with QoS 2 is stored before it is received, and completed (hivemq-community-edition#522)', async () => {
  const lock = await rig.lock(TWICE);
  const pubrec = new Promise<number>((resolve) => {
    lock.on('packetreceive', (packet) => {
      if (packet.cmd === 'pubrec') void storedOf(TWICE).then(resolve);
    });
  });
  await lock.publishAsync(topicOf(TWICE), record(1), { qos: 2 });
  expect(await pubrec).toBe(1);
  await lock.publishAsync(topicOf(TWICE), record(1), { qos: 2 });
  await lock.publishAsync(topicOf(TWICE), record(2), { qos: 2 });
  expect(await storedOf(TWICE)).toBe(2);
});

test('200 records of the size in the contract fit into one publish (eclipse-paho/paho.mqtt.python#760)', async () => {
  const lock = await rig.lock(LARGE);
  const records = Array.from({ length: 200 }, (_, i) => ({ ...report(i, nowMs + i, 120.1), note: 'x'.repeat(300) }));
  expect(JSON.stringify(records).length).toBeGreaterThan(112_000);
  await send(lock, LARGE, records);
  expect(await storedOf(LARGE)).toBe(200);
});

test('a publish that is too large is acknowledged with its beginning kept, and the report behind it gets through', async () => {
  const lock = await rig.lock(HUGE);
  const huge = `${record(1)}${' '.repeat(700_000)}`;
  await Promise.all([send(lock, HUGE, huge), send(lock, HUGE, record(2))]);
  expect(await storedOf(HUGE)).toBe(1);
  const [kept] = await rig.rows<{ reason: string; raw: Buffer }>(
    'SELECT reason, raw FROM quarantine WHERE lock_id = $1',
    [HUGE],
  );
  expect(kept?.reason).toBe('too-large');
  expect(String(kept?.raw)).toBe(huge.slice(0, 4_096));
});

test('a lock with a will on another topic is connected without it (emqx/emqx#2167, vernemq/vernemq#1849)', async () => {
  const lock = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: rig.broker.port,
    clientId: WILL,
    username: WILL,
    password: SECRET,
    reconnectPeriod: 0,
    will: { topic: `locks/${WILL}/status`, payload: Buffer.from('gone'), qos: 1, retain: true },
  });
  await send(lock, WILL, record(1));
  lock.end(true);
  expect(await storedOf(WILL)).toBe(1);
  const refused = await rig.registry.getSingleMetric('sealwatch_broker_refused_total')?.get();
  expect(refused?.values).toContainEqual(
    expect.objectContaining({ labels: { stage: 'will', reason: 'foreign-topic' }, value: 1 }),
  );
});

const FORM = fc.record({
  qos: fc.constantFrom(1 as const, 2 as const),
  retain: fc.boolean(),
  /** More than one record: an array. */
  records: fc.integer({ min: 1, max: 30 }),
  padding: fc.constantFrom('', '\0', '\n\0\0', ' '),
  mark: fc.boolean(),
  again: fc.boolean(),
});

test('however a lock publishes its records, each is stored once, and its connection stays', async () => {
  await registerLocks(rig.db, FORMS);
  const lock = await rig.lock(FORMS);
  let seq = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(FORM, { minLength: 1, maxLength: 6 }), async (forms) => {
      for (const { qos, retain, records, padding, mark, again } of forms) {
        const sent = Array.from({ length: records }, () => report(++seq, nowMs + seq, 120.1));
        const text = `${mark ? '\uFEFF' : ''}${JSON.stringify(records === 1 ? sent[0] : sent)}${padding}`;
        for (let i = again ? 2 : 1; i > 0; i--) await lock.publishAsync(topicOf(FORMS), text, { qos, retain });
      }
      expect([await storedOf(FORMS), lock.connected]).toEqual([seq, true]);
      expect(await rig.rows('SELECT 1 FROM quarantine WHERE lock_id = $1', [FORMS])).toEqual([]);
    }),
    { numRuns: 15 },
  );
});
