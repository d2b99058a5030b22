import { distanceM, type Fix } from '@sealwatch/geofence';

/**
 * A truck standing still, derived from its positions and not from the reported speed: parked receivers drift by metres
 * and report 6–10 km/h.
 */
export interface Halt {
  sinceMs: number;
  /** The middle of the halt: its first fix, or the newest one of a queue that creeps. */
  lon: number;
  lat: number;
  /** Newest fix of the halt. */
  last: Spot;
  /** First fix away from it. A second one proves that the halt has ended; a single one may be a jump. */
  away?: Spot;
}

interface Spot {
  timeMs: number;
  lon: number;
  lat: number;
}

export interface HaltStep {
  halt: Halt;
  /** The halt that this fix proved to have ended, and the time of the first fix away from it. */
  ended?: { halt: Halt; endedMs: number };
}

/** Parked receivers were seen up to 161 m off; a truck that moves farther than this has left. */
const HALT_RADIUS_M = 200;

/** Over a longer gap a low average proves nothing: the truck may have stood, driven and stood again. */
const CREEP_GAP_MS = 5 * 60_000;

/** @param crawlKmh slower than this from fix to fix is still standing: a queue that creeps is a stop */
export function stepHalt(halt: Halt | undefined, fix: Fix, crawlKmh: number): HaltStep {
  const spot = { timeMs: fix.timeMs, lon: fix.lon, lat: fix.lat };
  if (!halt) return { halt: begin(spot) };
  if (metres(halt, spot) <= HALT_RADIUS_M) {
    return { halt: { sinceMs: halt.sinceMs, lon: halt.lon, lat: halt.lat, last: spot } };
  }
  if (creeps(halt.last, spot, crawlKmh)) {
    return { halt: { sinceMs: halt.sinceMs, lon: spot.lon, lat: spot.lat, last: spot } };
  }
  if (!halt.away) return { halt: { ...halt, away: spot } };
  const next = metres(halt.away, spot) <= HALT_RADIUS_M ? { ...begin(halt.away), last: spot } : begin(spot);
  return { halt: next, ended: { halt, endedMs: halt.away.timeMs } };
}

function begin(spot: Spot): Halt {
  return { sinceMs: spot.timeMs, lon: spot.lon, lat: spot.lat, last: spot };
}

function metres(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  return distanceM(a.lon, a.lat, b.lon, b.lat);
}

function creeps(from: Spot, to: Spot, crawlKmh: number): boolean {
  const ms = to.timeMs - from.timeMs;
  return ms > 0 && ms <= CREEP_GAP_MS && (metres(from, to) / ms) * 3_600 < crawlKmh;
}
