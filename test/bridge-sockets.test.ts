import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Bridge, type BridgeOptions, restExchange, startBridge } from '../bridge/src/index.ts';
import { keptLog } from '../ingest/test/kept-log.ts';
import { Device, lineWire } from './line-wire.ts';
import { type Platform, startPlatform } from './platform.ts';

const SOON = { timeout: 60_000, interval: 20 };
let platform: Platform;
let folder: string;
let proxy: Server;
/** While true nothing of the platform reaches the bridge: PUBACKs are held back. */
let isHeld = false;
const held = new Set<Socket>();
const kept = keptLog();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealwatch-bridge-'));
  platform = await startPlatform();
  const { body } = await platform.call<{ key: string }>('POST', '/keys', { role: 'bridge', name: 'test bridge' });
  await writeFile(join(folder, 'key'), `${body.key}\n`);
  proxy = createServer((socket) => {
    const { port, hostname } = new URL(platform.app.mqtt);
    const up = createServerSide(Number(port), hostname, socket);
    socket.on('close', () => up.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
});

/** Passes bytes on both ways, those of the platform only while nothing is held. */
function createServerSide(port: number, host: string, socket: Socket): Socket {
  const up = connect(port, host).on('error', () => socket.destroy());
  socket.on('error', () => up.destroy()).pipe(up);
  held.add(up);
  up.on('close', () => held.delete(up));
  up.on('data', (chunk) => void socket.write(chunk));
  if (isHeld) up.pause();
  return up;
}

function hold(is: boolean): void {
  isHeld = is;
  for (const up of held)
    if (is) up.pause();
    else up.resume();
}

const bridges: Bridge[] = [];
const devices: Device[] = [];
let ledgers = 0;
async function start(options: Partial<BridgeOptions> = {}): Promise<Bridge & { registry: Registry }> {
  const registry = new Registry();
  const address = proxy.address();
  const bridge = await startBridge({
    host: '127.0.0.1',
    port: 0,
    mqttUrl: `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    name: 'test bridge',
    exchange: restExchange(platform.app.http, join(folder, 'key')),
    exchangeEveryMs: 50,
    ledgerPath: join(folder, `ledger-${++ledgers}`),
    wire: lineWire,
    registry,
    log: kept.log,
    ...options,
  });
  bridges.push(bridge);
  return Object.assign(bridge, { registry });
}
afterEach(async () => {
  hold(false);
  for (const device of devices.splice(0)) device.close();
  for (const bridge of bridges.splice(0)) await bridge.stop();
});
afterAll(async () => {
  proxy?.close();
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

let serial = 0;
async function register(more: object = {}): Promise<string> {
  const lockId = `76000${String(++serial).padStart(5, '0')}`;
  const body = { lockId, simulated: true, profile: 'jointech-701d', ...more };
  const answer = await platform.call('POST', '/locks', body);
  expect(answer.status).toBe(201);
  return lockId;
}
function connected(bridge: Bridge, lockId: string): Device {
  const device = new Device(bridge.port, lockId);
  devices.push(device);
  device.say({ what: 'hello', n: 0 });
  return device;
}
/** A lock that is registered, and its device after its first answer. */
async function device(bridge: Bridge, more: object = {}): Promise<Device> {
  const one = connected(bridge, await register(more));
  await vi.waitFor(() => expect(one.heard).toContainEqual({ hello: 0 }), SOON);
  return one;
}
const ago = (s: number) => new Date(Math.floor(Date.now() / 1_000) * 1_000 - s * 1_000).toISOString();
const record = (s: number, more: object = {}) => ({
  time: ago(s),
  seal: { rope: 'inserted', motor: 'locked' },
  battery: { percent: 60 + (s % 40) },
  ...more,
});
const stored = async (lockId: string) =>
  (
    await platform.call<{ items: { time: string; kind: string; boot: number; receivedAt: string }[] }>(
      'GET',
      `/locks/${lockId}/reports?from=2026-01-01T00:00:00Z`,
    )
  ).body.items;
const quarantined = async (lockId: string) =>
  (
    await platform.call<{ items: { reason: string; raw?: string; preview?: string }[] }>(
      'GET',
      `/quarantine?lockId=${lockId}`,
    )
  ).body.items;
const count = async (registry: Registry, reason: string) => {
  const metric = await registry.getSingleMetric('sealwatch_bridge_refused_total')!.get();
  return metric.values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
};
const commandOf = async (lockId: string, commandId: string) => {
  const { body } = await platform.call<{ items: { commandId: string; state: string; reason?: string }[] }>(
    'GET',
    `/locks/${lockId}/commands`,
  );
  return body.items.find((one) => one.commandId === commandId)!;
};
const order = async (lockId: string, body: object) =>
  (await platform.call<{ commandId: string }>('POST', `/locks/${lockId}/commands`, body)).body.commandId;

describe('what a device has sent', () => {
  test('is acknowledged on the wire when the platform has stored it, and not before; heartbeats at once', async () => {
    const bridge = await start();
    const lock = await device(bridge);
    lock.say({ what: 'records', n: 1, records: [record(60)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([1]), SOON);
    expect(await stored(lock.id)).toHaveLength(1);
    hold(true);
    lock.say(
      { what: 'hello', n: 7 },
      { what: 'records', n: 2, records: [record(50), record(40, { kind: 'backfill' })] },
    );
    await vi.waitFor(() => expect(lock.heard).toContainEqual({ hello: 7 }), SOON);
    // The platform has stored it meanwhile; its word of that is held back.
    await vi.waitFor(async () => expect(await stored(lock.id)).toHaveLength(3), SOON);
    expect(lock.acks).toEqual([1]);
    hold(false);
    await vi.waitFor(() => expect(lock.acks).toEqual([1, 2]), SOON);
  });

  test('is stored once however often it is sent, newest first, by this bridge and the next one', async () => {
    const first = await start();
    const lock = await device(first);
    const records = Array.from({ length: 30 }, (_, i) => record(10 * i));
    const parts = records.map((one, i) => ({ what: 'records' as const, n: i + 1, records: [one] }));
    lock.say(...parts, ...parts.slice(0, 9));
    await vi.waitFor(() => expect(lock.acks).toHaveLength(39), SOON);
    await first.stop();
    const again = connected(await start(), lock.id);
    again.say({ what: 'records', n: 1, records });
    await vi.waitFor(() => expect(again.acks).toEqual([1]), SOON);
    expect(await stored(lock.id)).toHaveLength(30);
    expect(await quarantined(lock.id)).toEqual([]);
  });

  test('without a clock gets the time of its first receipt, also from a bridge that was started anew', async () => {
    const ledgerPath = join(folder, 'clockless');
    const first = await start({ ledgerPath });
    const lock = await device(first);
    const clockless = { time: '2000-01-01T00:00:24.000Z', clockless: true, battery: { percent: 50 } };
    lock.say({ what: 'records', n: 1, records: [clockless] });
    await vi.waitFor(() => expect(lock.acks).toEqual([1]), SOON);
    await first.stop();
    const again = connected(await start({ ledgerPath }), lock.id);
    again.say({ what: 'records', n: 2, records: [clockless] });
    await vi.waitFor(() => expect(again.acks).toEqual([2]), SOON);
    const [one, ...others] = await stored(lock.id);
    expect(others).toEqual([]);
    expect(one!.boot).toBe(0);
    expect(Date.parse(one!.receivedAt) - Date.parse(one!.time)).toBeLessThan(60_000);
  });

  test('is kept with its bytes where it cannot be read; damaged, it is asked for again, five times', async () => {
    const lock = await device(await start());
    for (let i = 1; i < 5; i++) lock.say({ what: 'damaged', n: 9 });
    lock.say({ what: 'records', n: 10, records: [record(5)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([10]), SOON);
    const bytes = Buffer.from(JSON.stringify({ id: lock.id, what: 'damaged', n: 9 })).toString('hex');
    // Records of frames that came together are stored first.
    await vi.waitFor(async () => expect(JSON.stringify(await quarantined(lock.id))).toContain(bytes), SOON);
    lock.say({ what: 'damaged', n: 9 });
    await vi.waitFor(() => expect(lock.acks).toEqual([10, 9]), SOON);
  });

  test('by a clock that is a zone off is refused and told, and taken once the clock is right', async () => {
    const bridge = await start();
    const lock = await device(bridge);
    const at = { position: { lon: 120, lat: 29.3, source: 'gnss' } };
    lock.say({ what: 'records', n: 1, records: [record(8 * 3_600, at)] });
    await vi.waitFor(async () => expect(JSON.stringify(await quarantined(lock.id))).toContain('wrong zone'), SOON);
    expect(await count(bridge.registry, 'zone')).toBe(1);
    lock.say({ what: 'records', n: 2, records: [record(2, at)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([2]), SOON);
    expect(await stored(lock.id)).toHaveLength(1);
  });

  test('is stored and acknowledged before the bridge ends', async () => {
    const bridge = await start();
    const lock = await device(bridge);
    lock.say({ what: 'records', n: 8, records: [record(9)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([8]), SOON);
    hold(true);
    lock.say({ what: 'records', n: 1, records: [record(3)] });
    await vi.waitFor(async () => expect(await stored(lock.id)).toHaveLength(2), SOON);
    const stopped = bridge.stop();
    hold(false);
    await stopped;
    await vi.waitFor(() => expect(lock.isClosed).toBe(true), SOON);
    expect(lock.acks).toEqual([8, 1]);
  });
});

describe('who connects', () => {
  test('an id that nobody has registered gets no word, is closed, counted and shown', async () => {
    const bridge = await start();
    const stranger = connected(bridge, '0000000042');
    await vi.waitFor(() => expect(stranger.isClosed).toBe(true), SOON);
    expect(stranger.heard).toEqual([]);
    expect(await count(bridge.registry, 'unknown')).toBe(1);
    await vi.waitFor(async () => {
      const { body } = await platform.call<{ strangers: object[] }>('GET', '/bridge');
      expect(body.strangers).toContainEqual(
        expect.objectContaining({ wireId: '0000000042', network: '127.0.0.0/24', why: 'unknown' }),
      );
    }, SOON);
  });

  test('a lock that may come from other networks alone is turned away, and one of these is let in', async () => {
    const bridge = await start();
    await device(bridge, { networks: ['127.0.0.0/8'] });
    const away = connected(bridge, await register({ networks: ['10.20.0.0/16'] }));
    await vi.waitFor(() => expect(away.isClosed).toBe(true), SOON);
    expect(await count(bridge.registry, 'network')).toBe(1);
  });

  test('a second connection under a living id takes its place, and both are an alarm; after a lost one there is none', async () => {
    const bridge = await start();
    const first = await device(bridge);
    const second = connected(bridge, first.id);
    second.say({ what: 'records', n: 5, records: [record(1)] });
    await vi.waitFor(() => expect(second.acks).toEqual([5]), SOON);
    await vi.waitFor(async () => expect(await count(bridge.registry, 'second-connection')).toBe(1), SOON);
    expect(first.isClosed).toBe(true);
    second.close();
    const third = connected(bridge, first.id);
    await vi.waitFor(() => expect(third.heard).toContainEqual({ hello: 0 }), SOON);
    expect(await count(bridge.registry, 'second-connection')).toBe(1);
  });

  test('a connection speaks for one lock', async () => {
    const bridge = await start();
    const lock = await device(bridge);
    const other = await register();
    lock.socket.write(`${JSON.stringify({ id: other, what: 'records', n: 1, records: [record(1)] })}\n`);
    await vi.waitFor(() => expect(lock.isClosed).toBe(true), SOON);
    expect(await stored(other)).toEqual([]);
    expect(await count(bridge.registry, 'another-id')).toBe(1);
  });

  test('a lock that is retired loses its connection', async () => {
    const lock = await device(await start());
    await platform.call('POST', `/locks/${lock.id}/retire`, {});
    await vi.waitFor(() => expect(lock.isClosed).toBe(true), SOON);
  });

  test('nobody says nothing for long, and no address has more than its connections', async () => {
    const bridge = await start({ limits: { nameWithinMs: 300, connectionsOfAddress: 2 } });
    const silent = new Device(bridge.port, 'x');
    devices.push(silent);
    await vi.waitFor(() => expect(silent.isClosed).toBe(true), SOON);
    await Promise.all([device(bridge), device(bridge)]);
    const third = connected(bridge, await register());
    await vi.waitFor(() => expect(third.isClosed).toBe(true), SOON);
    expect(await count(bridge.registry, 'connections-of-address')).toBe(1);
  });
});

describe('a command', () => {
  test('is written to the lock, and done when the lock says so', async () => {
    const lock = await device(await start());
    const commandId = await order(lock.id, { type: 'interval', intervalS: 30 });
    await vi.waitFor(() => expect(lock.commands).toMatchObject([{ do: 'interval' }]), SOON);
    expect((await commandOf(lock.id, commandId)).state).toBe('sent');
    lock.say({ what: 'answer', to: lock.commands[0]!.serial! });
    await vi.waitFor(async () => expect((await commandOf(lock.id, commandId)).state).toBe('done'), SOON);
  });

  test('that the lock cannot do is refused with the reason', async () => {
    const lock = await device(await start());
    const commandId = await order(lock.id, { type: 'reboot' });
    await vi.waitFor(
      async () =>
        expect(await commandOf(lock.id, commandId)).toMatchObject({
          state: 'refused',
          reason: expect.stringContaining('afar'),
        }),
      SOON,
    );
  });

  test('that moves the lock is written once, and without an answer it is failed, as uncertain', async () => {
    const ledgerPath = join(folder, 'unlocks');
    const first = await start({ ledgerPath, answerWithinMs: 60_000 });
    const lock = await device(first);
    const commandId = await order(lock.id, { type: 'seal' });
    await vi.waitFor(() => expect(lock.commands).toHaveLength(1), SOON);
    // Killed, not stopped: nothing more is said to the platform, which brings the command again.
    hold(true);
    void first.stop();
    bridges.splice(bridges.indexOf(first), 1);
    lock.close();
    hold(false);
    const again = connected(await start({ ledgerPath }), lock.id);
    await vi.waitFor(
      async () =>
        expect(await commandOf(lock.id, commandId)).toMatchObject({
          state: 'failed',
          reason: expect.stringContaining('uncertain'),
        }),
      SOON,
    );
    expect(again.commands).toEqual([]);
  });

  test('that the lock never answers ends, and the next one is written', async () => {
    const lock = await device(await start({ answerWithinMs: 200 }));
    const unanswered = await order(lock.id, { type: 'seal' });
    const next = await order(lock.id, { type: 'locate' });
    await vi.waitFor(
      async () =>
        expect(await commandOf(lock.id, unanswered)).toMatchObject({
          state: 'failed',
          reason: expect.stringContaining('uncertain'),
        }),
      SOON,
    );
    await vi.waitFor(() => expect(lock.commands.map((one) => one.do)).toEqual(['seal', 'locate']), SOON);
    expect((await commandOf(lock.id, next)).state).not.toBe('queued');
  });
});

test('no secret is logged', async () => {
  const text = await readFile(join(folder, 'key'), 'utf8');
  expect(kept.text()).not.toContain(text.trim());
});
