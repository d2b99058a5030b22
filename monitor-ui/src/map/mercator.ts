/** Web Mercator on 32-bit integers: the whole world is 2³² units wide, 9 mm each at the equator. */
export const WORLD_UNITS = 2 ** 32;
const EARTH_CIRCUMFERENCE_M = 40_075_016.686;
/** Where Web Mercator ends. */
const MAX_LAT = 85.051129;

/** East as units from the prime meridian, wrapped to int32. */
export function unitX(lon: number): number {
  return Math.round((lon / 360) * WORLD_UNITS) | 0;
}

/** South as units from the equator, as int32. */
export function unitY(lat: number): number {
  const clamped = Math.max(-MAX_LAT, Math.min(MAX_LAT, lat));
  const y = Math.log(Math.tan(Math.PI / 4 + (clamped * Math.PI) / 360)) / (2 * Math.PI);
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.round(-y * WORLD_UNITS)));
}

export const lonOf = (x: number): number => (x / WORLD_UNITS) * 360;

export function latOf(y: number): number {
  return (360 / Math.PI) * Math.atan(Math.exp((-y / WORLD_UNITS) * 2 * Math.PI)) - 90;
}

/** CSS pixels of one unit at a zoom (512-pixel tiles). */
export const pixelsPerUnit = (zoom: number): number => (512 * 2 ** zoom) / WORLD_UNITS;

/** Metres under one CSS pixel. */
export function metresPerPixel(zoom: number, lat: number): number {
  return (EARTH_CIRCUMFERENCE_M * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** zoom);
}

/** Whether two positions, in units, are less than so many metres apart. */
export function areWithin(ax: number, ay: number, bx: number, by: number, metres: number): boolean {
  const [dx, dy] = [(bx - ax) | 0, by - ay];
  const atEquatorM = (Math.sqrt(dx * dx + dy * dy) * EARTH_CIRCUMFERENCE_M) / WORLD_UNITS;
  // Nowhere is a unit longer than there: the latitude is looked up only where it decides.
  return atEquatorM < metres || atEquatorM * Math.cos((latOf(ay) * Math.PI) / 180) < metres;
}
