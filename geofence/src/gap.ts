import type { RouteParams } from './params.ts';
import { distanceM } from './sphere.ts';
import type { Gap, LockRoute } from './state.ts';

type At = NonNullable<LockRoute['at']>;
interface LonLat {
  lon: number;
  lat: number;
}

/**
 * What two fixes on the route say about the way between them, which no fix shows. Too slow: the section needs less time
 * than passed, so a detour or a stop fits in unseen. Too fast: nobody can have driven the route's length in the time,
 * so the vehicle took another way although both ends lie on the route. A stop at either end explains waiting.
 *
 * The straight line between the fixes is not asked: a road bends, and a truck that follows it cuts no corner.
 */
export function gapBetween(
  lockId: string,
  from: At,
  to: At,
  fromPlace: LonLat,
  toPlace: LonLat,
  params: RouteParams,
): Gap | undefined {
  if (!from.inside) return undefined;
  const tookMs = to.timeMs - from.timeMs;
  const alongM = Math.abs(to.progressM - from.progressM);
  const reachM = params.shortcutM + (tookMs * params.fastestKmh) / 3600;
  const isShort = alongM > reachM && distanceM(fromPlace.lon, fromPlace.lat, toPlace.lon, toPlace.lat) < reachM;
  const unaccountedMs = isShort ? 0 : Math.round(tookMs - (alongM / params.cruiseKmh) * 3600);
  const isLong = tookMs > params.gapMs && unaccountedMs > params.unaccountedMs && !from.stop && !to.stop;
  if (!isShort && !isLong) return undefined;
  return {
    lockId,
    fromMs: from.timeMs,
    toMs: to.timeMs,
    fromM: from.progressM,
    toM: to.progressM,
    kind: isShort ? 'too-fast' : 'too-slow',
    unaccountedMs,
    averageKmh: tookMs > 0 ? (alongM / tookMs) * 3600 : 0,
  };
}
