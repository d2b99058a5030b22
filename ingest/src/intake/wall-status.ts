import type { WallStatus } from '@sealwatch/schemas';
import { colourOf } from '../custody/colour.ts';
import { riskOf } from '../store/trips/view.ts';
import type { FollowedTrip } from './followed-trip.ts';

/** The colour of a trip as it is in memory: its alarms are those that were last published. */
export function wallStatus(trip: FollowedTrip | undefined): WallStatus {
  return colourOf(
    trip && {
      status: trip.status,
      risk: riskOf(trip.risk),
      openAlarms: trip.track.published
        .filter((fact) => fact.active)
        .map(({ rule, severity, phase }) => ({ rule, severity, state: phase })),
    },
  );
}
