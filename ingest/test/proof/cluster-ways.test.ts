import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startApp } from '../../src/app.ts';
import { declaration, GATE, passage, ROUTE, SEALED, takeover } from '../api/platform.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { ask, Cluster, type Member, portOf } from './cluster.ts';

const PATIENT = { timeout: 60_000, interval: 10 };
const LOCKS = ['JT70910001', 'JT70910002', 'JT70910003'];
const LOSES_ALL = { copies: () => 0 as const, delayMs: () => 0 };
let db: TestDatabase;
let cluster: Cluster;
let [a, b]: Member[] = [];
let [apiA, apiB]: Member[] = [];
const secrets = new Map<string, string>();
const clients: MqttClient[] = [];
let receiver: Receiver;

beforeAll(async () => {
  db = await freshDatabase();
  cluster = new Cluster(db);
  await cluster.start('worker');
  [a, b, apiA, apiB] = await Promise.all([
    cluster.start('gateway'),
    cluster.start('gateway'),
    cluster.start('api'),
    cluster.start('api'),
  ]);
  receiver = await startReceiver();
  await ask(apiA!, 'PUT', 'routes/yiwu-daxie', ROUTE);
  await ask(apiA!, 'PUT', 'places/daxie-1', GATE);
  for (const lockId of LOCKS) {
    const { secret } = await ask(apiA!, 'POST', 'locks', { lockId, simulated: true });
    secrets.set(lockId, String(secret));
  }
});
afterEach(() => {
  for (const client of clients.splice(0)) client.end(true);
  cluster.net.faults = { copies: () => 1, delayMs: () => 0 };
});
afterAll(async () => {
  await receiver.close();
  await cluster.stop();
  await db.drop();
});

async function connect(member: Member, lockId: string): Promise<MqttClient> {
  const password = secrets.get(lockId) ?? '';
  const at = { host: '127.0.0.1', port: portOf(member), reconnectPeriod: 0 };
  const client = await mqtt.connectAsync({ ...at, clientId: lockId, username: lockId, password });
  clients.push(client);
  return client;
}

const closed = (client: MqttClient) => vi.waitFor(() => expect(client.connected).toBe(false), PATIENT);

test('a lock that connects to another gateway leaves its connection to the first one, and keeps the second', async () => {
  const [lockId] = LOCKS;
  const first = await connect(a!, lockId!);
  const second = await connect(b!, lockId!);
  await closed(first);
  await sleep(200);
  expect(second.connected).toBe(true);
  const third = await connect(a!, lockId!);
  await closed(second);
  expect(third.connected).toBe(true);
});

test.each(['and hints arrive', 'and every hint is lost'])(
  'a command given at one API node is delivered by whichever gateway has the lock, %s, and its reply is seen at the other',
  async (how) => {
    const lockId = LOCKS[1]!;
    if (how !== 'and hints arrive') cluster.net.faults = LOSES_ALL;
    const client = await connect(b!, lockId);
    const commands: { commandId: string; type: string }[] = [];
    client.on('message', (_topic, payload) => commands.push(JSON.parse(payload.toString())));
    await client.subscribeAsync(`locks/${lockId}/command`, { qos: 1 });
    const given = await ask(apiA!, 'POST', `locks/${lockId}/commands`, { type: 'locate' });
    await vi.waitFor(() => expect(commands.map(({ commandId }) => commandId)).toEqual([given.commandId]), PATIENT);
    const reply = { v: 1, commandId: given.commandId, result: 'done', time: new Date().toISOString() };
    await client.publishAsync(`locks/${lockId}/reply`, JSON.stringify(reply), { qos: 1 });
    await vi.waitFor(async () => {
      const { items } = (await ask(apiB!, 'GET', `locks/${lockId}/commands`)) as {
        items: { commandId: string; state: string }[];
      };
      expect(items.find(({ commandId }) => commandId === given.commandId)?.state).toBe('done');
    }, PATIENT);
    expect(commands.length).toBe(1);
  },
);

test('the connection of a lock that is retired at one API node is closed, whichever gateway has it, also where the hint is lost', async () => {
  const lockId = LOCKS[2]!;
  const client = await connect(a!, lockId);
  cluster.net.faults = LOSES_ALL;
  await ask(apiB!, 'POST', `locks/${lockId}/retire`, {});
  await closed(client);
});

test('each subscriber is told of each event once, by two API nodes', async () => {
  await ask(apiA!, 'POST', 'subscriptions', { url: receiver.url, types: ['trip.declared', 'trip.departed'] });
  const trips: string[] = [];
  for (let i = 0; i < 5; i++) {
    const lockId = `JT7091100${i}`;
    await ask(apiA!, 'POST', 'locks', { lockId, simulated: true });
    trips.push(String((await ask(i % 2 ? apiA! : apiB!, 'POST', 'trips', declaration(lockId))).tripId));
  }
  const { rows } = await db.pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM outbox WHERE type IN ('trip.declared', 'trip.departed')`,
  );
  await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThanOrEqual(rows[0]!.n), PATIENT);
  await sleep(1_500);
  const ids = receiver.received.map(({ event }) => event.id);
  expect(ids.length).toBe(new Set(ids).size);
  expect(ids.length).toBe(rows[0]!.n);
});

test('each node says of itself what it is ready for, and shows what it does in its metrics', async () => {
  const metrics = async ({ http }: Member) => (await fetch(`${http}/metrics`)).text();
  for (const member of cluster.members) {
    expect((await fetch(`${member.http}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${member.http}/readyz`)).json()).toEqual({ ready: true, reasons: [] });
  }
  const [worker] = cluster.of('worker');
  expect(await metrics(worker!)).toMatch(/^sealwatch_worker_slots_owned 256$/m);
  expect(await metrics(a!)).toMatch(/^sealwatch_door_slots_unowned 0$/m);
  const dashboard = readFileSync(new URL('../../../deploy/grafana/sealwatch.json', import.meta.url), 'utf8');
  const served = [await metrics(worker!), await metrics(a!)].join('\n');
  const own = (text: string) => [...new Set(text.match(/\bsealwatch_(door|worker)_\w+/g))].sort();
  expect(own(dashboard)).toEqual(own(served));
  expect((await fetch(`${a!.http}/api/v1/locks`)).status).toBe(503);
  worker!.bus.cut();
  expect(await (await fetch(`${worker!.http}/readyz`)).json()).toEqual({ ready: false, reasons: ['bus: cut'] });
  await vi.waitFor(async () => expect(await metrics(a!)).toMatch(/^sealwatch_door_slots_unowned 256$/m), PATIENT);
  worker!.bus.join();
  await vi.waitFor(async () => expect(await metrics(a!)).toMatch(/^sealwatch_door_slots_unowned 0$/m), PATIENT);
  // A gateway has to hear what became of publishes; gates and people are answered without the bus.
  for (const { bus } of [a!, apiA!]) bus.cut();
  const ready = async ({ http }: Member) => (await fetch(`${http}/readyz`)).json();
  expect(await ready(a!)).toEqual({ ready: false, reasons: ['bus: cut'] });
  expect(await ready(apiA!)).toEqual({ ready: true, reasons: ['bus: cut'] });
  for (const { bus } of [a!, apiA!]) bus.join();
});

test('with every worker down a gate is answered by any API node, and asked again at the other it gets the same answer', async () => {
  const lockId = LOCKS[0]!;
  const declared = declaration(lockId, { takeover: takeover() });
  const tripId = String((await ask(apiA!, 'POST', 'trips', declared)).tripId);
  const at = new Date();
  const position = { lon: 121, lat: 29.3, source: 'gnss' };
  const record = { v: 1, boot: 1, seq: 1, time: at.toISOString(), mode: 'sealed', seal: SEALED, position };
  await db.pool.query(
    'UPDATE locks SET last_time = $2, last_received = $2, last_report = $3, last_fix_time = $2 WHERE lock_id = $1',
    [lockId, at, { ...record, battery: { percent: 80 } }],
  );
  for (const worker of cluster.of('worker')) await cluster.leave(worker);
  const { containerNo } = declared.units[0]!;
  const question = passage({ tripId, lockId, containerNo, plate: declared.vehicle.tractorPlate });
  const answers = await Promise.all([apiA!, apiB!].map((api) => ask(api, 'POST', 'gates/daxie-1/passages', question)));
  expect(answers[0]).toMatchObject({ verdict: 'release', writtenOff: true, tripId });
  expect(answers[1]).toEqual(answers[0]);
  const { rows } = await db.pool.query(`SELECT (SELECT count(*)::int FROM passages) AS passages,
    (SELECT count(*)::int FROM commands WHERE type = 'unlock') AS unlocks`);
  expect(rows).toEqual([{ passages: 1, unlocks: 1 }]);
});

test('a platform that is alone stands by for a cluster, and a member of a cluster for it', async () => {
  const log = pino({ level: 'silent' });
  let at = '';
  const starting = startApp(cluster.config(), {
    log,
    onStandby: (http) => {
      at = http;
    },
  });
  await vi.waitFor(() => expect(at).not.toBe(''), PATIENT);
  expect(await (await fetch(`${at}/readyz`)).json()).toEqual({ ready: false, reasons: ['standby'] });
  for (const member of cluster.members) await cluster.leave(member);
  const alone = await starting;
  expect((await fetch(`${alone.http}/readyz`)).status).toBe(200);
  const member = cluster.start('worker');
  const standing = `SELECT 1 FROM members WHERE NOT active`;
  await vi.waitFor(async () => expect((await db.pool.query(standing)).rowCount).toBe(1), PATIENT);
  expect(cluster.of('worker')).toEqual([]);
  await alone.stop();
  await member;
  expect(cluster.of('worker').length).toBe(1);
});
