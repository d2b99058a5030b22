import type { RouteParams } from './params.ts';
import { distanceM } from './sphere.ts';
import type { Gap, LockRoute } from './state.ts';

type At = NonNullable<LockRoute['at']>;
interface LonLat {
  lon: number;
  lat: number;
}

/**
 * What two fixes far apart in time say about the road between them. Too slow: the section needs less time than passed,
 * so a detour or a stop fits in unseen. Too fast: nobody can have driven the route's length in the time, so the vehicle
 * took another way, although both ends lie on the route. A stop at either end explains waiting.
 */
export function gapBetween(
  lockId: string,
  from: At,
  to: At,
  fromPlace: LonLat,
  toPlace: LonLat,
  params: RouteParams,
): Gap | undefined {
  const tookMs = to.timeMs - from.timeMs;
  if (tookMs <= params.gapMs || !from.inside) return undefined;
  const alongM = Math.abs(to.progressM - from.progressM);
  const averageKmh = (alongM / tookMs) * 3600;
  const told = { lockId, fromMs: from.timeMs, toMs: to.timeMs, fromM: from.progressM, toM: to.progressM, averageKmh };
  const straightM = distanceM(fromPlace.lon, fromPlace.lat, toPlace.lon, toPlace.lat);
  if (averageKmh > params.fastestKmh && straightM < alongM * 0.9) {
    return { ...told, kind: 'too-fast', unaccountedMs: 0 };
  }
  const unaccountedMs = Math.round(tookMs - (alongM / params.cruiseKmh) * 3600);
  if (unaccountedMs <= params.unaccountedMs || from.stop || to.stop) return undefined;
  return { ...told, kind: 'too-slow', unaccountedMs };
}
