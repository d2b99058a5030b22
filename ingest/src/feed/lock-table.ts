import { type FeedLock, type FramePosition, isOver, type Report, type Trip } from '@sealwatch/schemas';
import { colourOf } from '../custody/colour.ts';
import { credibleFix } from '../record/credible-fix.ts';
import type { RecordedPosition } from '../record/report.ts';
import type { LockRow } from '../store/locks/locks.ts';

/** A lock as the wall has it. `fixMs` and `seenMs` are fix times: late records never move a truck back. */
export interface WallLock {
  index: number;
  lockId: string;
  tripId?: string;
  plate?: string;
  /** Of the trip; who may see it, when offices are bound. */
  offices: string[];
  /** The last credible fix. */
  position?: RecordedPosition;
  fixMs: number;
  seenMs: number;
  battery?: Report['battery'];
  noFix: boolean;
  status: FramePosition['status'];
}

const CHARGING = 1;
const NO_FIX = 2;
const NOT_GNSS = 4;

interface Seen {
  timeMs: number;
  position?: RecordedPosition | undefined;
  battery?: Report['battery'];
}

/** Every lock in service, with its place in binary frames, which it keeps while the platform runs. */
export class LockTable {
  readonly #byId = new Map<string, WallLock>();
  readonly #byIndex: WallLock[] = [];
  readonly #trips = new Map<string, Trip>();
  readonly #ofTrip = new Map<string, Set<string>>();

  /** Takes the stored state of a lock. @returns whether clients must get its row again */
  put(row: LockRow): boolean {
    const known = this.#byId.get(row.lock_id);
    if (row.retired_at !== null && known === undefined) return false;
    const lock = known ?? this.#add(row.lock_id);
    const fix = row.last_fix as { time?: string; position?: RecordedPosition } | null;
    if (fix?.position !== undefined)
      this.see(row.lock_id, { timeMs: Date.parse(fix.time ?? ''), position: fix.position });
    const report = row.last_report as { position?: RecordedPosition; battery?: Seen['battery'] } | null;
    if (row.last_time !== null) {
      this.see(row.lock_id, { timeMs: row.last_time.getTime(), position: report?.position, battery: report?.battery });
    }
    const moved = this.#assign(lock, row.retired_at === null ? (row.trip_id ?? undefined) : undefined);
    return moved || known === undefined;
  }

  #add(lockId: string): WallLock {
    const lock: WallLock = {
      index: this.#byIndex.length,
      lockId,
      offices: [],
      fixMs: 0,
      seenMs: 0,
      noFix: true,
      status: 'idle',
    };
    this.#byId.set(lockId, lock);
    this.#byIndex.push(lock);
    return lock;
  }

  #assign(lock: WallLock, tripId: string | undefined): boolean {
    const changed = lock.tripId !== tripId;
    if (lock.tripId !== undefined) this.#ofTrip.get(lock.tripId)?.delete(lock.lockId);
    if (tripId === undefined) delete lock.tripId;
    else {
      lock.tripId = tripId;
      const own = this.#ofTrip.get(tripId) ?? new Set();
      this.#ofTrip.set(tripId, own.add(lock.lockId));
    }
    this.#dress(lock);
    return changed;
  }

  /** Colour, plate and offices of a lock follow its trip. */
  #dress(lock: WallLock): void {
    const trip = lock.tripId === undefined ? undefined : this.#trips.get(lock.tripId);
    lock.status = colourOf(trip);
    lock.offices = trip === undefined ? [] : [trip.originOffice, trip.destinationOffice];
    if (trip === undefined) delete lock.plate;
    else lock.plate = trip.vehicle.tractorPlate;
  }

  /**
   * A trip has changed: its locks take its colour, or leave it when it has ended.
   * @returns indices whose frames changed, and locks whose entry in a client's table changed
   */
  follow(trip: Trip): { changed: number[]; moved: WallLock[] } {
    const ended = isOver(trip);
    if (ended) this.#trips.delete(trip.tripId);
    else this.#trips.set(trip.tripId, trip);
    const lockIds = new Set([...trip.units.map((unit) => unit.lockId), ...(this.#ofTrip.get(trip.tripId) ?? [])]);
    const changed: number[] = [];
    const moved: WallLock[] = [];
    for (const lockId of lockIds) {
      const lock = this.#byId.get(lockId);
      // A lock that has gone on to another trip is no longer this one's, even when this one changes late.
      if (lock === undefined || (ended && lock.tripId !== trip.tripId)) continue;
      const before = lock.status;
      if (this.#assign(lock, ended ? undefined : trip.tripId)) moved.push(lock);
      if (lock.status !== before) changed.push(lock.index);
    }
    if (ended) this.#ofTrip.delete(trip.tripId);
    return { changed, moved };
  }

  /** A record has been committed. @returns the lock's index if its frame changed */
  see(lockId: string, seen: Seen): number | undefined {
    const lock = this.#byId.get(lockId);
    if (lock === undefined) return undefined;
    let changed = false;
    if (seen.timeMs >= lock.seenMs) {
      lock.seenMs = seen.timeMs;
      lock.noFix = !credibleFix(seen.position);
      if (seen.battery === undefined) delete lock.battery;
      else lock.battery = seen.battery;
      changed = true;
    }
    if (credibleFix(seen.position) && seen.timeMs >= lock.fixMs) {
      lock.fixMs = seen.timeMs;
      lock.position = seen.position;
      changed = true;
    }
    return changed ? lock.index : undefined;
  }

  get(lockId: string): WallLock | undefined {
    return this.#byId.get(lockId);
  }

  at(index: number): WallLock | undefined {
    return this.#byIndex[index];
  }

  all(): readonly WallLock[] {
    return this.#byIndex;
  }
}

export const tableEntry = (lock: WallLock): FeedLock => ({
  index: lock.index,
  lockId: lock.lockId,
  ...(lock.tripId === undefined ? {} : { tripId: lock.tripId }),
  ...(lock.plate === undefined ? {} : { plate: lock.plate }),
});

/** A lock in a frame; one that has never had a fix is in none. */
export function framePosition(lock: WallLock): FramePosition | undefined {
  const { position, battery } = lock;
  if (position === undefined) return undefined;
  const flags =
    (battery?.charging ? CHARGING : 0) | (lock.noFix ? NO_FIX : 0) | (position.source === 'gnss' ? 0 : NOT_GNSS);
  return {
    index: lock.index,
    lon: position.lon,
    lat: position.lat,
    speedKmh: position.speedKmh ?? 0,
    headingDeg: position.headingDeg ?? 0,
    status: lock.status,
    ...(battery?.percent === undefined ? {} : { batteryPercent: battery.percent }),
    flags,
  };
}
