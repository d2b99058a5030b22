import { setImmediate } from 'node:timers/promises';
import { openTripIds } from '../store/reports/roster.ts';
import type { IntakeDeps } from './contract.ts';
import type { TripOutcome } from './judge.ts';
import { clockOutcome } from './liveness.ts';
import type { Roster } from './roster.ts';

const DEFAULT_LIVENESS_EVERY_MS = 5_000;
const FOLLOWED_AT_START = 1_000;
const FOLLOWED_A_TURN = 50;
const CHANGED_A_TURN = 50;
/** So long nothing else is done, neither a report nor a gate's question. */
const TURN_MS = 5;

/** What the watch asks of the intake. */
export interface Between {
  /** Runs a task between two batches, so that trips are never judged by two at once. */
  between<T>(task: () => Promise<T>): Promise<T>;
  commitTrips(trips: TripOutcome[]): Promise<void>;
}

/**
 * Has every open trip followed, and asks the clock of each what no report will say. Never many trips between two batches,
 * so that no report waits for all of them.
 */
export class Watch {
  readonly #deps: IntakeDeps;
  readonly #roster: Roster;
  readonly #intake: Between;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** A trip was forgotten after a failure and may not report again by itself. */
  #tripsMissing = false;

  constructor(deps: IntakeDeps, roster: Roster, intake: Between, nowMs: () => number) {
    this.#deps = deps;
    this.#roster = roster;
    this.#intake = intake;
    this.#nowMs = nowMs;
  }

  /** Resolves once the first trips are followed; the others come between batches, or when they report. */
  async start(): Promise<void> {
    const tripIds = await openTripIds(this.#deps.pool);
    await this.#follow(tripIds.slice(0, FOLLOWED_AT_START));
    await this.look();
    void this.#followRest(tripIds);
    const everyMs = this.#deps.livenessEveryMs ?? DEFAULT_LIVENESS_EVERY_MS;
    if (everyMs > 0) this.#lookEvery(everyMs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** Trips were forgotten: they are followed again at the next look. */
  tripsForgotten(): void {
    this.#tripsMissing = true;
  }

  /** Asks the clock of every trip. */
  async look(): Promise<void> {
    await this.#intake.between(async () => {
      if (this.#tripsMissing) await this.#follow(await openTripIds(this.#deps.pool));
      this.#tripsMissing = false;
    });
    const tripIds = this.#roster.tripIds().values();
    let more = true;
    while (more && !this.#stopped) {
      more = await this.#intake.between(() => this.#lookAtSome(tripIds));
      // Turns that follow each other by promises alone would be one long turn for the sockets.
      await setImmediate();
    }
  }

  #lookEvery(everyMs: number): void {
    let looking = false;
    this.#timer = setInterval(() => {
      if (looking) return;
      looking = true;
      this.look()
        .catch(() => undefined)
        .finally(() => {
          looking = false;
        });
    }, everyMs);
    this.#timer.unref();
  }

  /** Answers whether there are more. */
  async #lookAtSome(tripIds: Iterator<string>): Promise<boolean> {
    const outcomes: TripOutcome[] = [];
    const until = performance.now() + TURN_MS;
    let next = tripIds.next();
    while (!next.done) {
      const trip = this.#roster.trip(next.value);
      const outcome = trip && clockOutcome(trip, this.#nowMs());
      if (outcome && outcome.changes.length + outcome.withdrawn.length > 0) outcomes.push(outcome);
      // Told anew or not: what the look has worked out the next one need not.
      else if (outcome && outcome.next !== trip) this.#roster.keepTrip(outcome.next);
      if (performance.now() > until || outcomes.length === CHANGED_A_TURN) break;
      next = tripIds.next();
    }
    await this.#intake.commitTrips(outcomes);
    return !next.done;
  }

  async #follow(tripIds: string[]): Promise<void> {
    for (let i = 0; i < tripIds.length; i += FOLLOWED_A_TURN) {
      await this.#roster.ensureTrips(tripIds.slice(i, i + FOLLOWED_A_TURN));
    }
  }

  async #followRest(tripIds: string[]): Promise<void> {
    if (tripIds.length <= FOLLOWED_AT_START) return;
    for (let i = FOLLOWED_AT_START; i < tripIds.length && !this.#stopped; i += FOLLOWED_A_TURN) {
      if (i % 5_000 === 0) this.#deps.onProgress?.(`following ${i} of ${tripIds.length} trips`);
      const few = tripIds.slice(i, i + FOLLOWED_A_TURN);
      await this.#intake
        .between(() => this.#roster.ensureTrips(few))
        .catch((error) => {
          this.#tripsMissing = true;
          this.#deps.log.warn({ err: error }, 'trips could not be read; they are at the next look at the clock');
        });
    }
    this.#deps.onProgress?.(`following ${tripIds.length} trips`);
  }
}
