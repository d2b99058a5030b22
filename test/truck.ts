import { randomUUID } from 'node:crypto';
import { containerRemainder } from '@sealwatch/schemas';
import type { Platform } from './platform.ts';

export const ROUTE = 'yiwu-beilun';
export const GATE = 'daxie';
export const ORIGIN_OFFICE = '2921';
export const DESTINATION_OFFICE = '3104';

type Point = [lon: number, lat: number];

export const plate = (n: number) => `浙G${String(10_000 + n)}`;

/** A box number of the series TSTU with its check digit, so that each truck carries another one. */
export function box(n: number): string {
  const stem = `TSTU${String(n).padStart(6, '0')}`;
  return `${stem}${containerRemainder(stem) % 10}`;
}

/** The gate at the end of a road, some 800 m wide. */
export const gateAt = ([lon, lat]: Point) => {
  const corner = (x: number, y: number) => [lon + x * 0.004, lat + y * 0.004];
  return {
    type: 'Feature',
    properties: { name: '大榭卡口', kind: 'gate', office: DESTINATION_OFFICE },
    geometry: {
      type: 'Polygon',
      coordinates: [[corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1), corner(-1, -1)]],
    },
  };
};

/** Straight east for 3 km, some 90 s for a truck in a hurry. */
const LENGTH_DEG = 0.031;
export const at = (share: number): Point => [120 + share * LENGTH_DEG, 29.3];
/** Some 400 m beside the road. */
export const beside = ([lon, lat]: Point): Point => [lon, lat + 0.0036];

/** A call that succeeds. @throws Error with the answer where it does not */
export async function ask<T = Record<string, unknown>>(
  platform: Platform,
  method: string,
  path: string,
  body?: unknown,
  key?: string,
): Promise<T> {
  const answer = await platform.call<T>(method, path, body, key);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** The short road and the gate at its end. */
export async function layRoad(platform: Platform): Promise<void> {
  const ends = {
    origin: { name: '义乌', center: at(0), radiusM: 300 },
    destination: { name: '大榭', center: at(1), radiusM: 300 },
  };
  await ask(platform, 'PUT', `/routes/${ROUTE}`, {
    type: 'Feature',
    geometry: { type: 'LineString', coordinates: [at(0), at(0.5), at(1)] },
    properties: { name: '义乌—北仑', halfWidthM: 80, ...ends },
  });
  await ask(platform, 'PUT', `/places/${GATE}`, gateAt(at(1)));
}

export interface Truck {
  lockId: string;
  /** What its lock was told to do, in order. */
  told: string[];
  /** What is declared for it; another declaration each time. */
  declaration(): object;
  /** A record of its lock, made and received so many seconds from now. */
  report(where: Point, inS?: number, more?: { mode?: string; percent?: number }): Promise<void>;
  /** What the gate's cameras and readers make of it. */
  passage(): object;
}

let declared = 0;

/** A truck on the short road, with a lock that does what it is told and says so. */
export async function startTruck(platform: Platform, n: number): Promise<Truck> {
  const lockId = `JT7010${n}`;
  const { secret } = await ask<{ secret: string }>(platform, 'POST', '/locks', { lockId, model: 'JT701D' });
  const lock = await platform.connectLock(lockId, secret);
  const told: string[] = [];
  lock.on('message', (_topic, payload) => {
    const { commandId, type } = JSON.parse(payload.toString()) as { commandId: string; type: string };
    told.push(type);
    const reply = { v: 1, commandId, result: 'done', time: new Date().toISOString() };
    lock.publish(`locks/${lockId}/reply`, JSON.stringify(reply), { qos: 1 });
  });
  await lock.subscribeAsync(`locks/${lockId}/command`, { qos: 1 });
  let seq = 0;
  return {
    lockId,
    told,
    declaration: () => ({
      declarationNo: `292120260${String(++declared).padStart(9, '0')}`,
      mode: 'road',
      originOffice: ORIGIN_OFFICE,
      destinationOffice: DESTINATION_OFFICE,
      routeId: ROUTE,
      vehicle: { tractorPlate: plate(n) },
      units: [{ containerNo: box(n), lockId }],
    }),
    async report([lon, lat], inS = 0, { mode = 'sealed', percent = 80 } = {}) {
      const record = {
        v: 1,
        boot: 1,
        seq: ++seq,
        time: new Date(Date.now() + inS * 1_000).toISOString(),
        mode,
        position: { lon, lat, accuracyM: 5, speedKmh: 70, headingDeg: 80, source: 'gnss' },
        seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 7 },
        battery: { percent, charging: false },
      };
      platform.aheadMs = inS * 1_000;
      await lock.publishAsync(`locks/${lockId}/report`, JSON.stringify(record), { qos: 1 });
    },
    passage: () => passageOf(n, lockId),
  };
}

/** What a gate reads of the n-th truck with this lock, all of it without doubt. */
export const passageOf = (n: number, lockId: string) => ({
  passageId: randomUUID(),
  lane: '2',
  direction: 'in',
  at: new Date().toISOString(),
  plate: { text: plate(n), confident: true },
  containers: [{ no: box(n), confident: true }],
  lockIds: [lockId],
});
