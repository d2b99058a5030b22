import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { expect, vi } from 'vitest';
import { type Bridge, type BridgeOptions, restExchange, startBridge } from '../bridge/src/index.ts';
import { keptLog } from '../ingest/test/kept-log.ts';
import { Device, lineWire } from './line-wire.ts';
import { startPlatform } from './platform.ts';

export const SOON = { timeout: 60_000, interval: 20 };

/** A platform, and bridges to it whose PUBACKs can be held back. */
export type BridgeRig = Awaited<ReturnType<typeof startBridgeRig>>;

export async function startBridgeRig() {
  const folder = await mkdtemp(join(tmpdir(), 'sealwatch-bridge-'));
  const platform = await startPlatform();
  const { body } = await platform.call<{ key: string }>('POST', '/keys', { role: 'bridge', name: 'test bridge' });
  await writeFile(join(folder, 'key'), `${body.key}\n`);
  const kept = keptLog();
  const held = new Set<Socket>();
  /** While true nothing of the platform reaches the bridge. */
  let isHeld = false;
  const proxy = createServer((socket) => {
    const { port, hostname } = new URL(platform.app.mqtt);
    const up = connect(Number(port), hostname).on('error', () => socket.destroy());
    socket.on('error', () => up.destroy()).pipe(up);
    held.add(up);
    up.on('close', () => held.delete(up));
    up.on('data', (chunk) => void socket.write(chunk));
    if (isHeld) up.pause();
    socket.on('close', () => up.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  const mqttUrl = `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const bridges: Bridge[] = [];
  const devices: Device[] = [];
  let made = 0;

  const rig = {
    platform,
    folder,
    kept,
    devices,
    hold(is: boolean): void {
      isHeld = is;
      for (const up of held)
        if (is) up.pause();
        else up.resume();
    },
    async start(options: Partial<BridgeOptions> = {}): Promise<Bridge & { registry: Registry }> {
      const registry = new Registry();
      const bridge = await startBridge({
        ...{ host: '127.0.0.1', port: 0, mqttUrl, name: 'test bridge', wire: lineWire, registry, log: kept.log },
        exchange: restExchange(platform.app.http, join(folder, 'key')),
        exchangeEveryMs: 50,
        ledgerPath: join(folder, `ledger-${++made}`),
        ...options,
      });
      bridges.push(bridge);
      return Object.assign(bridge, { registry });
    },
    /** The test stops it itself. */
    leave: (bridge: Bridge) => void bridges.splice(bridges.indexOf(bridge), 1),
    async register(more: object = {}): Promise<string> {
      const lockId = `76000${String(++made).padStart(5, '0')}`;
      const lock = { lockId, simulated: true, profile: 'jointech-701d', ...more };
      expect((await platform.call('POST', '/locks', lock)).status).toBe(201);
      return lockId;
    },
    connected(bridge: Bridge, lockId: string): Device {
      const device = new Device(bridge.port, lockId);
      devices.push(device);
      device.say({ what: 'hello', n: 0 });
      return device;
    },
    /** A lock that is registered, and its device after its first answer. */
    async device(bridge: Bridge, more: object = {}): Promise<Device> {
      const one = rig.connected(bridge, await rig.register(more));
      await vi.waitFor(() => expect(one.heard).toContainEqual({ hello: 0 }), SOON);
      return one;
    },
    async stored(lockId: string) {
      const path = `/locks/${lockId}/reports?from=2026-01-01T00:00:00Z`;
      type Stored = { time: string; kind: string; boot: number; receivedAt: string };
      return (await platform.call<{ items: Stored[] }>('GET', path)).body.items;
    },
    async quarantined(lockId: string) {
      type Entry = { reason: string; raw?: string; preview?: string };
      return (await platform.call<{ items: Entry[] }>('GET', `/quarantine?lockId=${lockId}`)).body.items;
    },
    async commandOf(lockId: string, commandId: string) {
      type Command = { commandId: string; state: string; reason?: string };
      const { body: given } = await platform.call<{ items: Command[] }>('GET', `/locks/${lockId}/commands`);
      return given.items.find((one) => one.commandId === commandId)!;
    },
    async order(lockId: string, command: object) {
      const given = await platform.call<{ commandId: string }>('POST', `/locks/${lockId}/commands`, command);
      return given.body.commandId;
    },
    /** Ends what one test has started. */
    async reset(): Promise<void> {
      rig.hold(false);
      for (const device of devices.splice(0)) device.close();
      for (const bridge of bridges.splice(0)) await bridge.stop();
    },
    async stop(): Promise<void> {
      proxy.close();
      await platform.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return rig;
}

/** How often the bridge has refused something for this reason. */
export async function refusals(registry: Registry, reason: string): Promise<number> {
  const metric = await registry.getSingleMetric('sealwatch_bridge_refused_total')!.get();
  return metric.values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
}
