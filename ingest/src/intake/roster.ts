import { setImmediate } from 'node:timers/promises';
import { compileRoute } from '@sealwatch/geofence';
import { isOver } from '@sealwatch/schemas';
import type { Queryable } from '../postgres/queryable.ts';
import type { LockClock } from '../record/clock.ts';
import type { TrackedReport } from '../record/report.ts';
import type { AlarmRow } from '../store/alarms/alarms.ts';
import { activeAlarmsOfTrips, alarmsOfTrips } from '../store/reports/batch.ts';
import {
  allPlaces,
  loadLocks,
  loadTrips,
  newestCheckpoints,
  recordsOfTrips,
  routeFeature,
  type StoredCheckpoint,
  type StoredLock,
  type StoredTrip,
  tripRecords,
  type Window,
} from '../store/reports/roster.ts';
import {
  type Advance,
  advance,
  compilePlaces,
  type PlaceSet,
  startTrack,
  type TripPlan,
  type TripTrack,
} from '../tracker/index.ts';
import type { FollowedTrip } from './followed-trip.ts';
import type { Highest } from './highest.ts';
import { JudgingError, judging } from './judging-error.ts';
import type { Publish } from './lanes.ts';
import type { BatchOutcome, TripOutcome } from './outcome.ts';
import { type CompiledRoute, planOf } from './plan.ts';
import { publishedBefore } from './published-alarms.ts';
import type { Written } from './write.ts';

const ROUTES_KEPT = 500;
const LOCKS_KEPT = 200_000;
const NONE: ReadonlySet<string> = new Set();

/**
 * The intake's memory: locks with their windows and highest identities, and open trips with their plans and tracks.
 * Everything in it can be loaded again from the store (law 11).
 */
export class Roster {
  readonly #db: Queryable;
  /** Of own slots alone; what another worker admits is not kept, for it would be outdated unseen. */
  #locks = new Map<string, StoredLock>();
  readonly #trips = new Map<string, FollowedTrip>();
  /** Those of them that are closed or cancelled; they leave after the next commit. */
  readonly #over = new Set<string>();
  readonly #routes = new Map<string, CompiledRoute>();
  /** Known places, of real and of simulated trips. */
  readonly #places = new Map<boolean, PlaceSet>();
  readonly #slots = new Set<number>();
  /** Open trips may be missing from memory: the liveness timer loads them at its next tick. */
  tripsMissing = false;

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** Slots whose locks and trips are this worker's. They change between two batches only. */
  get slots(): ReadonlySet<number> {
    return this.#slots;
  }

  claim(slots: readonly number[]): void {
    for (const slot of slots) this.#slots.add(slot);
  }

  /** Forgets what is in these slots: from now on another worker changes it. */
  release(slots: readonly number[]): void {
    for (const slot of slots) this.#slots.delete(slot);
    for (const [lockId, { slot }] of this.#locks) if (!this.#slots.has(slot)) this.#locks.delete(lockId);
    for (const [tripId, { slot }] of this.#trips) if (!this.#slots.has(slot)) this.#trips.delete(tripId);
  }

  get locks(): ReadonlyMap<string, StoredLock> {
    return this.#locks;
  }

  lock(lockId: string): StoredLock | undefined {
    return this.#locks.get(lockId);
  }

  trip(tripId: string): FollowedTrip | undefined {
    return this.#trips.get(tripId);
  }

  /** Of open trips, and of closed ones that late records brought back until the next commit. */
  tripIds(): string[] {
    return [...this.#trips.keys()];
  }

  get tripCount(): number {
    return this.#trips.size;
  }

  /**
   * @param db read only if a lock is missing in memory
   * @returns those that are in no slot of this worker
   */
  async ensureLocks(lockIds: Iterable<string>, db: Queryable): Promise<ReadonlySet<string>> {
    const missing = [...lockIds].filter((lockId) => !this.#locks.has(lockId));
    if (missing.length === 0) return NONE;
    // A batch that is being committed still reads the map before.
    if (this.#locks.size > LOCKS_KEPT) this.#locks = new Map();
    const moved = new Set<string>();
    for (const lock of await loadLocks(db, missing)) {
      if (this.#slots.has(lock.slot)) this.#locks.set(lock.lockId, lock);
      else moved.add(lock.lockId);
    }
    return moved;
  }

  /** The window of the trip that a record of this lock and fix time belongs to. */
  windowOf(lockId: string, timeMs: number): Window | undefined {
    return this.#locks.get(lockId)?.windows.find(({ fromMs, toMs }) => timeMs >= fromMs && timeMs < toMs);
  }

  /** Loads trips that are not in memory: newest checkpoint and the records since. */
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
      this.keepTrip(await this.#load(stored, active, known));
    }
  }

  /**
   * Moves memory to where a batch will have brought it, before its commit; if that fails `forgetBatch` is called. Answers
   * the outcome with the status, risk and checkpoints that earlier commits have settled.
   */
  expect(outcome: BatchOutcome): BatchOutcome {
    const { highest, clocks } = outcome.admitted;
    for (const [lockId, top] of highest) this.#raiseHighest(lockId, top, clocks.get(lockId));
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

  #raiseHighest(lockId: string, { boot, seq, timeMs }: Highest, clock?: LockClock): void {
    const lock = this.#locks.get(lockId);
    if (!lock) return;
    const raised = { ...lock, maxBoot: boot, maxSeq: seq, lastMs: timeMs };
    this.#locks.set(lockId, clock ? { ...raised, clock } : raised);
  }

  forgetLocks(lockIds: string[]): void {
    for (const lockId of lockIds) this.#locks.delete(lockId);
  }

  /** To be called after a failed commit: the trip is loaded when it next reports, or at the next tick. */
  forgetTrip(tripId: string): void {
    this.#trips.delete(tripId);
    this.tripsMissing = true;
  }

  /** Forgets the locks and trips of a batch whose commit failed; they are loaded when they are next needed. */
  forgetBatch(publishes: readonly Publish[], outcome: BatchOutcome | undefined): void {
    for (const { next } of outcome?.trips ?? []) this.forgetTrip(next.plan.tripId);
    for (const { lockId } of publishes) {
      for (const { tripId } of this.#locks.get(lockId)?.windows ?? []) {
        if (this.#trips.has(tripId)) this.forgetTrip(tripId);
      }
    }
    this.forgetLocks(publishes.map((publish) => publish.lockId));
  }

  /** Moves trips to what a commit has settled: status, risk, checkpoint; removes those that are closed or cancelled. */
  keepCommitted(trips: readonly TripOutcome[], written: Written): void {
    for (const { next } of trips) {
      const after = written.trips.get(next.plan.tripId);
      const checkpointMs = written.checkpoints.get(next.plan.tripId) ?? next.checkpointMs;
      const progress = written.progress.get(next.plan.tripId) ?? next.written;
      const settled = after ? { status: after.status, risk: after.risk } : {};
      this.keepTrip({ ...next, checkpointMs, written: progress, ...settled });
    }
    for (const { trip_id: tripId, risk } of written.inheriting) {
      const trip = this.#trips.get(tripId);
      if (trip) this.keepTrip({ ...trip, risk });
    }
    this.#removeOver();
  }

  #removeOver(): void {
    for (const tripId of this.#over) {
      const trip = this.#trips.get(tripId);
      if (trip && isOver(trip)) this.#trips.delete(tripId);
    }
    this.#over.clear();
  }

  /**
   * Judges trips again from all their stored records, e.g. after their windows or disposals have changed. Trips that are
   * no longer judged are removed from memory and left out.
   */
  async reevaluate(trips: readonly { tripId: string; lockIds: string[] }[]): Promise<TripOutcome[]> {
    const tripIds = trips.map(({ tripId }) => tripId);
    this.forgetLocks(trips.flatMap(({ lockIds }) => lockIds));
    const judged = await loadTrips(this.#db, tripIds);
    const since = judged.map(({ tripId }) => ({ tripId, fromMs: 0 }));
    const unknown = judged.flatMap(({ tripId, late }) => (late || !this.#trips.has(tripId) ? tripId : []));
    const [records, alarms] = await Promise.all([recordsOfTrips(this.#db, since), alarmsOfTrips(this.#db, unknown)]);
    const outcomes: TripOutcome[] = [];
    for (const stored of judged) {
      const { tripId, late } = stored;
      const told = alarms.filter((row) => row.trip_id === tripId && (late || row.active));
      outcomes.push(await this.#reevaluate(stored, records.get(tripId) ?? [], told));
      // Sockets are not to wait for twenty trips at a stretch.
      await setImmediate();
    }
    const kept = new Set(judged.map(({ tripId }) => tripId));
    for (const tripId of tripIds) if (!kept.has(tripId)) this.#trips.delete(tripId);
    return outcomes;
  }

  /** @param told alarms that the store holds; of a trip in memory only where memory does not know all that may not hold */
  async #reevaluate(stored: StoredTrip, records: TrackedReport[], told: AlarmRow[]): Promise<TripOutcome> {
    const known = this.#trips.get(stored.tripId);
    const was = known?.track;
    const plan = await this.#planOf(stored);
    const start = startTrack(plan);
    // The published alarms are kept, so that those that no longer hold are withdrawn.
    const published = told.length === 0 ? (was?.published ?? []) : publishedBefore(was?.published ?? [], told);
    const from = { ...start, published, clockConfirmed: was?.clockConfirmed ?? [] };
    const folded = await this.#fold(plan, from, records);
    const { track, changes, withdrawn } = folded;
    const { slot, status, risk } = stored;
    const next = { slot, plan, track, status, risk, checkpointMs: known?.checkpointMs ?? 0 };
    return { next, changes, withdrawn, fromMs: 0, reevaluated: true };
  }

  /** Loads known places again into all plans; records that were judged already are not judged again. */
  async reloadPlaces(): Promise<void> {
    this.#places.clear();
    for (const stored of await loadTrips(this.#db, [...this.#trips.keys()])) {
      const trip = this.#trips.get(stored.tripId);
      if (trip) this.keepTrip({ ...trip, plan: await this.#planOf(stored) });
    }
  }

  async #planOf(stored: StoredTrip): Promise<TripPlan> {
    const compiled = await this.#route(stored.routeId, stored.routeVersion);
    const { simulated } = stored;
    const places = this.#places.get(simulated) ?? compilePlaces(await allPlaces(this.#db, simulated));
    this.#places.set(simulated, places);
    return judging(`trip ${stored.tripId}`, () => planOf(stored, compiled, places));
  }

  async #load(
    stored: StoredTrip,
    active: AlarmRow[],
    known: { checkpoint: StoredCheckpoint | undefined; records: TrackedReport[] },
  ): Promise<FollowedTrip> {
    const plan = await this.#planOf(stored);
    const { checkpoint, records } = known;
    const start = judging(`trip ${stored.tripId}`, () => startTrack(plan, checkpoint));
    const { track } = await this.#fold(plan, start, records);
    const { slot, status, risk } = stored;
    const own = active.filter((row) => row.trip_id === stored.tripId);
    const published = publishedBefore(track.published, own);
    return { slot, plan, track: { ...track, published }, status, risk, checkpointMs: checkpoint?.timeMs ?? 0 };
  }

  async #fold(plan: TripPlan, from: TripTrack, records: TrackedReport[]): Promise<Extract<Advance, { ok: true }>> {
    const what = `trip ${plan.tripId}`;
    const folded = judging(what, () => advance(plan, from, records));
    if (folded.ok) return folded;
    // The plan has changed since the checkpoint was written, so earlier records are needed too.
    const all = await tripRecords(this.#db, plan.tripId, folded.needFromMs);
    const again = judging(what, () => advance(plan, from, records, all));
    if (!again.ok) throw new JudgingError(`${what}: cannot be folded from ${again.needFromMs} on`);
    return again;
  }

  async #route(routeId: string, version: number): Promise<CompiledRoute> {
    const key = `${routeId}@${version}`;
    const kept = this.#routes.get(key);
    if (kept) return kept;
    const route = await routeFeature(this.#db, routeId, version);
    const compiled = { route, corridor: judging(`route ${key}`, () => compileRoute(route)) };
    if (this.#routes.size >= ROUTES_KEPT) this.#routes.clear();
    this.#routes.set(key, compiled);
    return compiled;
  }
}
