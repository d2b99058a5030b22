import { distanceM } from './sphere.ts';

/** A position as a lock reports it: WGS-84 degrees. */
export interface Fix {
  timeMs: number;
  lon: number;
  lat: number;
  accuracyM?: number;
  speedKmh?: number;
  headingDeg?: number;
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
  | 'time-backwards'
  /** Farther from the route than anything that could be true. */
  | 'too-far'
  | 'same-instant'
  | 'impossible-jump'
  /** Near a fix that was an impossible jump, and too soon after it to say more. */
  | 'after-jump';

/** Receivers without a position report 0°, 0°; the sea there has no roads. */
const NULL_ISLAND_DEG = 0.001;

/** What is wrong with a fix taken by itself; undefined where nothing is. */
export function faultOf(fix: Fix): FixProblem | undefined {
  const { lon, lat } = fix;
  if (!Number.isFinite(lon) || !Number.isFinite(lat) || !Number.isFinite(fix.timeMs)) return 'not-finite';
  if (lon < -180 || lon > 180 || lat < -90 || lat > 90) return 'out-of-range';
  if (Math.abs(lon) < NULL_ISLAND_DEG && Math.abs(lat) < NULL_ISLAND_DEG) return 'null-island';
  return fix.source === 'gnss' ? undefined : 'not-gnss';
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
