import type { Corridor } from '@sealwatch/geofence';
import type { Route } from '@sealwatch/schemas';
import { resolveParams } from '../params/resolve.ts';
import type { StoredTrip } from '../store/reports/roster.ts';
import type { PlaceSet, TripPlan } from '../tracker/index.ts';
import { disposalsOf } from './disposals.ts';

export interface CompiledRoute {
  route: Route;
  corridor: Corridor;
}

/** What the rules need to know of a stored trip besides its records. */
export function planOf(stored: StoredTrip, { route, corridor }: CompiledRoute, places: PlaceSet): TripPlan {
  const { sealedAtMs, takenOverAtMs, plannedDepartureMs, timeLimitMin, unlockAuthorisedAtMs } = stored;
  return {
    tripId: stored.tripId,
    locks: stored.locks,
    ...(stored.unnumbered.length === 0 ? {} : { unnumbered: stored.unnumbered }),
    corridor,
    route,
    places,
    params: resolveParams({
      platform: stored.platformParams,
      company: stored.companyParams,
      route: route.properties.params,
      legs: route.properties.legs,
    }),
    disposals: disposalsOf(stored.disposed),
    clockConfirmations: stored.clockConfirmed,
    identityConflicts: stored.conflicts,
    secondConnections: stored.secondConnections,
    ...(sealedAtMs === undefined ? {} : { sealedAtMs }),
    ...(takenOverAtMs === undefined ? {} : { departedAtMs: takenOverAtMs }),
    ...(plannedDepartureMs === undefined ? {} : { plannedDepartureMs }),
    ...(timeLimitMin === undefined ? {} : { timeLimitMin }),
    ...(unlockAuthorisedAtMs === undefined ? {} : { unlockAuthorisedAtMs }),
  };
}
