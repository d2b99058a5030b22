import type { Injection, Report } from '@sealwatch/schemas';
import type { Drive, DriveOrder, Motion } from '../drive.ts';
import { motionAt, planDrive } from '../drive.ts';
import type { GnssError } from '../gnss.ts';
import { gnssFix, nextError, startError } from '../gnss.ts';
import { step } from '../lock/firmware.ts';
import type { LockInput, LockOutput, Sensed } from '../lock/input-output.ts';
import type { Keyring } from '../lock/keyring.ts';
import type { LockState } from '../lock/state.ts';
import { newLock, wantsReport } from '../lock/state.ts';
import type { Path } from '../path.ts';
import type { Random } from '../random.ts';
import { randomStream } from '../random.ts';
import type { TruckSpec } from '../state-file.ts';

/** Phase of a truck's round; `inspection` lasts until a person at the gate has decided. */
export type Phase = 'idle' | 'sealing' | 'driving' | 'at-gate' | 'unlocking' | 'inspection' | 'returning';

/** One truck with its lock, as the demo keeps it in memory. */
export interface Truck {
  spec: TruckSpec;
  phase: Phase;
  sinceMs: number;
  drives: Drive[];
  lock: LockState;
  receiver: Random;
  error: GnssError;
  /** interference by a person in this run */
  made: { what: Injection['what']; atMs: number }[];
}

/** Reporting interval before the demo ran, s. */
export const BACKFILL_INTERVAL_S = 30;
export const LIVE_INTERVAL_S = 5;

export function newTruck(spec: TruckSpec, nowMs: number): Truck {
  const receiver = randomStream(spec.boot, `${spec.lockId}/receiver`);
  return {
    spec,
    phase: 'idle',
    sinceMs: nowMs,
    drives: [],
    lock: newLock(spec.lockId, nowMs, {
      boot: spec.boot,
      batteryPercent: spec.batteryPercent,
      seal: { rope: 'pulled', motor: 'unlocked', cover: 'closed', useCount: spec.useCount },
    }),
    receiver,
    error: startError(receiver, nowMs),
    made: [],
  };
}

export const keysOf = ({ spec }: Truck): Keyring =>
  spec.nextSecret === undefined ? { secret: spec.secret } : { secret: spec.secret, next: spec.nextSecret };

export function storeKeys({ spec }: Truck, { secret, next }: Keyring): void {
  spec.secret = secret;
  if (next === undefined) delete spec.nextSecret;
  else spec.nextSecret = next;
}

export function driveOf(truck: Truck, timeMs: number): Drive | undefined {
  return truck.drives.findLast((drive) => drive.order.startMs <= timeMs) ?? truck.drives[0];
}

/** True position of the truck; undefined while it has no trip. */
export function motionOf(truck: Truck, timeMs: number): Motion | undefined {
  const drive = driveOf(truck, timeMs);
  return drive && motionAt(drive, timeMs);
}

export function setDrives(truck: Truck, road: Path, orders: readonly DriveOrder[]): void {
  truck.drives = orders.map((order) => planDrive(road, order));
}

function sense(truck: Truck, timeMs: number): Sensed {
  const motion = motionOf(truck, timeMs);
  truck.error = nextError(truck.error, truck.receiver, timeMs);
  const rssiDbm = Math.round(-74 + truck.receiver.normal() * 7);
  return motion ? { position: gnssFix(motion, truck.error, truck.receiver), rssiDbm } : { rssiDbm };
}

/** One input to the truck's lock; the outputs are for its radio link. */
export function feed(truck: Truck, nowMs: number, input: LockInput): LockOutput[] {
  const { state, outputs } = step(truck.lock, nowMs, input);
  truck.lock = state;
  return outputs;
}

/** Lets the lock make its record if one is due. */
export function tick(truck: Truck, nowMs: number): LockOutput[] {
  if (!wantsReport(truck.lock, nowMs)) return [];
  truck.spec.reportedMs = nowMs;
  return feed(truck, nowMs, { type: 'tick', sensed: sense(truck, nowMs) });
}

/**
 * Runs the lock over a past time range without a connection: every record goes to its flash.
 * @returns how many records were made
 */
export function catchUp(truck: Truck, fromMs: number, toMs: number): number {
  const before = truck.lock.flash.length;
  truck.lock = {
    ...truck.lock,
    mode: 'sealed',
    connected: false,
    intervalS: BACKFILL_INTERVAL_S,
    batteryMs: fromMs,
    nextReportMs: fromMs,
  };
  truck.error = { ...truck.error, timeMs: fromMs };
  while (truck.lock.nextReportMs < toMs) tick(truck, truck.lock.nextReportMs);
  return truck.lock.flash.length - before;
}

/** Sets the reporting interval of the demo; `phaseMs` keeps the locks from reporting all at once. */
export function goLive(truck: Truck, nowMs: number, phaseMs: number): void {
  truck.lock = { ...truck.lock, intervalS: LIVE_INTERVAL_S, nextReportMs: nowMs + phaseMs };
}

/** Payload of a publish: one report alone, several as an array. */
export function payloadOf(reports: readonly Report[]): string {
  return JSON.stringify(reports.length === 1 ? reports[0] : reports);
}
