import type { Injection, SimulatedLock, TrueEvent } from '@sealwatch/schemas';
import { motionAt, timeAtM } from '../drive.ts';
import type { LockInput } from '../lock/input-output.ts';
import type { Path } from '../path.ts';
import { nearest } from '../path.ts';
import { toleratedOf } from '../scenario/truth.ts';
import { rampDrive } from './drives.ts';
import type { Truck } from './truck.ts';
import { driveOf, motionOf, setDrives } from './truck.ts';

/** Access to a truck of the fleet for a person's interference. */
export interface Interference {
  road: Path;
  /** gives the lock an input now */
  input(truck: Truck, input: LockInput): void;
  /** disconnects the lock's radio for this long */
  cutOff(truck: Truck, forMs: number): void;
}

const DEAD_ZONE_MS = 180_000;
const RAMP_FROM_MS = 8_000;
const RAMP_UNTIL_MS = 900_000;
const RAMP_STEP_MS = 4_000;
const OFF_ROAD_M = 300;

/** The scenario act of each interference; it determines which alarms are expected or tolerated. */
const AS_ACT = {
  ramp: 'detour',
  'rope-cut': 'rope',
  'case-opened': 'case-opened',
  'illegal-card': 'illegal-card',
  jamming: 'jam',
  'dead-zone': 'dead-zone',
} as const;

const MUST_BE_SAID: Partial<Record<Injection['what'], string>> = {
  'rope-cut': 'seal.rope-cut',
  'case-opened': 'seal.case-opened',
  'illegal-card': 'seal.unauthorised-card',
  jamming: 'comms.jamming',
};

/** @returns undefined if it is possible now, else why not */
export function interfere(
  world: Interference,
  truck: Truck,
  what: Injection['what'],
  nowMs: number,
): string | undefined {
  if (truck.phase !== 'driving') return `the truck is not driving (${truck.phase})`;
  const refused = happen(world, truck, what, nowMs);
  if (refused === undefined) truck.made.push({ what, atMs: nowMs });
  return refused;
}

function happen(world: Interference, truck: Truck, what: Injection['what'], nowMs: number): string | undefined {
  const sense = (input: LockInput) => {
    world.input(truck, input);
    return undefined;
  };
  switch (what) {
    case 'ramp':
      return sendOff(world, truck, nowMs);
    case 'rope-cut':
      return sense({ type: 'rope', to: 'cut' });
    case 'case-opened':
      return sense({ type: 'cover', to: 'opened' });
    case 'illegal-card':
      return sense({ type: 'event', event: { type: 'illegal-card', card: '0000000000' } });
    case 'jamming':
      return sense({ type: 'event', event: { type: 'jamming' } });
    case 'dead-zone':
      world.cutOff(truck, DEAD_ZONE_MS);
      return undefined;
  }
}

/** Leaves the road by the next ramp from which a detour can keep its distance from it. */
function sendOff({ road }: Interference, truck: Truck, nowMs: number): string | undefined {
  const drive = driveOf(truck, nowMs);
  const trip = truck.spec.trip;
  if (!drive || !trip) return 'the truck has no trip';
  for (let inMs = RAMP_FROM_MS; inMs <= RAMP_UNTIL_MS; inMs += RAMP_STEP_MS) {
    const order = rampDrive(road, drive, nowMs, nowMs + inMs);
    if (!order) continue;
    trip.orders.push(order);
    setDrives(truck, road, trip.orders);
    return undefined;
  }
  return 'there is no ramp within the next quarter of an hour: it is in town, at a stop, off the road already, or near its end';
}

/** When the truck is truly off the planned road on its present trip, including planned detours. */
function offRoad(truck: Truck): { fromMs: number; toMs: number }[] {
  return truck.drives.flatMap((drive, i) => {
    const untilMs = truck.drives[i + 1]?.order.startMs ?? Number.POSITIVE_INFINITY;
    return drive.detours
      .filter(({ detour }) => detour.awayM > OFF_ROAD_M)
      .map(({ fromM, toM }) => ({ fromMs: timeAtM(drive, fromM), toMs: timeAtM(drive, toM) }))
      .filter(({ fromMs }) => fromMs < untilMs);
  });
}

const iso = (timeMs: number) => new Date(timeMs).toISOString();

/** The true state of the truck and its lock. */
export function truthOf(truck: Truck, road: Path, nowMs: number): SimulatedLock {
  const { spec, lock } = truck;
  const departedMs = truck.drives[0]?.order.startMs ?? 0;
  const motion = motionOf(truck, nowMs);
  const made = truck.made.filter(({ atMs }) => atMs >= departedMs);
  const away = offRoad(truck).filter(({ fromMs }) => fromMs <= nowMs);
  const happened: TrueEvent[] = [
    ...away.map(({ fromMs, toMs }) => ({
      rule: 'route.deviation',
      fromAt: iso(fromMs),
      ...(toMs <= nowMs ? { toAt: iso(toMs) } : {}),
    })),
    ...made.flatMap(({ what, atMs }) => {
      const rule = MUST_BE_SAID[what];
      return rule ? [{ rule, fromAt: iso(atMs) }] : [];
    }),
  ];
  const acts = [...made.map(({ what }) => ({ do: AS_ACT[what] })), ...away.map(() => ({ do: AS_ACT.ramp }))];
  return {
    lockId: spec.lockId,
    ...(spec.trip ? { tripId: spec.trip.tripId, plate: spec.trip.papers.tractorPlate } : {}),
    ...(motion
      ? { position: { lon: motion.lon, lat: motion.lat, headingDeg: motion.headingDeg, speedKmh: motion.speedKmh } }
      : {}),
    offRoad: motion !== undefined && nearest(road, motion).distanceM > OFF_ROAD_M,
    rope: lock.seal.rope,
    cover: lock.seal.cover,
    inFlash: lock.flash.length,
    happened,
    tolerated: toleratedOf(acts),
  };
}

const WAY_STEP_MS = 120_000;

/** The line truly driven on the present trip so far. */
export function wayOf(truck: Truck, nowMs: number): [number, number][] {
  const startMs = truck.drives[0]?.order.startMs ?? nowMs;
  const way: [number, number][] = [];
  for (let timeMs = startMs; timeMs < nowMs; timeMs += WAY_STEP_MS) {
    const drive = driveOf(truck, timeMs);
    if (!drive) continue;
    const { lon, lat } = motionAt(drive, timeMs);
    way.push([Number(lon.toFixed(5)), Number(lat.toFixed(5))]);
  }
  return way;
}
