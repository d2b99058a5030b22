import { distanceM } from './sphere.ts';

/** A position as a lock reports it: WGS-84 degrees. */
export interface Fix {
  timeMs: number;
  lon: number;
  lat: number;
  accuracyM?: number;
  speedKmh?: number;
  headingDeg?: number;
  /** In use; 0: the receiver has no fix and repeats an old or invented place. */
  satellites?: number;
  source: 'gnss' | 'cell' | 'wifi';
}

/** A fix with the identity of its record. */
export interface JudgedFix extends Fix {
  lockId: string;
  boot: number;
  seq: number;
  /** A place beside the route where the vehicle may be, known to the caller: the fix counts as inside. */
  allowedAt?: string;
}

/** Why a fix is not believed, or not wholly. */
export type FixProblem =
  | 'not-finite'
  | 'out-of-range'
  | 'null-island'
  | 'not-gnss'
  | 'no-satellites'
  | 'factory-place'
  | 'time-backwards'
  /** Farther from the route than anything that could be true. */
  | 'too-far'
  | 'same-instant'
  | 'impossible-jump'
  /** Near a fix that was an impossible jump, and too soon after it to say more. */
  | 'after-jump';

/** Receivers without a position report 0°, 0° or near it; the sea there has no roads within 500 km. */
const NULL_ISLAND_DEG = 0.1;

/**
 * Places that the firmware of receivers reports while it has no fix, published by their makers or users: longitude,
 * latitude. A vehicle that passes within a metre of one loses a single fix.
 */
const FACTORY_PLACES: readonly (readonly [lon: number, lat: number])[] = [
  [113.83058, 22.607593],
  [24.35, 24.35],
];
const FACTORY_DEG = 0.000_01;

/** What is wrong with a position taken by itself; undefined if it may be a fix of the receiver. */
export function positionFault(position: {
  lon: number;
  lat: number;
  satellites?: number | undefined;
  source: string;
}): FixProblem | undefined {
  const { lon, lat } = position;
  if (!Number.isFinite(lon) || !Number.isFinite(lat)) return 'not-finite';
  if (lon < -180 || lon > 180 || lat < -90 || lat > 90) return 'out-of-range';
  if (Math.abs(lon) < NULL_ISLAND_DEG && Math.abs(lat) < NULL_ISLAND_DEG) return 'null-island';
  if (position.source !== 'gnss') return 'not-gnss';
  if (position.satellites === 0) return 'no-satellites';
  const invented = FACTORY_PLACES.some(([x, y]) => Math.abs(lon - x) < FACTORY_DEG && Math.abs(lat - y) < FACTORY_DEG);
  return invented ? 'factory-place' : undefined;
}

/** What is wrong with a fix taken by itself; undefined if nothing is. */
export function faultOf(fix: Fix): FixProblem | undefined {
  return Number.isFinite(fix.timeMs) ? positionFault(fix) : 'not-finite';
}

/** Parked receivers report identical places only while they claim less than this. */
const MOVES_KMH = 5;
const SAME_PLACE_DEG = 1e-7;

/** Whether the receiver says that it moves. */
export function isMoving({ speedKmh }: { speedKmh?: number }): boolean {
  return speedKmh !== undefined && speedKmh > MOVES_KMH;
}

export function isSamePlace(a: { lon: number; lat: number }, b: { lon: number; lat: number }): boolean {
  return Math.abs(a.lon - b.lon) < SAME_PLACE_DEG && Math.abs(a.lat - b.lat) < SAME_PLACE_DEG;
}

/**
 * Whether a fix repeats the place of an earlier one to the last digit although its receiver says that it moves: the
 * receiver has lost its fix. A parked vehicle repeats its place too, but at a speed of about 0.
 */
export function isRepeat(earlier: { lon: number; lat: number }, fix: Fix): boolean {
  return isMoving(fix) && isSamePlace(earlier, fix);
}

/** The error a fix admits, between 0 and `capM`; 0 if it states none. */
export function admittedM(fix: { accuracyM?: number }, capM: number): number {
  const accuracyM = fix.accuracyM;
  return accuracyM !== undefined && accuracyM > 0 ? Math.min(accuracyM, capM) : 0;
}

export interface Mark {
  timeMs: number;
  lon: number;
  lat: number;
  /** Metres, already capped. */
  errorM: number;
}

/** Whether a vehicle can have gone from one mark to the other, error allowed for. A statement about the two alone. */
export function isPossible(a: Mark, b: Mark, fastestKmh: number, noiseM: number): boolean {
  const reachM = noiseM + a.errorM + b.errorM + (Math.abs(b.timeMs - a.timeMs) * fastestKmh) / 3600;
  // A degree of latitude is 111.2 km: most moves are settled without trigonometry.
  if (Math.abs(b.lat - a.lat) * 111_100 > reachM) return false;
  if ((Math.abs(b.lat - a.lat) + Math.abs(b.lon - a.lon)) * 111_200 <= reachM) return true;
  return distanceM(a.lon, a.lat, b.lon, b.lat) <= reachM;
}
