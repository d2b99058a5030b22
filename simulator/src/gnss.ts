import type { Position } from '@sealwatch/schemas';
import type { Motion } from './drive.ts';
import { moved } from './path.ts';
import type { Random } from './random.ts';

/**
 * Error of a receiver, as it was measured on a large set of road traces (simulator/data and the figures in the
 * tests): median 3.4 m, 90 % within 11 m, 99 % within 36 m, largest 161 m, in runs (lag-1 correlation 0.81), not white.
 * Two correlated normal components, and a scale that itself wanders slowly (log-normal): that gives the long tail.
 */
export interface GnssError {
  timeMs: number;
  east: number;
  north: number;
  scale: number;
}

/** Lag-1 correlation at the 5 s of the traces. */
const CORRELATION = 0.81;
const LAG_MS = 5_000;
/** The surroundings (open, cutting, buildings) change more slowly than the error. */
const SCALE_CORRELATION = 0.95;
const MEDIAN_SIGMA_M = 2.9;
const SCALE_SPREAD = 0.78;
const LARGEST_M = 161;

export function startError(random: Random, timeMs: number): GnssError {
  return { timeMs, east: random.normal(), north: random.normal(), scale: random.normal() };
}

/** The error some time later. Takes three numbers from the stream. */
export function nextError(error: GnssError, random: Random, timeMs: number): GnssError {
  const lags = Math.max(0, timeMs - error.timeMs) / LAG_MS;
  const keep = CORRELATION ** lags;
  const keepScale = SCALE_CORRELATION ** lags;
  const mix = (value: number, rho: number) => value * rho + random.normal() * Math.sqrt(1 - rho * rho);
  return {
    timeMs,
    east: mix(error.east, keep),
    north: mix(error.north, keep),
    scale: mix(error.scale, keepScale),
  };
}

/** East and north error, m, at most the largest one measured. */
export function errorM(error: GnssError): { eastM: number; northM: number; sigmaM: number } {
  const sigmaM = MEDIAN_SIGMA_M * Math.exp(SCALE_SPREAD * error.scale);
  const length = Math.hypot(error.east, error.north) * sigmaM;
  const shrink = length > LARGEST_M ? LARGEST_M / length : 1;
  return { eastM: error.east * sigmaM * shrink, northM: error.north * sigmaM * shrink, sigmaM };
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

/** Parked receivers report a walking pace and in 2 % of fixes 6–10 km/h (gpsd's parked logs). */
function parkedKmh(random: Random): number {
  return random.unit() < 0.02 ? random.between(6, 10) : Math.max(0, random.normal() * 0.6);
}

/** The fix that the receiver reports of a true motion. */
export function gnssFix(motion: Motion, error: GnssError, random: Random): Position {
  const { eastM, northM, sigmaM } = errorM(error);
  const place = moved(moved(motion, 90, eastM), 0, northM);
  const speed = motion.speedKmh < 0.5 ? parkedKmh(random) : motion.speedKmh + random.normal() * 0.4;
  const course = motion.headingDeg + random.normal() * (motion.speedKmh > 10 ? 1.2 : 8);
  return {
    lon: round(place.lon, 6),
    lat: round(place.lat, 6),
    accuracyM: round(Math.min(80, Math.max(2, sigmaM * 1.7)), 1),
    speedKmh: round(Math.max(0, speed), 1),
    headingDeg: round((course + 360) % 360, 1) % 360,
    satellites: Math.max(4, Math.round(13 - error.scale * 2)),
    source: 'gnss',
  };
}
