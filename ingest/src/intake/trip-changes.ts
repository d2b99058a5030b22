import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { inTransaction } from '../postgres/queryable.ts';
import { endToJudge, type ToJudge } from '../store/trips/to-judge.ts';
import type { Judged } from './contract.ts';
import type { IntakeMetrics } from './metrics.ts';
import type { Notifier } from './notifier.ts';
import type { TripOutcome } from './outcome.ts';
import type { Roster } from './roster.ts';
import { writeTrips } from './write.ts';

export interface TripChangesDeps {
  pool: Pool;
  log: Logger;
  roster: Roster;
  metrics: IntakeMetrics;
  notifier: Notifier;
  nowMs: () => number;
}

/** Commits changes of trips that no report brings: re-evaluations, and what the clock finds. Called between two batches only. */
export class TripChanges {
  readonly #deps: TripChangesDeps;

  constructor(deps: TripChangesDeps) {
    this.#deps = deps;
  }

  /**
   * Loads trips whose plans have changed, judges all their stored records, and commits the difference and that they wait no
   * longer. Those whose slot was released since they were read are left to whoever owns it.
   */
  async reevaluate(waiting: readonly ToJudge[]): Promise<Judged> {
    const { roster } = this.#deps;
    const own = waiting.filter(({ slot }) => roster.slots.has(slot));
    return this.#commit(await roster.reevaluate(own), own);
  }

  /** Writes, then notifies; where the commit fails these trips are removed from memory and the error is thrown. */
  async commit(trips: TripOutcome[]): Promise<void> {
    if (trips.length > 0) await this.#commit(trips, []);
  }

  async #commit(trips: TripOutcome[], waiting: readonly ToJudge[]): Promise<Judged> {
    const { pool, log, roster, metrics, notifier, nowMs } = this.#deps;
    try {
      const [written, judged] = await inTransaction(pool, (db) =>
        Promise.all([writeTrips(db, trips, roster.slots, nowMs()), endToJudge(db, waiting)]),
      );
      roster.keepCommitted(trips, written);
      for (const { rule } of written.raised) metrics.alarms.inc({ rule });
      if (trips.length > 0) notifier.tripsCommitted(trips, written);
      return judged;
    } catch (error) {
      for (const { next } of trips) roster.forgetTrip(next.plan.tripId);
      log.error({ err: error }, 'changes of trips could not be committed');
      throw error;
    }
  }
}
