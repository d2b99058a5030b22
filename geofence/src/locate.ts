import { nearestSegment, segmentsWithin } from './balls.ts';
import { type Corridor, chord2ToSegment, PASS_GAP_M, PLANE_DOUBLES } from './corridor.ts';
import { segmentHeading } from './position.ts';
import {
  angleOf,
  asin,
  chordToM,
  EARTH_RADIUS_M,
  metresToChord,
  normalLon,
  RADIANS_PER_DEGREE,
  turnDeg,
} from './sphere.ts';

/** A position relative to a route. */
export interface Located {
  /** Index of the segment with the nearest point. */
  segment: number;
  /** Metres from the route, positive on the right of travel. */
  offsetM: number;
  /** Metres along the route. */
  progressM: number;
  /** The corridor's half-width there, metres. */
  halfWidthM: number;
  /** The nearest point of the route. */
  lon: number;
  lat: number;
}

/** What is known from before. A `Located` will do. */
export interface LocateHint {
  segment?: number;
  progressM?: number;
  /** The farthest along this pass that the vehicle has been; `progressM` where absent. */
  furthestM?: number;
  /** Since the hint was true; absent: any time. */
  elapsedMs?: number;
  headingDeg?: number;
  speedKmh?: number;
}

/** Another pass of the route is a candidate if it is not farther than this beyond the nearest one (largest GNSS error seen: 161 m). */
const DOUBT_M = 100;
/** Segments looked at near the hint before the index is asked. */
const NEAR_HINT = 96;
/** No vehicle advances faster along a route, km/h. */
const FASTEST_KMH = 180;
/** Progress may fall or rise by this through noise alone. */
const NOISE_M = 250;
/** Below this a heading says nothing. */
const HEADED_KMH = 10;

// The position in question as a unit vector: scratch of one call, so that a call allocates its answer only.
let x = 0;
let y = 0;
let z = 0;
let askedLon = 0;
let askedLat = 0;
let askedCosLat = 0;
const doubtful: number[] = [];

/**
 * The nearest point of the route, its signed offset and the progress there. Where the route passes itself so that more
 * than one pass is within reach of GNSS error, the hint decides: a pass the vehicle cannot have got to in the time is
 * out, then heading, going on in the same direction and nearness weigh. Without a hint it is the nearest.
 *
 * O(1) with a hint where no other pass is near, O(log n) otherwise.
 * @param lon degrees, WGS-84, finite
 * @param lat degrees, WGS-84, finite
 * @throws RangeError where a coordinate is not finite
 */
export function locate(corridor: Corridor, lon: number, lat: number, hint?: LocateHint): Located {
  setPosition(lon, lat);
  if (hint === undefined) return answer(corridor, nearestSegment(corridor, x, y, z));
  let best = -1;
  let chord2 = Infinity;
  if (hint.segment !== undefined && hint.segment >= 0 && hint.segment < corridor.pointCount - 1) {
    best = nearHint(corridor, hint.segment);
    chord2 = chord2ToSegment(corridor, best, x, y, z);
    const clear = corridor.clearM[best]! / EARTH_RADIUS_M;
    if (4 * chord2 <= clear * clear) return answer(corridor, best);
  }
  best = nearestSegment(corridor, x, y, z, best, chord2);
  return answer(corridor, likeliestPass(corridor, best, hint));
}

/**
 * How far the position lies beyond the corridor's edge, metres (negative: within). Every pass of the route is asked, so
 * the answer depends on the position alone, never on what came before.
 * @param share of the half-width that counts, 0–1
 */
export function beyondM(corridor: Corridor, lon: number, lat: number, share = 1): number {
  setPosition(lon, lat);
  const nearest = nearestSegment(corridor, x, y, z);
  const nearestM = chordToM(Math.sqrt(chord2ToSegment(corridor, nearest, x, y, z)));
  let beyond = nearestM - share * corridor.halfWidthM[nearest]!;
  // A wider leg may hold what a nearer one does not.
  if (corridor.halfWidthM[nearest]! >= corridor.widestM) return beyond;
  const reach = metresToChord(Math.max(0, beyond + share * corridor.widestM));
  for (const i of segmentsWithin(corridor, x, y, z, reach, doubtful)) {
    const metres = chordToM(Math.sqrt(chord2ToSegment(corridor, i, x, y, z)));
    beyond = Math.min(beyond, metres - share * corridor.halfWidthM[i]!);
  }
  return beyond;
}

function setPosition(lon: number, lat: number): void {
  if (!Number.isFinite(lon) || !Number.isFinite(lat)) {
    throw new RangeError(`position [${lon}, ${lat}]: expected finite degrees`);
  }
  askedLon = lon;
  askedLat = lat;
  askedCosLat = Math.cos(lat * RADIANS_PER_DEGREE);
  x = askedCosLat * Math.cos(lon * RADIANS_PER_DEGREE);
  y = askedCosLat * Math.sin(lon * RADIANS_PER_DEGREE);
  z = Math.sin(lat * RADIANS_PER_DEGREE);
}

/**
 * Walks from the hint downhill until every segment within `PASS_GAP_M` of road of the nearest one has been looked at.
 * It may stop at a place that is only nearer than its surroundings; the caller's clearance test finds that out.
 */
function nearHint(corridor: Corridor, start: number): number {
  const { alongM } = corridor;
  const last = corridor.pointCount - 2;
  let best = start;
  let best2 = chord2ToSegment(corridor, start, x, y, z);
  let high = start;
  let low = start;
  for (let looked = 0; looked < NEAR_HINT; looked++) {
    let next: number;
    if (high < last && alongM[high + 1]! - alongM[best + 1]! <= PASS_GAP_M) next = ++high;
    else if (low > 0 && alongM[best]! - alongM[low]! <= PASS_GAP_M) next = --low;
    else break;
    const chord2 = chord2ToSegment(corridor, next, x, y, z);
    if (chord2 < best2) {
      best2 = chord2;
      best = next;
    }
  }
  return best;
}

/**
 * Chooses between the passes of the route that lie about as near as the nearest segment. Away from the road there is no
 * pass to be on, and the nearest point is the answer.
 */
function likeliestPass(corridor: Corridor, nearest: number, hint: LocateHint): number {
  const nearestM = chordToM(Math.sqrt(chord2ToSegment(corridor, nearest, x, y, z)));
  if (nearestM > corridor.halfWidthM[nearest]! + DOUBT_M) return nearest;
  const reach = metresToChord(nearestM + DOUBT_M);
  segmentsWithin(corridor, x, y, z, reach, doubtful);
  let best = nearest;
  let least = Infinity;
  for (let i = 0; i < doubtful.length; ) {
    let foot = doubtful[i]!;
    let foot2 = chord2ToSegment(corridor, foot, x, y, z);
    for (i++; i < doubtful.length && goesOn(corridor, doubtful[i - 1]!, doubtful[i]!, reach); i++) {
      const chord2 = chord2ToSegment(corridor, doubtful[i]!, x, y, z);
      if (chord2 >= foot2) continue;
      foot = doubtful[i]!;
      foot2 = chord2;
    }
    // Of a single pass the foot is the nearest segment, whatever it costs.
    const cost = doubt(corridor, foot, nearestM, hint);
    if (cost < least) {
      least = cost;
      best = foot;
    }
  }
  return best;
}

/** Whether two segments are one pass: they follow each other, and the route does not leave `reach` in between. */
function goesOn(corridor: Corridor, segment: number, next: number, reach: number): boolean {
  if (next !== segment + 1) return false;
  const v = next * 3;
  const { vertices } = corridor;
  const [dx, dy, dz] = [vertices[v]! - x, vertices[v + 1]! - y, vertices[v + 2]! - z];
  return dx * dx + dy * dy + dz * dz <= reach * reach;
}

/** How little a pass fits: 0 fits best. The nearness of a pass says less than whether the vehicle can be there. */
function doubt(corridor: Corridor, segment: number, nearestM: number, hint: LocateHint): number {
  const apartM = chordToM(Math.sqrt(chord2ToSegment(corridor, segment, x, y, z))) - nearestM;
  let cost = apartM / DOUBT_M;
  if (hint.progressM !== undefined) {
    const progressM = progressAt(corridor, segment, angleOn(corridor, segment));
    const advanceM = progressM - hint.progressM;
    const reachM = hint.elapsedMs === undefined ? Infinity : NOISE_M + (hint.elapsedMs * FASTEST_KMH) / 3600;
    if (Math.abs(advanceM) > reachM) cost += 10;
    if (progressM < Math.max(hint.progressM, hint.furthestM ?? 0) - NOISE_M) cost += 0.5;
    cost += advanceM < 0 ? -advanceM / 1000 : advanceM / 2000;
  }
  if (hint.headingDeg !== undefined && (hint.speedKmh === undefined || hint.speedKmh >= HEADED_KMH)) {
    if (turnDeg(hint.headingDeg, segmentHeading(corridor, segment)) > 100) cost += 1;
  }
  return cost;
}

/** Angle from the segment's start to the foot of the position, radians, within the segment. */
function angleOn(corridor: Corridor, segment: number): number {
  const { planes, vertices } = corridor;
  const p = segment * PLANE_DOUBLES;
  const v = segment * 3;
  const along = x * planes[p + 3]! + y * planes[p + 4]! + z * planes[p + 5]!;
  if (along <= 0) return 0;
  const toward = x * vertices[v]! + y * vertices[v + 1]! + z * vertices[v + 2]!;
  if (along * planes[p + 6]! - toward * planes[p + 7]! >= 0) return Math.atan2(planes[p + 7]!, planes[p + 6]!);
  return Math.atan2(along, toward);
}

function progressAt(corridor: Corridor, segment: number, angle: number): number {
  const endM = corridor.alongM[segment + 1]!;
  const progressM = corridor.alongM[segment]! + angle * EARTH_RADIUS_M;
  // The same place from both sides: rounding must not leave a truck at the end a nanometre short of it.
  return progressM > endM - 1e-6 ? endM : progressM;
}

function answer(corridor: Corridor, segment: number): Located {
  const { planes, vertices, alongM } = corridor;
  const p = segment * PLANE_DOUBLES;
  const v = segment * 3;
  const along = x * planes[p + 3]! + y * planes[p + 4]! + z * planes[p + 5]!;
  const toward = x * vertices[v]! + y * vertices[v + 1]! + z * vertices[v + 2]!;
  const left = x * planes[p]! + y * planes[p + 1]! + z * planes[p + 2]!;
  if (along <= 0) return answerAtVertex(corridor, segment, segment, left, segment - 1);
  if (along * planes[p + 6]! - toward * planes[p + 7]! >= 0) {
    return answerAtVertex(corridor, segment, segment + 1, left, segment + 1);
  }
  // Cosine and sine of the angle from the segment's start to the foot of the position.
  const scale = 1 / Math.sqrt(along * along + toward * toward);
  const cos = toward * scale;
  const sin = along * scale;
  const fx = vertices[v]! * cos + planes[p + 3]! * sin;
  const fy = vertices[v + 1]! * cos + planes[p + 4]! * sin;
  const fz = vertices[v + 2]! * cos + planes[p + 5]! * sin;
  return {
    segment,
    // Left of travel is negative, and the sine of the distance is the normal's part of the position.
    offsetM: -EARTH_RADIUS_M * asin(left),
    progressM: Math.min(alongM[segment]! + angleOf(along, toward) * EARTH_RADIUS_M, alongM[segment + 1]!),
    halfWidthM: corridor.halfWidthM[segment]!,
    lon: normalLon(askedLon + angleOf(x * fy - y * fx, x * fx + y * fy) / RADIANS_PER_DEGREE),
    lat: askedLat + asin(fz * askedCosLat - z * Math.sqrt(fx * fx + fy * fy)) / RADIANS_PER_DEGREE,
  };
}

/** At a vertex both segments decide the side: one alone is wrong at a sharp bend. */
function answerAtVertex(corridor: Corridor, segment: number, vertex: number, left: number, other: number): Located {
  const { planes } = corridor;
  let side = left;
  if (other >= 0 && other < corridor.pointCount - 1) {
    const q = other * PLANE_DOUBLES;
    side += x * planes[q]! + y * planes[q + 1]! + z * planes[q + 2]!;
  }
  const awayM = chordToM(Math.sqrt(chord2ToSegment(corridor, segment, x, y, z)));
  return {
    segment,
    offsetM: side < 0 ? awayM : -awayM,
    progressM: corridor.alongM[vertex]!,
    halfWidthM: corridor.halfWidthM[segment]!,
    lon: corridor.lon[vertex]!,
    lat: corridor.lat[vertex]!,
  };
}
