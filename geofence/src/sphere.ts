/**
 * The earth is the sphere that turf and the map use (mean radius of the GRS 80 ellipsoid), so that what is drawn and what
 * is judged are the same; true distances differ by at most 0.56 %.
 */
export const EARTH_RADIUS_M = 6_371_008.8;

export const RADIANS_PER_DEGREE = Math.PI / 180;

/** Great-circle distance in metres between two WGS-84 positions in degrees. */
export function distanceM(lonA: number, latA: number, lonB: number, latB: number): number {
  const sinLat = Math.sin(((latB - latA) * RADIANS_PER_DEGREE) / 2);
  const sinLon = Math.sin(((lonB - lonA) * RADIANS_PER_DEGREE) / 2);
  const h =
    sinLat * sinLat + sinLon * sinLon * Math.cos(latA * RADIANS_PER_DEGREE) * Math.cos(latB * RADIANS_PER_DEGREE);
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Initial bearing from A to B, degrees clockwise from north, 0 ≤ bearing < 360. */
export function bearingDeg(lonA: number, latA: number, lonB: number, latB: number): number {
  const a = latA * RADIANS_PER_DEGREE;
  const b = latB * RADIANS_PER_DEGREE;
  const dLon = (lonB - lonA) * RADIANS_PER_DEGREE;
  const east = Math.sin(dLon) * Math.cos(b);
  const north = Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(dLon);
  return normalDeg(Math.atan2(east, north) / RADIANS_PER_DEGREE);
}

/** The same direction in 0 ≤ degrees < 360. */
export function normalDeg(degrees: number): number {
  const turned = degrees % 360;
  return turned < 0 ? turned + 360 : turned;
}

/** The angle between two directions, 0–180 degrees. */
export function turnDeg(fromDeg: number, toDeg: number): number {
  const turn = normalDeg(toDeg - fromDeg);
  return turn > 180 ? 360 - turn : turn;
}

/** The same longitude in -180 ≤ lon < 180. */
export function normalLon(lon: number): number {
  return lon >= -180 && lon < 180 ? lon : normalDeg(lon + 180) - 180;
}

/** Metres over the ground of a chord given in earth radii. */
export function chordToM(chord: number): number {
  // asin's series; at 0.03 earth radii (190 km) the next term is less than a micrometre.
  if (chord < 0.03) return EARTH_RADIUS_M * chord * (1 + chord * chord * (1 / 24 + (3 / 640) * chord * chord));
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, chord / 2));
}

/** Chord in earth radii of a distance over the ground in metres (at most half the earth's girth). */
export function metresToChord(metres: number): number {
  return 2 * Math.sin(Math.min(Math.PI, metres / EARTH_RADIUS_M) / 2);
}

// Fixes lie near their route, so nearly every angle asked for is small: the first terms of the series, whose next one is
// less than a micrometre on the ground, cost a fifth of the full functions.
const SMALL = 0.02;

export function asin(sine: number): number {
  if (Math.abs(sine) > SMALL) return Math.asin(Math.max(-1, Math.min(1, sine)));
  const square = sine * sine;
  return sine * (1 + square * (1 / 6 + (3 / 40) * square));
}

/** `atan2(y, x)` */
export function angleOf(y: number, x: number): number {
  if (!(Math.abs(y) < SMALL * x)) return Math.atan2(y, x);
  const tangent = y / x;
  const square = tangent * tangent;
  return tangent * (1 - square * (1 / 3 - square / 5));
}
