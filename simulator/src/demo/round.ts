import { isOver } from '@sealwatch/schemas';
import { motionAt } from '../drive.ts';
import { step } from '../lock/firmware.ts';
import { rebooted, sealed } from '../lock/state.ts';
import type { Path } from '../path.ts';
import type { Progress } from '../progress.ts';
import type { Rest } from '../rest.ts';
import { InterfaceError } from '../rest.ts';
import type { FleetSpec } from '../state-file.ts';
import { freshDrive } from './drives.ts';
import {
  askGate,
  cancelTrip,
  closeTrip,
  newPassageId,
  orderInterval,
  readTrip,
  releaseTrip,
  sealTrip,
} from './platform.ts';
import { nextPapers } from './start.ts';
import type { Phase, Truck } from './truck.ts';
import { driveOf, goLive, LIVE_INTERVAL_S, setDrives } from './truck.ts';

/**
 * The round of one truck after its drive, one call at a time:
 *
 *   driving ──road ends──► at-gate ──release──► unlocking ──closed──► returning ──► sealing ──► driving
 *                             └──alarm, manual──► inspection ──closed by a person──┘
 */
export interface Round {
  rest: Rest;
  road: Path;
  fleet: FleetSpec;
  progress: Progress;
  save(): void;
}

/** Wait at the barrier until the readers have read and the lock has reported from there, ms. */
const AT_GATE_MS = 12_000;
const POLL_MS = 2_000;
const INSPECTION_POLL_MS = 15_000;
const RETRY_MS = 20_000;
const RETURNING_MS = 20_000;
const UNLOCK_PATIENCE_MS = 180_000;
/** From release to sealing, and from sealing to departure. */
const SEALING_MS = 12_000;
const DEPARTURE_MS = 15_000;
/** The departure of a truck that waits for its seal. */
const NOT_YET_MS = 86_400_000;

function enter(truck: Truck, phase: Phase, nowMs: number): void {
  truck.phase = phase;
  truck.sinceMs = nowMs;
}

/** Carries out what is due for one truck. @returns when to call again, ms from now */
export async function advanceRound(round: Round, truck: Truck, nowMs: number): Promise<number> {
  switch (truck.phase) {
    case 'driving': {
      const drive = driveOf(truck, nowMs);
      if (!drive || !motionAt(drive, nowMs).finished) return 1_000;
      enter(truck, 'at-gate', nowMs);
      round.progress.info('truck at the gate', { plate: truck.spec.trip?.papers.tractorPlate });
      return AT_GATE_MS;
    }
    case 'at-gate':
      return passGate(round, truck, nowMs);
    case 'unlocking':
      return finishTrip(round, truck, nowMs);
    case 'inspection':
      return waitForPerson(round, truck, nowMs);
    case 'returning':
      return beginTrip(round, truck, nowMs);
    case 'sealing':
      return sealAndDepart(round, truck, nowMs);
    case 'idle':
      enter(truck, 'returning', nowMs);
      return RETURNING_MS;
  }
}

async function passGate(round: Round, truck: Truck, nowMs: number): Promise<number> {
  const trip = truck.spec.trip;
  if (!trip) return dropTrip(truck, nowMs);
  trip.passageId ??= newPassageId();
  round.save();
  const answer = await askGate(round.rest, trip.passageId, trip.papers, truck.spec.lockId, nowMs);
  const facts = { plate: trip.papers.tractorPlate, display: answer.display, decidedInMs: answer.decidedInMs };
  if (answer.verdict === 'release') {
    round.progress.info('gate released the truck', facts);
    enter(truck, 'unlocking', nowMs);
    return POLL_MS;
  }
  const reasons = answer.reasons.map((reason) => reason.rule).join(', ');
  const red = answer.verdict === 'alarm';
  round.progress.info(red ? 'gate sent the truck to inspection' : 'gate asks for a person', { ...facts, reasons });
  enter(truck, 'inspection', nowMs);
  return INSPECTION_POLL_MS;
}

/** After the unlock command: the driver pulls the rope, and the trip closes. */
async function finishTrip(round: Round, truck: Truck, nowMs: number): Promise<number> {
  const trip = truck.spec.trip;
  if (!trip) return dropTrip(truck, nowMs);
  if (truck.lock.seal.motor === 'unlocked' && truck.lock.seal.rope === 'inserted') {
    truck.lock = step(truck.lock, nowMs, { type: 'rope', to: 'pulled' }).state;
    return POLL_MS;
  }
  const now = await readTrip(round.rest, trip.tripId);
  if (now?.status === 'unlocked') {
    await closeTrip(round.rest, trip.tripId);
    return POLL_MS;
  }
  if (!now || isOver(now)) {
    round.progress.info('trip closed', { plate: trip.papers.tractorPlate, declaration: trip.papers.declarationNo });
    return dropTrip(truck, nowMs);
  }
  if (nowMs - truck.sinceMs > UNLOCK_PATIENCE_MS) {
    round.progress.warn(`trip ${trip.tripId} stays ${now.status} after its release: given up`);
    await cancelTrip(round.rest, trip.tripId);
    return dropTrip(truck, nowMs);
  }
  return POLL_MS;
}

async function waitForPerson(round: Round, truck: Truck, nowMs: number): Promise<number> {
  const trip = truck.spec.trip;
  if (!trip) return dropTrip(truck, nowMs);
  const now = await readTrip(round.rest, trip.tripId);
  const settled = !now || isOver(now) || now.status === 'verified' || now.status === 'unlocked';
  if (settled) enter(truck, 'unlocking', nowMs);
  return settled ? POLL_MS : INSPECTION_POLL_MS;
}

function dropTrip(truck: Truck, nowMs: number): number {
  delete truck.spec.trip;
  truck.drives = [];
  enter(truck, 'returning', nowMs);
  return RETURNING_MS;
}

/** Attaches the lock to another box at the yard in Yiwu: restarted, rope inserted, motor locked. */
async function beginTrip(round: Round, truck: Truck, nowMs: number): Promise<number> {
  const { seed, papers } = nextPapers(round.fleet, nowMs);
  const tripId = await releaseTrip(round.rest, papers, truck.spec.lockId, nowMs + SEALING_MS + DEPARTURE_MS);
  const order = freshDrive(round.road, seed, nowMs + NOT_YET_MS);
  truck.spec.trip = { tripId, orders: [order], papers };
  const { connected } = truck.lock;
  truck.lock = { ...sealed(rebooted(truck.lock, nowMs, 'hung'), nowMs), connected };
  truck.spec.boot = truck.lock.boot;
  truck.spec.useCount = truck.lock.seal.useCount;
  setDrives(truck, round.road, [order]);
  goLive(truck, nowMs, 0);
  enter(truck, 'sealing', nowMs);
  round.save();
  return SEALING_MS;
}

/** Once the lock has reported from the yard the office seals it, and the truck drives off. */
async function sealAndDepart(round: Round, truck: Truck, nowMs: number): Promise<number> {
  const trip = truck.spec.trip;
  if (!trip) return dropTrip(truck, nowMs);
  try {
    await sealTrip(round.rest, trip.tripId, trip.papers, truck.spec.lockId);
    await orderInterval(round.rest, truck.spec.lockId, LIVE_INTERVAL_S);
  } catch (error) {
    if (!(error instanceof InterfaceError) || error.status !== 409) throw error;
    round.progress.warn(error.message);
    await cancelTrip(round.rest, trip.tripId);
    return dropTrip(truck, nowMs);
  }
  const { tractorPlate, declarationNo } = trip.papers;
  const order = { ...trip.orders[0]!, startMs: Date.now() + DEPARTURE_MS };
  trip.orders = [order];
  setDrives(truck, round.road, trip.orders);
  enter(truck, 'driving', nowMs);
  round.save();
  round.progress.info('new trip begins', { plate: tractorPlate, declaration: declarationNo });
  return DEPARTURE_MS;
}

/** Runs a truck's round; a refused call is logged and tried again later. */
export async function advanceSafely(round: Round, truck: Truck, nowMs: number): Promise<number> {
  try {
    return await advanceRound(round, truck, nowMs);
  } catch (error) {
    if (!(error instanceof InterfaceError)) throw error;
    round.progress.warn(error.message);
    return RETRY_MS;
  }
}
