import { setImmediate } from 'node:timers/promises';
import { isFenced, isOutdated } from '../postgres/queryable.ts';
import { type OpenTrip, openTripsOfSlots } from '../store/reports/roster.ts';
import type { BatchGate } from './batch-gate.ts';
import type { IntakeDeps } from './contract.ts';
import { FailingTrips } from './failing-trips.ts';
import type { FollowedTrip } from './followed-trip.ts';
import { JudgingError } from './judging-error.ts';
import { Listening } from './listening.ts';
import { clockOutcome } from './liveness.ts';
import type { IntakeMetrics } from './metrics.ts';
import { isOutage } from './outage.ts';
import type { TripOutcome } from './outcome.ts';
import type { Roster } from './roster.ts';
import type { TripChanges } from './trip-changes.ts';

const DEFAULT_LIVENESS_EVERY_MS = 5_000;
const FOLLOWED_AT_START = 1_000;
const FOLLOWED_A_TURN = 50;
const CHANGED_A_TURN = 50;
/** Longest stretch without yielding to the event loop, ms: reports and gates wait for it. */
const TURN_MS = 5;

export interface LivenessParts {
  roster: Roster;
  gate: BatchGate;
  trips: TripChanges;
  metrics: Pick<IntakeMetrics, 'judgingFailures'>;
}

/**
 * Loads every open trip of the slots that this worker owns, and checks each against the clock every few seconds: silence, missed
 * times and unconfirmed reds come with no report. Takes few trips at a time between two batches, so that no report waits for
 * all of them. One trip that cannot be loaded, judged or stored is tried again with growing pauses, and keeps no other from its
 * clock, nor the platform from its start.
 */
export class LivenessTimer {
  readonly #deps: IntakeDeps;
  readonly #roster: Roster;
  readonly #gate: BatchGate;
  readonly #trips: TripChanges;
  readonly #nowMs: () => number;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Since when the trips of each owned slot are followed here, epoch ms: who owned it before may have heard nothing. */
  readonly #sinceMs = new Map<number, number>();
  readonly #listening: Listening;
  readonly #failing = new FailingTrips<string>();
  readonly #metrics: Pick<IntakeMetrics, 'judgingFailures'>;

  constructor(deps: IntakeDeps, parts: LivenessParts) {
    const { roster, gate, trips, metrics } = parts;
    this.#deps = deps;
    this.#metrics = metrics;
    this.#roster = roster;
    this.#gate = gate;
    this.#trips = trips;
    this.#nowMs = deps.nowMs ?? Date.now;
    this.#everyMs = deps.livenessEveryMs ?? DEFAULT_LIVENESS_EVERY_MS;
    this.#listening = new Listening(this.#nowMs());
  }

  /** Resolves once the first trips are loaded; the others are loaded between batches, or when they report. */
  async start(): Promise<void> {
    const { slots } = this.#deps;
    slots.onReleasing((released) => this.#release(released));
    await slots.onClaimed((claimed) => this.#claim(claimed));
    this.#listening.begin(this.#nowMs());
    await this.tick();
    if (this.#everyMs > 0) this.#tickEvery(this.#everyMs);
  }

  async #claim(slots: readonly number[]): Promise<void> {
    const trips = await this.#gate.between(async () => {
      this.#roster.claim(slots);
      for (const slot of slots) this.#sinceMs.set(slot, this.#nowMs());
      try {
        const open = await openTripsOfSlots(this.#deps.pool, slots);
        await this.#follow(open.slice(0, FOLLOWED_AT_START));
        return open;
      } catch (error) {
        // The slots are owned: the next tick loads their trips.
        this.#roster.tripsMissing = true;
        throw error;
      }
    });
    void this.#followRest(trips);
  }

  #release(slots: readonly number[]): Promise<void> {
    return this.#gate.between(async () => {
      this.#roster.release(slots);
      for (const slot of slots) this.#sinceMs.delete(slot);
    });
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** Checks every trip against the clock. */
  async tick(): Promise<void> {
    await this.#gate.between(async () => {
      const { slots, tripsMissing } = this.#roster;
      if (tripsMissing) await this.#follow(await openTripsOfSlots(this.#deps.pool, [...slots]));
      this.#roster.tripsMissing = false;
      for (const tripId of this.#failing.due()) await this.#retry(tripId);
    });
    const tripIds = this.#roster.tripIds().values();
    let more = true;
    while (more && !this.#stopped) {
      more = await this.#gate.between(() => this.#tickSome(tripIds));
      // Promises alone never yield to the sockets: without this all turns would be one long stretch.
      await setImmediate();
    }
  }

  /** The time, once it was seen whether the platform has listened until then. */
  #lookedMs(): number {
    const nowMs = this.#nowMs();
    // Without a timer somebody else says when time passes.
    if (this.#everyMs > 0) this.#listening.look(nowMs, this.#everyMs, this.#gate.ready().length === 0);
    return nowMs;
  }

  #tickEvery(everyMs: number): void {
    let ticking = false;
    this.#timer = setInterval(() => {
      this.#lookedMs();
      if (ticking) return;
      ticking = true;
      this.tick()
        .catch(() => undefined)
        .finally(() => {
          ticking = false;
        });
    }, everyMs);
    this.#timer.unref();
  }

  /** @returns whether there are more trips */
  async #tickSome(tripIds: Iterator<string>): Promise<boolean> {
    // One time for the turn, looked at before: the process may be suspended between any two of its steps.
    const nowMs = this.#lookedMs();
    const outcomes: TripOutcome[] = [];
    const until = performance.now() + TURN_MS;
    let next = tripIds.next();
    while (!next.done) {
      const trip = this.#failing.isPaused(next.value) ? undefined : this.#roster.trip(next.value);
      const outcome = trip && this.#clockOutcome(trip, nowMs);
      if (outcome && outcome.changes.length + outcome.withdrawn.length > 0) outcomes.push(outcome);
      // No alarm changed, but the track remembers what was worked out, so that the next tick need not.
      else if (outcome && outcome.next !== trip) this.#roster.keepTrip(outcome.next);
      if (performance.now() > until || outcomes.length === CHANGED_A_TURN) break;
      next = tripIds.next();
    }
    await this.#commit(outcomes);
    return !next.done;
  }

  #clockOutcome(trip: FollowedTrip, nowMs: number): TripOutcome | undefined {
    try {
      return clockOutcome(trip, nowMs, this.#followedSinceMs(trip));
    } catch (error) {
      this.#failed(trip.plan.tripId, error);
      return undefined;
    }
  }

  /** @throws in an outage of the store, and where another platform has taken over */
  async #commit(outcomes: TripOutcome[]): Promise<void> {
    try {
      await this.#trips.commit(outcomes);
      for (const { next } of outcomes) this.#failing.mended(next.plan.tripId);
    } catch (error) {
      if (isOutage(error) || isFenced(error) || isOutdated(error)) throw error;
      const [first] = outcomes;
      if (outcomes.length === 1 && first) this.#failed(first.next.plan.tripId, error);
      else for (const one of outcomes) await this.#commit([one]);
    }
  }

  #failed(tripId: string, error: unknown): void {
    const again = this.#failing.failed(tripId, tripId);
    this.#metrics.judgingFailures.inc();
    this.#deps.log.error({ err: error, tripId, ...again }, 'a trip could not be checked against the clock');
  }

  #followedSinceMs({ slot }: FollowedTrip): number {
    return Math.max(this.#listening.sinceMs, this.#sinceMs.get(slot) ?? 0);
  }

  /** Those of them that are this worker's; call it between two batches. */
  async #follow(trips: readonly OpenTrip[]): Promise<void> {
    const own = trips.filter(({ tripId, slot }) => this.#roster.slots.has(slot) && !this.#failing.isPaused(tripId));
    for (let i = 0; i < own.length; i += FOLLOWED_A_TURN) {
      await this.#load(own.slice(i, i + FOLLOWED_A_TURN).map(({ tripId }) => tripId));
    }
  }

  /** @throws what the store rejects with */
  async #load(tripIds: string[]): Promise<void> {
    try {
      await this.#roster.ensureTrips(tripIds);
    } catch (error) {
      if (!(error instanceof JudgingError)) throw error;
      const [first] = tripIds;
      if (tripIds.length === 1 && first) this.#failed(first, error);
      else for (const tripId of tripIds) await this.#load([tripId]);
    }
  }

  async #retry(tripId: string): Promise<void> {
    await this.#load([tripId]);
    // It is over, or another worker's.
    if (this.#roster.trip(tripId) === undefined && !this.#failing.isPaused(tripId)) this.#failing.mended(tripId);
  }

  async #followRest(trips: readonly OpenTrip[]): Promise<void> {
    if (trips.length <= FOLLOWED_AT_START) return;
    for (let i = FOLLOWED_AT_START; i < trips.length && !this.#stopped; i += FOLLOWED_A_TURN) {
      if (i % 5_000 === 0) this.#deps.onProgress?.(`following ${i} of ${trips.length} trips`);
      const few = trips.slice(i, i + FOLLOWED_A_TURN);
      await this.#gate
        .between(() => this.#follow(few))
        .catch((error) => {
          this.#roster.tripsMissing = true;
          this.#deps.log.warn(
            { err: error },
            'trips could not be loaded; they are loaded at the next tick of the clock',
          );
        });
    }
    this.#deps.onProgress?.(`following ${trips.length} trips`);
  }
}
