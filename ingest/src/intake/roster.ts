import { compileRoute } from '@sealwatch/geofence';
import type { Queryable } from '../postgres/queryable.ts';
import type { IntakeRecord } from '../record/record.ts';
import type { AlarmRow } from '../store/alarms/alarms.ts';
import { activeAlarmsOfTrips, type TripUpdate } from '../store/reports/batch.ts';
import {
  allPlaces,
  loadLocks,
  loadTrips,
  locksOfTrips,
  newestCheckpoints,
  recordsOfTrips,
  routeFeature,
  type StoredCheckpoint,
  type StoredLock,
  type StoredTrip,
  tripRecords,
} from '../store/reports/roster.ts';
import {
  type Advance,
  type AlarmDiff,
  advance,
  compilePlaces,
  type PlaceSet,
  startTrack,
  type TripPlan,
  type TripTrack,
} from '../tracker/index.ts';
import type { Outcome } from './judge.ts';
import { type CompiledRoute, planOf } from './plan.ts';
import { publishedBefore } from './published-alarms.ts';

/** A trip in memory: what is known of it and how far its fold has come. Replaced, never changed. */
export interface FollowedTrip {
  plan: TripPlan;
  track: TripTrack;
  status: string;
  risk: number;
  /** Fix time of the newest checkpoint in the store; 0: none. */
  checkpointMs: number;
  /** The tracker's columns of the trip as they were last written; absent: not since the trip came into memory. */
  written?: TripUpdate | undefined;
}

/** A trip folded anew, and how its alarms differ from the published ones. */
export interface Refold extends AlarmDiff {
  next: FollowedTrip;
}

const ROUTES_KEPT = 500;
const LOCKS_KEPT = 200_000;

/**
 * What the intake knows by heart: locks with their windows and highest identities, and open trips with their plans
 * and tracks. Everything in it can be read again from the store (law 11).
 */
export class Roster {
  readonly #db: Queryable;
  readonly #locks = new Map<string, StoredLock>();
  readonly #trips = new Map<string, FollowedTrip>();
  /** Those of them that were over when they were kept. */
  readonly #over = new Set<string>();
  readonly #routes = new Map<string, CompiledRoute>();
  #places: PlaceSet | undefined;

  constructor(db: Queryable) {
    this.#db = db;
  }

  lock(lockId: string): StoredLock | undefined {
    return this.#locks.get(lockId);
  }

  trip(tripId: string): FollowedTrip | undefined {
    return this.#trips.get(tripId);
  }

  /** Of open trips; finished ones that late records brought back are in it until the next `tidy`. */
  tripIds(): string[] {
    return [...this.#trips.keys()];
  }

  get tripCount(): number {
    return this.#trips.size;
  }

  /** @param db asked only where something is missing in memory */
  async ensureLocks(lockIds: Iterable<string>, db: Queryable): Promise<void> {
    const missing = [...lockIds].filter((lockId) => !this.#locks.has(lockId));
    if (missing.length === 0) return;
    if (this.#locks.size > LOCKS_KEPT) this.#locks.clear();
    for (const lock of await loadLocks(db, missing)) this.#locks.set(lock.lockId, lock);
  }

  /** The trip that a record of this lock and fix time belongs to. */
  tripOf(lockId: string, timeMs: number): string | undefined {
    return this.#locks.get(lockId)?.windows.find(({ fromMs, toMs }) => timeMs >= fromMs && timeMs < toMs)?.tripId;
  }

  /** Brings trips that are not in memory from the store: newest checkpoint and the records since. */
  async ensureTrips(tripIds: Iterable<string>, db: Queryable = this.#db): Promise<void> {
    const missing = [...tripIds].filter((tripId) => !this.#trips.has(tripId));
    if (missing.length === 0) return;
    const active = await activeAlarmsOfTrips(db, missing);
    const trips = await loadTrips(this.#db, missing);
    const checkpoints = await newestCheckpoints(this.#db, missing);
    // A checkpoint holds every record up to and with its own millisecond.
    const since = trips.map(({ tripId }) => ({ tripId, fromMs: (checkpoints.get(tripId)?.timeMs ?? -1) + 1 }));
    const records = await recordsOfTrips(this.#db, since);
    for (const stored of trips) {
      const { tripId } = stored;
      const known = { checkpoint: checkpoints.get(tripId), records: records.get(tripId) ?? [] };
      this.keepTrip(await this.#rebuild(stored, active, known));
    }
  }

  /**
   * Moves memory to where a batch will have brought it; whoever finds that its commit failed forgets these locks and
   * trips. Answers the outcome with what the commits before it have settled.
   */
  expect(outcome: Outcome): Outcome {
    for (const [lockId, { boot, seq }] of outcome.admitted.highest) this.#raiseHighest(lockId, boot, seq);
    const trips = outcome.trips.map((judged) => {
      const now = this.#trips.get(judged.next.plan.tripId) ?? judged.next;
      const { status, risk, checkpointMs, written } = now;
      const next = { ...judged.next, status, risk, checkpointMs, written };
      this.keepTrip(next);
      return { ...judged, next };
    });
    return { ...outcome, trips };
  }

  keepTrip(trip: FollowedTrip): void {
    this.#trips.set(trip.plan.tripId, trip);
    if (isOver(trip)) this.#over.add(trip.plan.tripId);
  }

  #raiseHighest(lockId: string, boot: number, seq: number): void {
    const lock = this.#locks.get(lockId);
    if (lock) this.#locks.set(lockId, { ...lock, maxBoot: boot, maxSeq: seq });
  }

  forgetLocks(lockIds: string[]): void {
    for (const lockId of lockIds) this.#locks.delete(lockId);
  }

  forgetTrip(tripId: string): void {
    this.#trips.delete(tripId);
  }

  /** Lets go of trips that are over. */
  tidy(): void {
    for (const tripId of this.#over) {
      const trip = this.#trips.get(tripId);
      if (trip && isOver(trip)) this.#trips.delete(tripId);
    }
    this.#over.clear();
  }

  /**
   * Trips folded anew from all their stored records, e.g. after their windows or disposals have changed; those that are
   * judged no more are let go of and left out.
   */
  async refold(tripIds: string[]): Promise<Refold[]> {
    this.forgetLocks(await locksOfTrips(this.#db, tripIds));
    const judged = await loadTrips(this.#db, tripIds);
    const since = judged.map(({ tripId }) => ({ tripId, fromMs: 0 }));
    const records = await recordsOfTrips(this.#db, since);
    const refolds: Refold[] = [];
    for (const stored of judged) refolds.push(await this.#refold(stored, records.get(stored.tripId) ?? []));
    const stays = new Set(judged.map(({ tripId }) => tripId));
    for (const tripId of tripIds) if (!stays.has(tripId)) this.forgetTrip(tripId);
    return refolds;
  }

  async #refold(stored: StoredTrip, records: IntakeRecord[]): Promise<Refold> {
    const was = this.#trips.get(stored.tripId);
    const plan = await this.#planOf(stored);
    const start = startTrack(plan);
    // The published alarms are kept, so that those that no longer hold are withdrawn.
    const from = was ? { ...start, published: was.track.published, clockConfirmed: was.track.clockConfirmed } : start;
    const folded = await this.#fold(plan, from, records);
    const { status, risk } = stored;
    return { ...folded, next: { plan, track: folded.track, status, risk, checkpointMs: was?.checkpointMs ?? 0 } };
  }

  /** Plans with the places as they are now; what was judged stays, what comes is judged by the new ones. */
  async replan(): Promise<void> {
    this.#places = undefined;
    for (const stored of await loadTrips(this.#db, [...this.#trips.keys()])) {
      const trip = this.#trips.get(stored.tripId);
      if (trip) this.keepTrip({ ...trip, plan: await this.#planOf(stored) });
    }
  }

  async #planOf(stored: StoredTrip): Promise<TripPlan> {
    const compiled = await this.#route(stored.routeId, stored.routeVersion);
    this.#places ??= compilePlaces(await allPlaces(this.#db));
    return planOf(stored, compiled, this.#places);
  }

  async #rebuild(
    stored: StoredTrip,
    active: AlarmRow[],
    known: { checkpoint: StoredCheckpoint | undefined; records: IntakeRecord[] },
  ): Promise<FollowedTrip> {
    const plan = await this.#planOf(stored);
    const { checkpoint, records } = known;
    const { track } = await this.#fold(plan, startTrack(plan, checkpoint), records);
    const { status, risk } = stored;
    const own = active.filter((row) => row.trip_id === stored.tripId);
    const published = publishedBefore(track.published, own);
    return { plan, track: { ...track, published }, status, risk, checkpointMs: checkpoint?.timeMs ?? 0 };
  }

  async #fold(plan: TripPlan, from: TripTrack, records: IntakeRecord[]): Promise<Extract<Advance, { ok: true }>> {
    const folded = advance(plan, from, records);
    if (folded.ok) return folded;
    // The plan has changed since the checkpoint was written.
    const all = await tripRecords(this.#db, plan.tripId, folded.needFromMs);
    const again = advance(plan, from, records, all);
    if (!again.ok) throw new Error(`trip ${plan.tripId}: cannot be folded from ${again.needFromMs} on`);
    return again;
  }

  async #route(routeId: string, version: number): Promise<CompiledRoute> {
    const key = `${routeId}@${version}`;
    const kept = this.#routes.get(key);
    if (kept) return kept;
    const route = await routeFeature(this.#db, routeId, version);
    const compiled = { route, corridor: compileRoute(route) };
    if (this.#routes.size >= ROUTES_KEPT) this.#routes.clear();
    this.#routes.set(key, compiled);
    return compiled;
  }
}

export function isOver({ status }: FollowedTrip): boolean {
  return status === 'closed' || status === 'cancelled';
}
