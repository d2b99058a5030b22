import { randomInt } from 'node:crypto';
import { isOver } from '@sealwatch/schemas';
import type { DriveOrder } from '../drive.ts';
import type { Papers } from '../papers.ts';
import { drawPapers } from '../papers.ts';
import type { Path } from '../path.ts';
import type { Progress } from '../progress.ts';
import { randomStream } from '../random.ts';
import type { Rest } from '../rest.ts';
import { InterfaceError } from '../rest.ts';
import type { FleetSpec } from '../state-file.ts';
import { loadFleet } from '../state-file.ts';
import type { Role } from './drives.ts';
import { firstDrive, freshDrive, ROLES } from './drives.ts';
import { cancelTrip, declareTrip, importLocks, lockKnown, readTrip } from './platform.ts';
import { ORIGIN_OFFICE } from './road.ts';
import type { Phase, Truck } from './truck.ts';
import { catchUp, driveOf, newTruck, setDrives } from './truck.ts';

/** What starting the fleet needs: registering or recognising locks, declaring or continuing trips. */
export interface FleetStart {
  rest: Rest;
  road: Path;
  progress: Progress;
  stop: AbortSignal;
  startMs: number;
}

const DECLARING_AT_ONCE = 4;
/** A trip is cancelled if its truck waits at the gate longer than this while the demo is stopped, ms. */
const UNWATCHED_MS = 10 * 60_000;

/** Locks of the earlier run if they are in this database, else new ones. */
export async function startLocks(start: FleetStart, folder: string, count: number, seed?: number): Promise<FleetSpec> {
  const { rest, progress } = start;
  const earlier = loadFleet(folder);
  const first = earlier?.trucks[0];
  if (earlier && first && (await lockKnown(rest, first.lockId))) {
    progress.info('locks continue from the earlier run', { locks: earlier.trucks.length });
    for (const truck of earlier.trucks) truck.boot += 1;
    return earlier;
  }
  const block = randomInt(1_000, 10_000);
  const lockIds = Array.from({ length: count }, (_, i) => `JT70${block}${String(i + 1).padStart(3, '0')}`);
  const fleetSeed = seed ?? block;
  const random = randomStream(fleetSeed, 'locks');
  const items = await importLocks(rest, lockIds);
  progress.info('locks registered', { locks: items.length });
  const trucks = items.map(({ lockId, secret }) => ({
    lockId,
    secret,
    boot: 1,
    useCount: random.whole(40, 900),
    batteryPercent: random.between(62, 98),
  }));
  return { v: 1, seed: fleetSeed, trips: 0, trucks };
}

/** Continues open trips and gives every other truck a new one that is already on the road. */
export async function startTrips(start: FleetStart, fleet: FleetSpec): Promise<Truck[]> {
  const trucks = fleet.trucks.map((spec) => newTruck(spec, start.startMs));
  const fresh: Truck[] = [];
  await eachOf(trucks, async (truck) => {
    if (!(await continued(start, truck))) fresh.push(truck);
  });
  fresh.sort((a, b) => a.spec.lockId.localeCompare(b.spec.lockId));
  let done = 0;
  await eachOf(fresh, async (truck) => {
    const place = fresh.indexOf(truck);
    const role: Role = ROLES[place] ?? 'ordinary';
    const share = 0.02 + (0.94 * (place + 0.5)) / fresh.length;
    await declareOnRoad(start, fleet, truck, role, share);
    done += 1;
    if (done % 10 === 0 || done === fresh.length) {
      start.progress.info('declaring trips', { trips: done, of: fresh.length });
    }
  });
  return trucks;
}

async function eachOf(trucks: readonly Truck[], act: (truck: Truck) => Promise<void>): Promise<void> {
  const waiting = [...trucks];
  const worker = async () => {
    for (let truck = waiting.shift(); truck; truck = waiting.shift()) await act(truck);
  };
  await Promise.all(Array.from({ length: DECLARING_AT_ONCE }, worker));
}

const PHASE_OF_STATUS: Record<string, Phase> = { verified: 'unlocking', unlocked: 'unlocking' };

/** Continues a truck's open trip at the position for the present time; false if it has none or ended long ago. */
async function continued(start: FleetStart, truck: Truck): Promise<boolean> {
  const known = truck.spec.trip;
  if (!known) return false;
  const trip = await readTrip(start.rest, known.tripId);
  if (!trip || isOver(trip)) {
    delete truck.spec.trip;
    return false;
  }
  setDrives(truck, start.road, known.orders);
  const drive = driveOf(truck, start.startMs);
  const isLeftOver = drive !== undefined && start.startMs > drive.endMs + UNWATCHED_MS;
  // A truck that was not sealed yet has no drive; its departure is a day ahead.
  const notSealed = drive === undefined || drive.order.startMs > start.startMs + 3_600_000;
  if (notSealed || (isLeftOver && known.passageId === undefined)) {
    await giveUp(start, truck, known.tripId);
    return false;
  }
  const settled = PHASE_OF_STATUS[trip.status];
  truck.phase = settled ?? (known.passageId === undefined ? 'driving' : 'inspection');
  truck.lock = { ...truck.lock, seal: { ...truck.lock.seal, rope: 'inserted', motor: 'locked' } };
  truck.lock = { ...truck.lock, pendingEvents: [{ type: 'restart', reason: 'power' }] };
  catchUp(truck, (truck.spec.reportedMs ?? start.startMs) + 30_000, start.startMs);
  return true;
}

async function giveUp(start: FleetStart, truck: Truck, tripId: string): Promise<void> {
  try {
    await cancelTrip(start.rest, tripId);
    start.progress.info('trip given up', { lock: truck.spec.lockId, plate: truck.spec.trip?.papers.tractorPlate });
  } catch (error) {
    if (!(error instanceof InterfaceError)) throw error;
    start.progress.warn(error.message);
  }
  delete truck.spec.trip;
}

export function nextPapers(fleet: FleetSpec, nowMs: number): { seed: number; papers: Papers } {
  fleet.trips += 1;
  const seed = fleet.seed * 10_000 + fleet.trips;
  const year = new Date(nowMs).getUTCFullYear();
  return { seed, papers: drawPapers(randomStream(seed, 'papers'), ORIGIN_OFFICE, year) };
}

/**
 * A trip is judged by all its lock's records from its departure on: it must not depart before the lock's last record on
 * an earlier trip. A truck that would have, starts at the yard instead, that much later.
 */
function withoutEarlierRecords(road: Path, seed: number, truck: Truck, startMs: number, order: DriveOrder): DriveOrder {
  const freeFromMs = (truck.spec.reportedMs ?? 0) + 60_000;
  return order.startMs >= freeFromMs ? order : freshDrive(road, seed, Math.min(freeFromMs, startMs));
}

async function declareOnRoad(
  start: FleetStart,
  fleet: FleetSpec,
  truck: Truck,
  role: Role,
  share: number,
): Promise<void> {
  const { rest, road, startMs } = start;
  const { seed, papers } = nextPapers(fleet, startMs);
  const order = withoutEarlierRecords(road, seed, truck, startMs, firstDrive(road, role, seed, startMs, share));
  const tripId = await declareTrip(rest, papers, truck.spec.lockId, order.startMs);
  truck.spec.trip = { tripId, orders: [order], papers };
  truck.spec.useCount += 1;
  truck.lock = {
    ...truck.lock,
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: truck.spec.useCount },
  };
  setDrives(truck, road, [order]);
  truck.phase = 'driving';
  catchUp(truck, order.startMs, start.startMs);
}
