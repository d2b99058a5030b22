import { type Corridor, compileZones, type Zones } from '@sealwatch/geofence';
import type { Place, PlaceKind, Route } from '@sealwatch/schemas';
import type { TripParams } from './params.ts';

/** What a person closed at the gate: the excursions in these spans are settled, later ones raise the next alarm. */
export interface Disposal {
  rule: string;
  alarmId: string;
  /** Place of the disposed alarm among those of its rule, from 0. */
  ordinal: number;
  /**
   * `evidence.excursions` of the alarm when it was disposed of; an open end is the time of the newest record then. Without
   * a lock a span speaks for every lock of the trip.
   */
  spans: [fromMs: number, toMs: number, lockId?: string | undefined][];
  atMs: number;
}

/** A red that only the clock could confirm: nothing came for 60 s after the first outside fix (see `liveness`). */
export interface ClockConfirmation {
  rule: string;
  lockId: string;
  startedMs: number;
  confirmedMs: number;
}

/** The same identity came twice with different bodies; the second one is in quarantine. */
export interface IdentityConflict {
  lockId: string;
  boot: number;
  seq: number;
  timeMs: number;
}

/** All that is known of a trip beside its records. Times are epoch milliseconds. */
export interface TripPlan {
  tripId: string;
  locks: string[];
  corridor: Corridor;
  route: Route;
  places: PlaceSet;
  params: TripParams;
  /** Nothing is judged by the seal or route rules before it; absent: not sealed yet. */
  sealedAtMs?: number;
  /** Of a trip taken over only; otherwise the departure follows the fixes. */
  departedAtMs?: number;
  timeLimitMin?: number;
  disposals: Disposal[];
  plannedDepartureMs?: number;
  /** From here on an opening is authorised and the route no longer judged. */
  unlockAuthorisedAtMs?: number;
  clockConfirmations?: ClockConfirmation[];
  identityConflicts?: IdentityConflict[];
}

export interface KnownPlace {
  placeId: string;
  name: string;
  kind: PlaceKind;
}

/** The known places, indexed; shared by every plan. */
export interface PlaceSet {
  readonly zones: Zones;
  readonly byId: ReadonlyMap<string, KnownPlace>;
}

export function compilePlaces(places: readonly { placeId: string; place: Place }[]): PlaceSet {
  return {
    zones: compileZones(places.map(({ placeId, place }) => ({ id: placeId, polygon: place.geometry }))),
    byId: new Map(
      places.map(({ placeId, place }) => [
        placeId,
        { placeId, name: place.properties.name, kind: place.properties.kind },
      ]),
    ),
  };
}
