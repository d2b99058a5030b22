import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type Bridge, protocols, restExchange, startBridge } from '../bridge/src/index.ts';
import { readLocation, writeLocation } from '../bridge/src/jt808/location.ts';
import { createLog } from '../ingest/src/log.ts';
import { type Platform, startPlatform } from './platform.ts';
import { at } from './truck.ts';
import { WireLock } from './wire-lock.ts';

const SOON = { timeout: 60_000, interval: 20 };
const LOCK = '064100008701';
let platform: Platform;
let folder: string;
let bridge: Bridge | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealwatch-identity-'));
  platform = await startPlatform();
  const { body } = await platform.call<{ key: string }>('POST', '/keys', { role: 'bridge', name: 'apart' });
  await writeFile(join(folder, 'key'), body.key);
  await platform.call('POST', '/locks', { lockId: LOCK, model: 'JT709', simulated: true, profile: 'jointech-709' });
});
afterAll(async () => {
  await bridge?.stop();
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startAnew(): Promise<WireLock> {
  await bridge?.stop();
  bridge = await startBridge({
    ...{ host: '127.0.0.1', port: 0, name: 'apart', mqttUrl: platform.app.mqtt, wire: protocols },
    exchange: restExchange(platform.app.http, join(folder, 'key')),
    ...{ registry: new Registry(), log: createLog('silent', { pretty: false }) },
  });
  return new WireLock(bridge.port, LOCK);
}

const CARD = { id: 0x0b, value: Uint8Array.of(0x22, 0, 0x83, 0xa6, 0x7f) };
const NO_CLOCK = '000101000024';
/** Two positions, an event, and a record of a clock that did not run, each with the number that it is sent with. */
const records = [
  WireLock.bodyOf(at(0.1), -40),
  WireLock.bodyOf(at(0.2), -30),
  WireLock.bodyOf(at(0.3), -20),
  WireLock.bodyOf(at(0.4), -10),
].map((body, serial) => {
  const location = readLocation(body);
  if (serial === 2) return writeLocation({ ...location, tags: [...location.tags, CARD] });
  return serial === 3 ? writeLocation({ ...location, time: NO_CLOCK }) : body;
});
const timed = records.slice(0, 3);

async function sendsAll(lock: WireLock, order = [0, 1, 2, 3]): Promise<void> {
  const before = lock.acknowledged.length;
  for (const serial of order) lock.send(0x0200, records[serial]!, serial);
  await vi.waitFor(() => expect(lock.acknowledged.slice(before)).toEqual(expect.arrayContaining(order)), SOON);
}
async function reportsEvery(intervalS: number): Promise<void> {
  const path = `/locks/${LOCK}/commands`;
  const given = await platform.call<{ commandId: string }>('POST', path, { type: 'interval', intervalS });
  const { commandId } = given.body;
  await vi.waitFor(async () => {
    const { body } = await platform.call<{ items: { commandId: string; state: string }[] }>('GET', path);
    expect(body.items.find((one) => one.commandId === commandId)?.state).toBe('done');
  }, SOON);
}

it('a record that a lock sends again is the same one, whatever has become of interval, connection and bridge', async () => {
  let lock = await startAnew();
  await sendsAll(lock);
  await reportsEvery(30);
  await sendsAll(lock);
  await reportsEvery(600);
  await sendsAll(lock, [3, 2, 1, 0]);
  lock.close();
  lock = new WireLock(bridge!.port, LOCK);
  await sendsAll(lock);
  lock.close();
  lock = await startAnew();
  await sendsAll(lock, [2, 0, 3, 1]);
  const batch = { type: 'batch', isBlind: true, kind: 1, count: 3, items: timed, rest: new Uint8Array(0) } as const;
  const serial = lock.send(0x0704, batch, 99);
  await vi.waitFor(() => expect(lock.acknowledged).toContain(serial), SOON);
  const stored = await platform.call<{ items: object[] }>('GET', `/locks/${LOCK}/reports?from=2026-01-01T00:00:00Z`);
  expect(stored.body.items).toHaveLength(records.length);
  const refused = await platform.call<{ items: object[] }>('GET', `/quarantine?lockId=${LOCK}`);
  expect(refused.body.items).toEqual([]);
  lock.close();
});
