import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { inTransaction } from '../postgres/queryable.ts';
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

  /** Loads trips again, judges all their stored records and commits the difference; e.g. after their plans have changed. */
  async reevaluate(tripIds: string[]): Promise<void> {
    await this.commit(await this.#deps.roster.reevaluate(tripIds));
  }

  /** Writes, then notifies; where the commit fails these trips are removed from memory and the error is thrown. */
  async commit(trips: TripOutcome[]): Promise<void> {
    if (trips.length === 0) return;
    const { pool, log, roster, metrics, notifier, nowMs } = this.#deps;
    try {
      const written = await inTransaction(pool, (db) => writeTrips(db, trips, roster.slots, nowMs()));
      roster.keepCommitted(trips, written);
      for (const { rule } of written.raised) metrics.alarms.inc({ rule });
      notifier.tripsCommitted(trips, written);
    } catch (error) {
      for (const { next } of trips) roster.forgetTrip(next.plan.tripId);
      log.error({ err: error }, 'changes of trips could not be committed');
      throw error;
    }
  }
}
