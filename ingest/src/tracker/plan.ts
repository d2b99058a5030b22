import { type Corridor, compileZones, type Zones } from '@sealwatch/geofence';
import type { Place, PlaceKind, Route } from '@sealwatch/schemas';
import type { TripParams } from './params.ts';

/** What a person disposed of at the gate: the excursions in these spans are settled, later ones raise the next alarm. */
export interface Disposal {
  rule: string;
  alarmId: string;
  /** Place of the disposed alarm among those of its rule, from 0. */
  ordinal: number;
  /**
   * `evidence.excursions` of the alarm when it was disposed of; an open end is the time of the newest record then. A span
   * without a lock holds for every lock of the trip.
   */
  spans: [fromMs: number, toMs: number, lockId?: string | undefined][];
  atMs: number;
}

/** A provisional alarm that the clock confirmed because no record came to contradict it (see `liveness`). */
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

/** A second connection came under a lock's id while the first one lived; the networks that they came from. */
export interface SecondConnection {
  lockId: string;
  timeMs: number;
  was: string;
  came: string;
}

/** What is known of a trip apart from its records. Times are epoch milliseconds. */
export interface TripPlan {
  tripId: string;
  locks: string[];
  /** Those of them whose records are not numbered one after the other: of these none is ever known to be missing, or not to be. */
  unnumbered?: readonly string[];
  corridor: Corridor;
  route: Route;
  places: PlaceSet;
  params: TripParams;
  /** The seal and route rules apply from here on; absent: not sealed yet. */
  sealedAtMs?: number;
  /** Of a trip that was taken over under way only; otherwise the fixes show the departure. */
  departedAtMs?: number;
  timeLimitMin?: number;
  disposals: Disposal[];
  plannedDepartureMs?: number;
  /** From here on an opening is authorised and the route is no longer judged. */
  unlockAuthorisedAtMs?: number;
  clockConfirmations?: ClockConfirmation[];
  identityConflicts?: IdentityConflict[];
  secondConnections?: SecondConnection[];
}

export const isNumbered = ({ unnumbered }: TripPlan, lockId: string): boolean => unnumbered?.includes(lockId) !== true;

/** A lock's clock is taken to be behind by at most this; a greater lag is an error of its clock (`judgeTime`). */
export const LAG_AT_MOST_MS = 120_000;

/**
 * Whether the seal rules apply to a record: from sealing until an opening is authorised. What was received before an unlock
 * was authorised was done before it; what was received later was done before it only if the lock's clock, put right by its
 * lag, says so.
 * @param lagMs by how much the lock's clock can be behind the platform's (`LockMemory.lagMs`)
 */
export function isSealed(
  { sealedAtMs, unlockAuthorisedAtMs }: TripPlan,
  { timeMs, receivedMs }: { timeMs: number; receivedMs: number },
  lagMs: number,
): boolean {
  if (sealedAtMs === undefined || timeMs < sealedAtMs) return false;
  if (unlockAuthorisedAtMs === undefined || receivedMs <= unlockAuthorisedAtMs) return true;
  return latestOf(timeMs) + Math.min(lagMs, LAG_AT_MOST_MS) < unlockAuthorisedAtMs;
}

export const SECOND_MS = 1_000;
/** A time in whole seconds, which is all that many locks tell, may be that of anything within its second. */
const latestOf = (timeMs: number): number => (timeMs % SECOND_MS === 0 ? timeMs + SECOND_MS - 1 : timeMs);

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
