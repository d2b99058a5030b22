import type { StoredLock } from '../store/reports/roster.ts';
import type { AlarmDiff } from '../tracker/index.ts';
import type { Admitted } from './admit.ts';
import type { FollowedTrip } from './followed-trip.ts';

/** What records, the clock or a re-evaluation change of one trip. */
export interface TripOutcome extends AlarmDiff {
  next: FollowedTrip;
  /** Fix time of the earliest new record, epoch ms: stored checkpoints from there on are outdated. */
  fromMs: number;
  /** The trip was judged again from stored records. */
  reevaluated: boolean;
}

/** What a batch will write. */
export interface BatchOutcome {
  admitted: Admitted;
  trips: TripOutcome[];
  /** The locks as they were known when the batch was judged. */
  locks: ReadonlyMap<string, StoredLock>;
  /** Locks of the batch whose records another worker admits: nothing of them is written. */
  moved: ReadonlySet<string>;
  /** Trips that records of the batch belong to and another worker folds. */
  strays: ReadonlySet<string>;
}
