import { connect, type Socket } from 'node:net';
import type { Alarm } from '@sealwatch/schemas';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { encodeFrame, encodeLine, writeLocation } from '../bridge/src/codecs.ts';
import type { SubLockRecord } from '../bridge/src/jointech/wlnet.ts';
import { type Platform, startPlatform } from './platform.ts';
import { ask, box, DESTINATION_OFFICE, layRoad, ORIGIN_OFFICE, plate, ROUTE } from './truck.ts';

const SOON = { timeout: 60_000, interval: 30 };
let platform: Platform;
const sockets: Socket[] = [];
beforeAll(async () => {
  platform = await startPlatform({ SEALWATCH_BRIDGE_PORT: '0' });
  await layRoad(platform);
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await platform?.stop();
});

/** A connection of a hub, and what it was answered in Latin-1. */
function hub(): { socket: Socket; heard: () => string } {
  const socket = connect(Number(new URL(platform.app.bridge!).port), '127.0.0.1');
  sockets.push(socket);
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => void chunks.push(chunk));
  return { socket, heard: () => Buffer.concat(chunks).toString('latin1') };
}
const register = (lockId: string, profile: string) =>
  ask(platform, 'POST', '/locks', { lockId, simulated: true, profile });

async function tripOf(n: number, lockId: string): Promise<string> {
  const sealedAt = new Date(Date.now() - 600_000).toISOString();
  const trip = await ask(platform, 'POST', '/trips', {
    declarationNo: `29212026044${String(n).padStart(7, '0')}`,
    ...{ mode: 'road', originOffice: ORIGIN_OFFICE, destinationOffice: DESTINATION_OFFICE, routeId: ROUTE },
    vehicle: { tractorPlate: plate(n) },
    units: [{ containerNo: box(n), lockId }],
    takeover: { sealedAt, departedAt: sealedAt },
  });
  return String(trip.tripId);
}
const rulesOf = async (tripId: string) =>
  (await ask<{ items: Alarm[] }>(platform, 'GET', `/alarms?tripId=${tripId}`)).items.map(({ rule }) => rule);
const reportsOf = async (lockId: string) =>
  (await ask<{ items: object[] }>(platform, 'GET', `/locks/${lockId}/reports?from=2026-01-01T00:00:00Z`)).items;

const pairs = (agoS: number) => new Date(Date.now() - agoS * 1_000).toISOString().replace(/\D/g, '').match(/../g) ?? [];
/** DDMMYYhhmmss */
const dayFirst = (agoS: number) => {
  const [, year, month, day, ...clock] = pairs(agoS);
  return [day, month, year, ...clock.slice(0, 3)].join('');
};

const ROPE_CUT = 1 << 4;
const wlnet = (hubId: string, id: string, serial: number, agoS: number, events: number): Uint8Array => {
  const fix = { time: dayFirst(agoS), lat: '29180000', lon: '120006000', flags: 7, speed: 20, heading2: 45 };
  const own = { sensorTime: dayFirst(agoS), id, sensorSerial: serial, voltage: 367, percent: 80, rssi: 60, kind: 4 };
  const record: SubLockRecord = {
    ...{ ...fix, ...own, rest: new Uint8Array(0) },
    lock: { events, status: 0, cycles: 3, gateway: 0 },
  };
  return encodeLine({ type: 'sub-lock', deviceId: hubId, protocol: '1', serial: String(serial), record });
};

it('a JT709 behind a JT701D is a lock of its own: its rope is cut, and its trip turns red', async () => {
  await register('7601000001', 'jointech-701d');
  await register('7602000001', 'jointech-701d');
  const tripId = await tripOf(1, '7602000001');
  const { socket, heard } = hub();
  const cut = wlnet('7601000001', '7602000001', 19, 30, ROPE_CUT);
  socket.write(wlnet('7601000001', '7602000001', 18, 60, 0));
  socket.write(cut);
  await vi.waitFor(() => expect(heard()).toContain('(P69,0,18)(P69,0,19)'), SOON);
  expect(await rulesOf(tripId)).toContain('seal.rope-cut');
  expect(await reportsOf('7602000001')).toHaveLength(2);
  expect(await reportsOf('7601000001')).toHaveLength(2);
  socket.write(cut);
  const commandId = (await ask(platform, 'POST', '/locks/7602000001/commands', { type: 'locate' })).commandId;
  await vi.waitFor(async () => {
    const { items } = await ask<{ items: object[] }>(platform, 'GET', '/locks/7602000001/commands');
    expect(items).toMatchObject([{ commandId, state: 'refused', reason: expect.stringContaining('hub') }]);
  }, SOON);
  expect(await reportsOf('7602000001')).toHaveLength(2);
});

it('one that nobody has registered is kept with its frame and told; registered, it is heard from the next frame on', async () => {
  await register('7601000002', 'jointech-701d');
  const { socket, heard } = hub();
  socket.write(wlnet('7601000002', '7602000002', 1, 60, 0));
  await vi.waitFor(() => expect(heard()).toContain('(P69,0,1)'), SOON);
  const { items } = await ask<{ items: { raw: string }[] }>(platform, 'GET', '/quarantine?lockId=7601000002');
  expect(items[0]!.raw).toContain('not registered: 7602000002');
  await register('7602000002', 'jointech-701d');
  const next = wlnet('7601000002', '7602000002', 2, 30, 0);
  await vi.waitFor(async () => {
    socket.write(next);
    expect(await reportsOf('7602000002')).toHaveLength(1);
  }, SOON);
});

it('a lock in the list of a Huabao hub is a lock of its own', async () => {
  await register('002002604399', 'jt808-huabao');
  await register('2002604399', 'jt808-huabao');
  const tripId = await tripOf(3, '2002604399');
  const { socket } = hub();
  const location = (agoS: number, isOpen: boolean) => {
    const [, ...local] = pairs(agoS - 8 * 3_600);
    const entry = [0x20, 0x02, 0x60, 0x43, 0x99, 0, 0, 0, 0, 0, 0x53, 0, isOpen ? 0x30 : 0x12];
    const body = writeLocation({
      ...{ alarms: 0, status: 2, latE6: 29_300_000, lonE6: 120_010_000, altitudeM: 9, speedTenthKmh: 500 },
      ...{
        headingDeg: 90,
        time: local.slice(0, 6).join(''),
        tags: [{ id: 0xd5, value: Uint8Array.from([1, ...entry]) }],
      },
    });
    return encodeFrame({ id: 0x0200, flags: 0, shape: '2013', phone: '002002604399', serial: agoS }, body);
  };
  socket.write(location(60, false));
  socket.write(location(30, true));
  await vi.waitFor(async () => expect(await rulesOf(tripId)).toContain('seal.opened-in-transit'), SOON);
});
