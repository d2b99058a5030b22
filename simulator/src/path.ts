/**
 * Plane geometry of the simulator: the true position of a truck and its distance from the planned road. It shares no
 * code with the platform's geofence, so that a defect there does not change the truth.
 */
export interface LonLat {
  lon: number;
  lat: number;
}

/** A line that can be driven, with the metres from its start at each vertex. */
export interface Path {
  points: readonly LonLat[];
  atM: readonly number[];
  lengthM: number;
}

export interface PathPoint extends LonLat {
  headingDeg: number;
}

/** Mean radius of the Earth, m (IUGG). */
const EARTH_M = 6_371_008.8;
const RAD = Math.PI / 180;

/** East and north metres from a to b; within 0.01 % below 100 km at these latitudes. */
function metres(a: LonLat, b: LonLat): [eastM: number, northM: number] {
  const east = (b.lon - a.lon) * RAD * EARTH_M * Math.cos(((a.lat + b.lat) / 2) * RAD);
  return [east, (b.lat - a.lat) * RAD * EARTH_M];
}

export function distanceM(a: LonLat, b: LonLat): number {
  return Math.hypot(...metres(a, b));
}

/** Clockwise from north, [0, 360). */
export function headingDeg(a: LonLat, b: LonLat): number {
  const [east, north] = metres(a, b);
  return (Math.atan2(east, north) / RAD + 360) % 360;
}

/** The place `byM` metres from `a` in direction `heading`, degrees. */
export function moved(a: LonLat, heading: number, byM: number): LonLat {
  const north = Math.cos(heading * RAD) * byM;
  const east = Math.sin(heading * RAD) * byM;
  return {
    lon: a.lon + east / (RAD * EARTH_M * Math.cos(a.lat * RAD)),
    lat: a.lat + north / (RAD * EARTH_M),
  };
}

/** @throws RangeError if fewer than two different points are given */
export function pathOf(points: readonly LonLat[]): Path {
  const kept: LonLat[] = [];
  const atM: number[] = [];
  let length = 0;
  for (const point of points) {
    const last = kept.at(-1);
    const step = last === undefined ? 0 : distanceM(last, point);
    if (last !== undefined && step < 0.01) continue;
    length += step;
    kept.push(point);
    atM.push(length);
  }
  if (kept.length < 2) throw new RangeError('a path needs two different points');
  return { points: kept, atM, lengthM: length };
}

/** Index of the segment that holds `m`: the last vertex at or before it, never the last vertex of all. */
export function segmentAt(atM: ArrayLike<number>, m: number): number {
  let low = 0;
  let high = atM.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((atM[middle] ?? 0) <= m) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The place `m` metres from the start, clamped to the path's ends. */
export function pointAt(path: Path, m: number): PathPoint {
  const clamped = Math.min(Math.max(m, 0), path.lengthM);
  const i = segmentAt(path.atM, clamped);
  const a = path.points[i]!;
  const b = path.points[i + 1]!;
  const from = path.atM[i]!;
  const share = (clamped - from) / (path.atM[i + 1]! - from);
  return {
    lon: a.lon + (b.lon - a.lon) * share,
    lat: a.lat + (b.lat - a.lat) * share,
    headingDeg: headingDeg(a, b),
  };
}

/** The part of a path between two distances, ends included. */
export function cut(path: Path, fromM: number, toM: number): LonLat[] {
  const inner = path.points.filter((_, i) => path.atM[i]! > fromM + 0.5 && path.atM[i]! < toM - 0.5);
  return [pointAt(path, fromM), ...inner, pointAt(path, toM)].map(({ lon, lat }) => ({ lon, lat }));
}

/** Distance from a place to the nearest point of a path and the progress of that point, m; looks at every segment. */
export function nearest(path: Path, place: LonLat): { distanceM: number; atM: number } {
  let best = { distanceM: Number.POSITIVE_INFINITY, atM: 0 };
  let [x, y] = metres(place, path.points[0]!);
  for (let i = 0; i + 1 < path.points.length; i++) {
    const [ax, ay] = [x, y];
    [x, y] = metres(place, path.points[i + 1]!);
    if (isBeyond(ax, x, best.distanceM) || isBeyond(ay, y, best.distanceM)) continue;
    const [dx, dy] = [x - ax, y - ay];
    const share = Math.min(1, Math.max(0, -(ax * dx + ay * dy) / (dx * dx + dy * dy)));
    const distanceM = Math.hypot(ax + dx * share, ay + dy * share);
    if (distanceM < best.distanceM) {
      best = { distanceM, atM: path.atM[i]! + share * (path.atM[i + 1]! - path.atM[i]!) };
    }
  }
  return best;
}

/** Whether everything between two coordinates lies farther from 0 than the limit. */
const isBeyond = (a: number, b: number, limit: number): boolean =>
  (a > limit && b > limit) || (a < -limit && b < -limit);
