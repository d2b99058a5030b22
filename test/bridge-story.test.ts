import type { Alarm, Trip } from '@sealwatch/schemas';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { addPeople, type Platform, signIn, startPlatform } from './platform.ts';
import {
  ask,
  at,
  beside,
  box,
  DESTINATION_OFFICE,
  GATE,
  layRoad,
  ORIGIN_OFFICE,
  passageOf,
  plate,
  ROUTE,
} from './truck.ts';
import { WireLock } from './wire-lock.ts';

const SOON = { timeout: 60_000, interval: 30 };
let platform: Platform;
let people: (method: string, path: string, body?: object) => Promise<Record<string, unknown>>;
beforeAll(async () => {
  platform = await startPlatform({ SEALWATCH_BRIDGE_PORT: '0' });
  await layRoad(platform);
  const offices = [ORIGIN_OFFICE, DESTINATION_OFFICE];
  await addPeople(platform.app.http, [
    { name: 'Li Wei', password: 'a long enough password', role: 'operator', offices },
  ]);
  const cookie = await signIn(platform.app.http, 'Li Wei', 'a long enough password');
  people = async (method, path, body = {}) => {
    const headers = { 'content-type': 'application/json', cookie };
    const answer = await fetch(`${platform.app.http}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
    const text = await answer.text();
    expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300);
    return JSON.parse(text);
  };
});
afterAll(() => platform?.stop());

async function report(lock: WireLock, where: [number, number], inS = 0): Promise<void> {
  platform.aheadMs = inS * 1_000;
  await isAcknowledged(lock, lock.send(0x0200, WireLock.bodyOf(where, inS)));
}
const isAcknowledged = (lock: WireLock, serial: number) =>
  vi.waitFor(() => expect(lock.acknowledged).toContain(serial), SOON);

let declared = 0;
async function lockOf(n: number): Promise<WireLock> {
  const lockId = `0641${String(n).padStart(8, '0')}`;
  await ask(platform, 'POST', '/locks', { lockId, model: 'JT709', profile: 'jointech-709' });
  return new WireLock(Number(new URL(platform.app.bridge!).port), lockId);
}
async function sealed(lock: WireLock, n: number): Promise<string> {
  const trip = await people('POST', '/trips', {
    declarationNo: `29212026033${String(++declared).padStart(7, '0')}`,
    mode: 'road',
    originOffice: ORIGIN_OFFICE,
    destinationOffice: DESTINATION_OFFICE,
    routeId: ROUTE,
    vehicle: { tractorPlate: plate(n) },
    units: [{ containerNo: box(n), lockId: lock.id }],
  });
  const path = `/trips/${trip.tripId}`;
  await people('POST', `${path}/release`);
  await report(lock, at(0));
  await people('POST', `${path}/hang`);
  await report(lock, at(0), 1);
  await people('POST', `${path}/seal`);
  return String(trip.tripId);
}
const tripOf = (tripId: string) => ask<Trip>(platform, 'GET', `/trips/${tripId}`);
const becomes = (tripId: string, status: string) =>
  vi.waitFor(async () => expect((await tripOf(tripId)).status).toBe(status), SOON);

it('a lock of JT/T 808 is registered, sealed, drives, arrives, and the gate lets it go by itself', async () => {
  const lock = await lockOf(8_801);
  const tripId = await sealed(lock, 8_801);
  for (const [share, s] of [
    [0, 3],
    [0.3, 30],
    [0.6, 60],
    [0.95, 115],
    [1, 130],
  ] as const)
    await report(lock, at(share), s);
  await becomes(tripId, 'arrived');
  const answer = await ask(platform, 'POST', `/gates/${GATE}/passages`, passageOf(8_801, lock.id));
  expect(answer).toMatchObject({ verdict: 'release', code: 'Y', tripId, notes: [{ rule: 'lock.id-alone' }] });
  await becomes(tripId, 'closed');
  expect(lock.unlocksHeard).toBe(1);
  expect((await tripOf(tripId)).risk).toBe('green');
  lock.close();
});

it('a detour inside a blackout that comes in a blind batch alone turns the truck red with hindsight', async () => {
  const lock = await lockOf(8_802);
  const tripId = await sealed(lock, 8_802);
  for (const [share, s] of [
    [0, 3],
    [0.3, 30],
  ] as const)
    await report(lock, at(share), s);
  await report(lock, at(0.6), 80);
  expect((await tripOf(tripId)).risk).toBe('green');
  // Newest first, as locks send them.
  const bodies = [WireLock.bodyOf(beside(at(0.42)), 56), WireLock.bodyOf(beside(at(0.4)), 50)];
  const batch = { type: 'batch', isBlind: true, kind: 1, count: 2, items: bodies, rest: new Uint8Array(0) } as const;
  await isAcknowledged(lock, lock.send(0x0704, batch));
  await vi.waitFor(async () => expect((await tripOf(tripId)).risk).toBe('red'), SOON);
  const { items } = await ask<{ items: Alarm[] }>(platform, 'GET', `/alarms?tripId=${tripId}&rule=route.deviation`);
  expect(items).toMatchObject([{ detectedLate: true, severity: 'critical' }]);
  lock.close();
});
