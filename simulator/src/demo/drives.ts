import type { Detour } from '../detour.ts';
import { clearanceM } from '../detour.ts';
import type { Drive, DriveOrder } from '../drive.ts';
import { motionAt, planDrive, timeAtM } from '../drive.ts';
import type { Path } from '../path.ts';
import { nearest } from '../path.ts';
import { randomStream } from '../random.ts';
import { END_LEG_M, GATE_STOP_M, SERVICE_AREAS, SERVICE_AWAY_M } from './road.ts';

/** What a new truck demonstrates. */
export type Role = 'gate-clean' | 'gate-red' | 'service' | 'ordinary';

/** Roles of the first fresh trucks of a start, in order; all others are ordinary. */
export const ROLES: readonly Role[] = ['gate-clean', 'gate-red', 'service'];

/** When each thing happens, ms after the start. */
export const EVENT_AFTER_START_MS = {
  gateCleanMs: 60_000,
  gateRedMs: 85_000,
  serviceMs: 70_000,
  rampMs: 30_000,
} as const;

const RAMP_AWAY_M = 1_300;
/** About twenty minutes at the speeds of country roads. */
const RAMP_LENGTH_M = 12_500;
const OFF_ROAD_KMH = 46;
/** Least distance between a detour and a bending road, as a share of the detour's `awayM`. */
const LEAST_CLEARANCE = 0.6;

function order(road: Path, seed: number, startMs: number, detours: Detour[] = []): DriveOrder {
  return {
    seed,
    startMs,
    fromM: 0,
    toM: road.lengthM - GATE_STOP_M,
    startKmh: 0,
    cruiseKmh: randomStream(seed, 'cruise').between(76, 88),
    townM: END_LEG_M,
    detours,
  };
}

const shifted = (drive: Drive, byMs: number): DriveOrder => ({ ...drive.order, startMs: drive.order.startMs + byMs });

function serviceStop(atM: number, stopS: number): Detour {
  return { leaveM: atM - 350, rejoinM: atM + 350, side: 'right', awayM: SERVICE_AWAY_M, limitKmh: 40, stopS };
}

/** Shape of a detour beside the road. */
export interface WayOff {
  awayM: number;
  /** how much of the planned road is missed, m */
  lengthM: number;
  limitKmh: number;
}

const TWENTY_MINUTES: WayOff = { awayM: RAMP_AWAY_M, lengthM: RAMP_LENGTH_M, limitKmh: OFF_ROAD_KMH };

/** A detour from `leaveM` that keeps its distance from the road; undefined if the road is too near on both sides. */
export function wayOff(road: Path, leaveM: number, shape: WayOff = TWENTY_MINUTES): Detour | undefined {
  const { awayM, lengthM, limitKmh } = shape;
  const sides = (['right', 'left'] as const).map((side): Detour => {
    return { leaveM, rejoinM: leaveM + lengthM, side, awayM, limitKmh };
  });
  const leastM = awayM * LEAST_CLEARANCE;
  return sides.find((detour) => detour.rejoinM < road.lengthM - 8_000 && clearanceM(road, detour) > leastM);
}

function firstWayOff(road: Path, fromM: number): Detour {
  for (let leaveM = fromM; leaveM < road.lengthM - 25_000; leaveM += 1_500) {
    const detour = wayOff(road, leaveM);
    if (detour) return detour;
  }
  throw new RangeError('the road has no stretch straight enough for a detour beside it');
}

/**
 * The drive of a fresh truck that is already on the road at `nowMs`.
 * @param share how far along an ordinary truck is, 0–1
 */
export function firstDrive(road: Path, role: Role, seed: number, nowMs: number, share: number): DriveOrder {
  switch (role) {
    case 'gate-clean': {
      const drive = planDrive(road, order(road, seed, nowMs));
      return shifted(drive, nowMs + EVENT_AFTER_START_MS.gateCleanMs - drive.endMs);
    }
    case 'gate-red': {
      const drive = planDrive(road, order(road, seed, nowMs, [firstWayOff(road, 70_000)]));
      return shifted(drive, nowMs + EVENT_AFTER_START_MS.gateRedMs - drive.endMs);
    }
    case 'service': {
      const drive = planDrive(road, order(road, seed, nowMs, [serviceStop(SERVICE_AREAS[0].atM, 720)]));
      const part = drive.detours[0]!;
      return shifted(drive, nowMs + EVENT_AFTER_START_MS.serviceMs - timeAtM(drive, (part.fromM + part.toM) / 2));
    }
    case 'ordinary': {
      const drive = planDrive(road, order(road, seed, nowMs, rests(road, seed)));
      const atM = share * drive.path.lengthM;
      return shifted(drive, nowMs - timeAtM(drive, atM));
    }
  }
}

/** One driver in four rests for some minutes at a service area. */
function rests(road: Path, seed: number): Detour[] {
  const random = randomStream(seed, 'rest');
  const area = random.pick(SERVICE_AREAS);
  const stopS = random.between(240, 780);
  return random.unit() < 0.25 && area.atM < road.lengthM ? [serviceStop(area.atM, stopS)] : [];
}

/** A trip that begins at the yard at `startMs`. */
export function freshDrive(road: Path, seed: number, startMs: number): DriveOrder {
  return order(road, seed, startMs, rests(road, seed));
}

/**
 * Sends one of the trucks down the next ramp: the drive that replaces its present one from `nowMs` on.
 * @param leaveMs when it should leave the road
 */
export function rampDrive(road: Path, drive: Drive, nowMs: number, leaveMs: number): DriveOrder | undefined {
  const now = motionAt(drive, nowMs);
  const then = motionAt(drive, leaveMs);
  const here = nearest(road, now);
  const there = nearest(road, then);
  if (here.distanceM > 5 || there.distanceM > 5 || now.speedKmh < 55 || there.atM > road.lengthM * 0.85)
    return undefined;
  if (here.atM < END_LEG_M.start + 5_000) return undefined;
  const detour = wayOff(road, there.atM);
  if (!detour) return undefined;
  const later = drive.order.detours.filter((one) => one.leaveM > detour.rejoinM + 500);
  return {
    ...drive.order,
    startMs: nowMs,
    fromM: here.atM,
    startKmh: now.speedKmh,
    detours: [detour, ...later],
  };
}
