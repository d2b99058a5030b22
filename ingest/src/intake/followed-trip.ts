import type { TripStatus } from '@sealwatch/schemas';
import type { TripUpdate } from '../store/reports/batch.ts';
import type { TripPlan, TripTrack } from '../tracker/index.ts';

/** An open trip in memory: its plan and how far its records are folded. Replaced, never changed in place. */
export interface FollowedTrip {
  slot: number;
  plan: TripPlan;
  track: TripTrack;
  status: TripStatus;
  risk: number;
  /** Fix time of the newest checkpoint in the store, epoch ms; 0: none. */
  checkpointMs: number;
  /** The tracker's columns of the trip as last written; absent: not written since the trip was loaded. */
  written?: TripUpdate | undefined;
}
