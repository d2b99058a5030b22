import type { Alarm, Trip } from '@sealwatch/schemas';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addPeople, type Platform, signIn, startPlatform } from './platform.ts';
import { ask, at, beside, DESTINATION_OFFICE, GATE, layRoad, ORIGIN_OFFICE, startTruck, type Truck } from './truck.ts';

const LIMIT = { timeout: 180_000, interval: 50 };
const PASSWORD = 'a long enough password';

/** What a signed-in person, or the gate, asks the platform for. */
type Asks = <T = Record<string, unknown>>(method: string, path: string, body?: object) => Promise<T>;

let platform: Platform;
/** The officers at both ends, and the gate, which is nobody. */
let yiwu: Asks;
let daxie: Asks;
let gate: Asks;

/** A person of an office, signed in. */
async function person(name: string, office: string): Promise<Asks> {
  await addPeople(platform.app.http, [{ name, password: PASSWORD, role: 'operator', offices: [office] }]);
  const json = { 'content-type': 'application/json' };
  const cookie = await signIn(platform.app.http, name, PASSWORD);
  return async <T>(method: string, path: string, asked: object = {}) => {
    const headers = { ...json, cookie };
    const answer = await fetch(`${platform.app.http}/api/v1${path}`, { method, headers, body: JSON.stringify(asked) });
    const text = await answer.text();
    expect(answer.status, `${name}: ${method} ${path}: ${text}`).toBeLessThan(300);
    return JSON.parse(text) as T;
  };
}

beforeAll(async () => {
  platform = await startPlatform({ SEALWATCH_REMIND_AFTER_S: '1', SEALWATCH_ESCALATE_AFTER_S: '2' });
  await layRoad(platform);
  yiwu = await person('Li Wei', ORIGIN_OFFICE);
  daxie = await person('Zhang Min', DESTINATION_OFFICE);
  const { key } = await ask<{ key: string }>(platform, 'POST', '/keys', {
    name: 'gate daxie',
    role: 'gate',
    offices: [DESTINATION_OFFICE],
  });
  gate = (method, path, body) => ask(platform, method, path, body, key);
});
afterAll(() => platform?.stop());

const tripOf = (tripId: string) => ask<Trip>(platform, 'GET', `/trips/${tripId}`);
const deviationOf = async (tripId: string) =>
  (await ask<{ items: Alarm[] }>(platform, 'GET', `/alarms?tripId=${tripId}&rule=route.deviation`)).items[0];
const becomes = (tripId: string, status: string) =>
  vi.waitFor(async () => expect((await tripOf(tripId)).status).toBe(status), LIMIT);
/** Who did what to the trip, oldest first. */
async function deeds(tripId: string): Promise<string[]> {
  const path = `/audit?subject=trip:${tripId}`;
  const { items } = await ask<{ items: { actor: string; action: string }[] }>(platform, 'GET', path);
  return items.reverse().map(({ actor, action }) => `${actor} ${action}`);
}

/** 挂锁, 施封: one declaration, released; the lock is hung on the box and sealed, and confirms its interval. */
async function sealed(truck: Truck): Promise<string> {
  const { tripId } = await yiwu<Trip>('POST', '/trips', truck.declaration());
  await yiwu('POST', `/trips/${tripId}/release`);
  await truck.report(at(0), 0, { mode: 'awake' });
  await yiwu('POST', `/trips/${tripId}/hang`);
  await truck.report(at(0));
  await yiwu('POST', `/trips/${tripId}/seal`);
  expect(truck.told).toEqual(['interval']);
  return tripId;
}

/** 在途: the truck leaves the road by a ramp and is back a while later, or never leaves it; and comes to the gate. */
async function drives(truck: Truck, ramp: boolean): Promise<void> {
  await truck.report(at(0), 1);
  await truck.report(at(0.3), 30);
  if (ramp) await truck.report(beside(at(0.4)), 50);
  if (ramp) await truck.report(beside(at(0.42)), 56);
  await truck.report(at(0.6), 80);
  await truck.report(at(0.95), 115);
  await truck.report(at(1), 130);
}

const WRITTEN_OFF_BY_ITSELF = [
  'Li Wei trip.declare',
  'Li Wei trip.release',
  'Li Wei trip.hang',
  'Li Wei trip.seal',
  `gate:${GATE} trip.write-off`,
  'lock trip.unlock',
  'lock trip.close',
];
const RELEASE = { verdict: 'release', code: 'Y', lane: 'fast', writtenOff: true };
const ALARM = { verdict: 'alarm', code: 'N', lane: 'inspection', writtenOff: false };
const asksGate = (truck: Truck) => gate('POST', `/gates/${GATE}/passages`, truck.passage());

describe.each([
  ['by day', 8_101, true],
  ['by night, with nobody at the gate or in the command centre', 8_201, false],
])('from Yiwu to Daxie %s', (_when, n, day) => {
  it('a clean truck is verified, written off, unlocked and let go by the gate and its lock, and by no person', async () => {
    const truck = await startTruck(platform, n);
    const tripId = await sealed(truck);
    await drives(truck, false);
    await becomes(tripId, 'arrived');
    expect(await asksGate(truck)).toMatchObject({ ...RELEASE, tripId });
    await becomes(tripId, 'closed');
    expect(truck.told).toEqual(['interval', 'unlock']);
    expect(await deeds(tripId)).toEqual(WRITTEN_OFF_BY_ITSELF);
    const { steps, risk } = await tripOf(tripId);
    expect(risk).toBe('green');
    expect(steps.map(({ step, state }) => `${step} ${state}`)).toEqual([
      'hang done',
      'seal done',
      'transit done',
      'verify done',
      'unlock done',
    ]);
  });

  it('a truck that took a ramp stays red until a person has inspected it at the gate', async () => {
    const truck = await startTruck(platform, n + 1);
    const tripId = await sealed(truck);
    await drives(truck, true);
    await becomes(tripId, 'arrived');
    const alarm = (await deviationOf(tripId))!;
    expect(alarm).toMatchObject({ severity: 'critical', state: 'returned' });
    expect(alarm.maxDistanceM).toBeGreaterThan(300);
    if (day) {
      // The command centre takes it on while the truck is still on its way in.
      await daxie('POST', `/alarms/${alarm.alarmId}/acknowledge`);
      await daxie('POST', `/alarms/${alarm.alarmId}/assign`, { to: 'inspection lane' });
    } else {
      await vi.waitFor(async () => expect((await deviationOf(tripId))?.escalatedAt).toBeDefined(), LIMIT);
      expect(await deviationOf(tripId)).not.toHaveProperty('acknowledgedBy');
    }
    const refused = await asksGate(truck);
    expect(refused).toMatchObject({ ...ALARM, tripId, reasons: [{ rule: 'gate.trip-flagged' }] });
    expect(await asksGate(truck)).toMatchObject(ALARM);
    expect(await tripOf(tripId)).toMatchObject({ status: 'arrived', risk: 'red' });
    expect(truck.told).toEqual(['interval']);

    // 查验: at once by day, in the morning after a night.
    const inspected = { decision: 'inspect', comment: 'box and seal intact' };
    await daxie('POST', `/gates/${GATE}/passages/${refused.passageId}/decision`, inspected);
    await daxie('POST', `/alarms/${alarm.alarmId}/dispose`, { text: 'fuel station, box and seal intact' });
    expect((await tripOf(tripId)).risk).toBe('green');
    expect(await asksGate(truck)).toMatchObject(RELEASE);
    await becomes(tripId, 'closed');
    expect(truck.told).toEqual(['interval', 'unlock']);
    expect(await deviationOf(tripId)).toMatchObject({
      disposedBy: 'Zhang Min',
      ...(day ? { acknowledgedBy: 'Zhang Min' } : {}),
    });
  });
});
