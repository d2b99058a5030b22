import type { WallStatus } from '@sealwatch/schemas';
import type { Logger } from 'pino';
import { colourOf } from '../custody/colour.ts';
import type { Committed } from '../ports.ts';
import { alarmOf } from '../store/alarms/alarms.ts';
import { riskOf } from '../store/trips/trips.ts';
import type { BatchOutcome, TripOutcome } from './judge.ts';
import type { FollowedTrip, Roster } from './roster.ts';
import type { Written } from './write.ts';

/** The colour of a trip as it is in memory: its alarms are those that were last published. */
function wallStatusOf(trip: FollowedTrip | undefined): WallStatus {
  return colourOf(
    trip && {
      status: trip.status,
      risk: riskOf(trip.risk),
      openAlarms: trip.track.told
        .filter((fact) => fact.active)
        .map(({ rule, severity, phase }) => ({ rule, severity, state: phase })),
    },
  );
}

/** Tells listeners what has been committed, in the order of the commits. */
export class Announcer {
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

  /** Records that were known already are told too: the lock is heard again. */
  tellBatch(outcome: BatchOutcome, written: Written): void {
    const told = [...outcome.reports];
    for (const record of outcome.admitted.duplicates) {
      told.push({ record, tripId: this.#roster.tripOf(record.lockId, record.timeMs) });
    }
    const reports = told.map(({ record, tripId }) => ({
      report: record,
      lockId: record.lockId,
      ...(tripId ? { tripId } : {}),
      wallStatus: wallStatusOf(tripId ? this.#roster.trip(tripId) : undefined),
    }));
    this.#tell(reports, written, outcome.trips);
  }

  tellTrips(written: Written, trips: TripOutcome[]): void {
    this.#tell([], written, trips);
  }

  #tell(reports: Committed['reports'], written: Written, trips: TripOutcome[]): void {
    const withdrawn = written.withdrawn.map((row) => ({ ...alarmOf(row), active: false }));
    const committed: Committed = {
      reports,
      alarms: [...written.alarms.map(alarmOf), ...withdrawn],
      tripIds: trips.map(({ next }) => next.plan.tripId),
    };
    for (const listener of this.#listeners) {
      try {
        listener(committed);
      } catch (error) {
        // What is committed stays so: a screen that fails must not make a batch look failed.
        this.#log.error({ err: error }, 'a listener of committed batches failed');
      }
    }
  }
}
