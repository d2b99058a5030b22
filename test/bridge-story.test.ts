import { connect, type Socket } from 'node:net';
import type { Alarm, Trip } from '@sealwatch/schemas';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { decode, Splitter } from '../bridge/src/index.ts';
import { encodeFrame, type Header } from '../bridge/src/jt808/frame.ts';
import { writeLocation } from '../bridge/src/jt808/location.ts';
import { type Message, writeMessage } from '../bridge/src/jt808/messages.ts';
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

const FIXED = 1 << 1;
const ROPE_OUT = 1 << 20;
const MOTOR_OPEN = 1 << 21;
type Point = [lon: number, lat: number];

/** A lock of JT/T 808 that does what it is told, and keeps what was not acknowledged. */
class WireLock {
  readonly id: string;
  readonly acknowledged: number[] = [];
  isOpen = false;
  answersUnlock = true;
  unlocksHeard = 0;
  readonly #socket: Socket;
  #serial = 0;

  constructor(port: number, id: string) {
    this.id = id;
    const splitter = new Splitter();
    this.#socket = connect(port, '127.0.0.1').on('error', () => undefined);
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of splitter.push(chunk)) {
        const decoded = decode(frame);
        if ('header' in decoded && 'message' in decoded) this.#told(decoded.header, decoded.message);
      }
    });
  }

  #send(id: number, message: Message | Uint8Array): number {
    const serial = this.#serial++;
    const header: Header = { id, flags: 0, shape: '2013', phone: this.id, serial };
    this.#socket.write(
      encodeFrame(header, message instanceof Uint8Array ? message : writeMessage(id, message, '2013')),
    );
    return serial;
  }

  #told(header: Header, message: Message): void {
    if (message.type === 'platform-reply') this.acknowledged.push(message.serial);
    if (header.id === 0x8103)
      this.#send(0x0001, { type: 'terminal-reply', serial: header.serial, id: header.id, result: 0 });
    if (header.id === 0x8500) {
      this.unlocksHeard++;
      if (!this.answersUnlock) return;
      this.isOpen = true;
      this.#send(0x0001, { type: 'terminal-reply', serial: header.serial, id: header.id, result: 0 });
      this.#send(0x0200, this.place(at(1), 131));
    }
  }

  place([lon, lat]: Point, inS: number): Uint8Array {
    const time = new Date(Date.now() + inS * 1_000).toISOString().replace(/\D/g, '').slice(2, 14);
    return writeLocation({
      ...{ alarms: 0, status: FIXED | (this.isOpen ? ROPE_OUT | MOTOR_OPEN : 0), altitudeM: 10, headingDeg: 80 },
      ...{ latE6: Math.round(lat * 1e6), lonE6: Math.round(lon * 1e6), speedTenthKmh: 700, time },
      tags: [
        { id: 0xd4, value: Uint8Array.of(80) },
        { id: 0x31, value: Uint8Array.of(11) },
      ],
    });
  }

  heartbeat = () => this.#send(0x0002, { type: 'raw', body: new Uint8Array(0) } as Message);

  /** Resolves when it is acknowledged on the wire. */
  async report(where: Point, inS = 0): Promise<void> {
    platform.aheadMs = inS * 1_000;
    await this.#acked(this.#send(0x0200, this.place(where, inS)));
  }

  async blind(items: Uint8Array[]): Promise<void> {
    await this.#acked(
      this.#send(0x0704, {
        type: 'batch',
        isBlind: true,
        kind: 1,
        count: items.length,
        items,
        rest: new Uint8Array(0),
      }),
    );
  }

  #acked(serial: number) {
    return vi.waitFor(() => expect(this.acknowledged).toContain(serial), SOON);
  }

  close(): void {
    this.#socket.destroy();
  }
}

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
  await lock.report(at(0));
  await people('POST', `${path}/hang`);
  await lock.report(at(0), 1);
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
    await lock.report(at(share), s);
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
    await lock.report(at(share), s);
  await lock.report(at(0.6), 80);
  expect((await tripOf(tripId)).risk).toBe('green');
  // Newest first, as locks send them.
  await lock.blind([lock.place(beside(at(0.42)), 56), lock.place(beside(at(0.4)), 50)]);
  await vi.waitFor(async () => expect((await tripOf(tripId)).risk).toBe('red'), SOON);
  const { items } = await ask<{ items: Alarm[] }>(platform, 'GET', `/alarms?tripId=${tripId}&rule=route.deviation`);
  expect(items).toMatchObject([{ detectedLate: true, severity: 'critical' }]);
  lock.close();
});
