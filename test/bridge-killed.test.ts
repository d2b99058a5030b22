import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { freshDatabase } from '../ingest/test/database.ts';
import { ADMIN_KEY, type Platform, startPlatform } from './platform.ts';
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

const DEEP = process.env.SEALWATCH_DEEP === '1';
const KILLED_AFTER = [1, 25, 59];

it.skipIf(!DEEP).each(KILLED_AFTER)(
  'what a platform that was killed with its bridge after %i acknowledgements has acknowledged is stored, and each record once',
  async (after) => {
    const database = await freshDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-serve-'));
    const serve = async () => {
      const env = { SEALWATCH_BRIDGE_PORT: '0', SEALWATCH_DATA_DIR: dataDir, DATABASE_URL: database.url };
      const one = sealwatch(['serve'], { ...env, SEALWATCH_BOOTSTRAP_KEY: ADMIN_KEY });
      running.push(one);
      const { http, bridge } = await one.line<{ http: string; bridge: string }>('listening');
      const call = async <T>(path: string, body?: object): Promise<T> => {
        const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
        const asked = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
        return (await fetch(`${http}/api/v1${path}`, asked)).json() as Promise<T>;
      };
      return { one, call, port: Number(new URL(bridge).port) };
    };
    const lockId = '064100008902';
    const bodies = Array.from({ length: 120 }, (_, i) => WireLock.bodyOf(at((i % 50) / 50), -10 * (120 - i)));
    const first = await serve();
    await first.call('/locks', { lockId, model: 'JT709', simulated: true, profile: 'jointech-709' });
    const lock = new WireLock(first.port, lockId);
    const sent: number[] = [];
    for (const body of bodies) {
      sent.push(lock.send(0x0200, body));
      if (sent.length % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (lock.acknowledged.length >= after) break;
    }
    await vi.waitFor(() => expect(lock.acknowledged.length).toBeGreaterThanOrEqual(Math.min(after, sent.length)), SOON);
    first.one.child.kill('SIGKILL');
    await first.one.ended;
    const acknowledged = new Set(lock.acknowledged);
    const second = await serve();
    const stored = async () => {
      const path = `/locks/${lockId}/reports?limit=500&from=2026-01-01T00:00:00Z`;
      return (await second.call<{ items: { time: string }[] }>(path)).items.map(({ time }) => time);
    };
    const times = new Set(await stored());
    for (const [i, serial] of sent.entries()) {
      if (acknowledged.has(serial)) expect(times).toContain(WireLock.timeOf(bodies[i]!));
    }
    const again = new WireLock(second.port, lockId);
    const resent = bodies.toReversed().map((body) => again.send(0x0200, body));
    await vi.waitFor(() => expect(again.acknowledged).toEqual(expect.arrayContaining(resent)), SOON);
    const all = await stored();
    expect([all.length, new Set(all).size]).toEqual([120, 120]);
    expect((await second.call<{ items: object[] }>(`/quarantine?lockId=${lockId}`)).items).toEqual([]);
    lock.close();
    again.close();
    second.one.child.kill('SIGTERM');
    await second.one.ended;
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  },
);
