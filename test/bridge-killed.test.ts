import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Platform, startPlatform } from './platform.ts';
import { type Running, sealwatch } from './process.ts';
import { at, layRoad } from './truck.ts';
import { WireLock } from './wire-lock.ts';

const SOON = { timeout: 60_000, interval: 30 };
let platform: Platform;
let folder: string;
const running: Running[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealwatch-killed-'));
  platform = await startPlatform();
  await layRoad(platform);
  const { body } = await platform.call<{ key: string }>('POST', '/keys', { role: 'bridge', name: 'apart' });
  await writeFile(join(folder, 'key'), body.key);
});
afterAll(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startApart(): Promise<{ port: number; bridge: Running }> {
  const { http, mqtt } = platform.app;
  const files = ['--key-file', join(folder, 'key'), '--ledger', join(folder, 'ledger')];
  const bridge = sealwatch(['bridge', '--mqtt', mqtt, '--api', http, '--port', '0', '--host', '127.0.0.1', ...files]);
  running.push(bridge);
  const line = await bridge.line<{ bridge: string }>('listening');
  return { port: Number(new URL(line.bridge).port), bridge };
}

it('what a killed bridge has acknowledged is stored, and each record once, though all of it is sent again, newest first', async () => {
  const lockId = '064100008901';
  await platform.call('POST', '/locks', { lockId, model: 'JT709', simulated: true, profile: 'jointech-709' });
  const bodies = Array.from({ length: 60 }, (_, i) => WireLock.bodyOf(at((i % 50) / 50), -10 * (60 - i)));
  const first = await startApart();
  const lock = new WireLock(first.port, lockId);
  const sent = bodies.map((body) => lock.send(0x0200, body));
  await vi.waitFor(() => expect(lock.acknowledged.length).toBeGreaterThan(0), SOON);
  first.bridge.child.kill('SIGKILL');
  await first.bridge.ended;
  const acknowledged = new Set(lock.acknowledged);
  const stored = async () => {
    const path = `/locks/${lockId}/reports?limit=500&from=2026-01-01T00:00:00Z`;
    return (await platform.call<{ items: { time: string }[] }>('GET', path)).body.items.map(({ time }) => time);
  };
  const times = new Set(await stored());
  for (const [i, serial] of sent.entries()) {
    if (acknowledged.has(serial)) expect(times).toContain(WireLock.timeOf(bodies[i]!));
  }
  const again = new WireLock((await startApart()).port, lockId);
  const resent = bodies.toReversed().map((body) => again.send(0x0200, body));
  await vi.waitFor(() => expect(again.acknowledged).toEqual(expect.arrayContaining(resent)), SOON);
  const all = await stored();
  expect(all).toHaveLength(60);
  expect(new Set(all).size).toBe(60);
  const { body } = await platform.call<{ items: object[] }>('GET', `/quarantine?lockId=${lockId}`);
  expect(body.items).toEqual([]);
  lock.close();
  again.close();
});
