import type { Logger } from 'pino';
import type { Committed } from '../ports.ts';
import { alarmOf } from '../store/alarms/alarms.ts';
import type { BatchOutcome, TripOutcome } from './outcome.ts';
import type { Roster } from './roster.ts';
import { wallStatus } from './wall-status.ts';
import type { Written } from './write.ts';

/** Notifies listeners of what has been committed, in the order of the commits. */
export class Notifier {
  readonly #roster: Roster;
  readonly #log: Logger;
  readonly #listeners: ((committed: Committed) => void)[] = [];

  constructor(roster: Roster, log: Logger) {
    this.#roster = roster;
    this.#log = log;
  }

  add(listener: (committed: Committed) => void): void {
    this.#listeners.push(listener);
  }

  /** Duplicates are published too: the lock has been heard again. */
  batchCommitted(outcome: BatchOutcome, written: Written): void {
    const { accepted, duplicates } = outcome.admitted;
    const reports = [...accepted, ...duplicates].map((report) => {
      const { lockId } = report;
      const tripId = this.#roster.windowOf(lockId, report.timeMs)?.tripId;
      const status = wallStatus(tripId ? this.#roster.trip(tripId) : undefined);
      return { report, lockId, ...(tripId ? { tripId } : {}), wallStatus: status };
    });
    this.#notify(reports, outcome.trips, written);
  }

  tripsCommitted(trips: TripOutcome[], written: Written): void {
    this.#notify([], trips, written);
  }

  #notify(reports: Committed['reports'], trips: TripOutcome[], written: Written): void {
    const withdrawn = written.withdrawn.map((row) => ({ ...alarmOf(row), active: false }));
    const committed: Committed = {
      reports,
      alarms: [...written.alarms.map(alarmOf), ...withdrawn],
      tripIds: trips.map(({ next }) => next.plan.tripId),
      inheriting: written.inheriting.map((trip) => trip.trip_id),
    };
    for (const listener of this.#listeners) {
      try {
        listener(committed);
      } catch (error) {
        // The batch is committed: a listener that fails must not make it look failed.
        this.#log.error({ err: error }, 'a listener of committed batches failed');
      }
    }
  }
}
