import { type Corridor, PLANE_DOUBLES, writeUnit } from './corridor.ts';
import { EARTH_RADIUS_M, normalDeg, RADIANS_PER_DEGREE } from './sphere.ts';

/** The route's direction of travel on a segment (at its middle), degrees clockwise from north. */
export function segmentHeading(corridor: Corridor, segment: number): number {
  const angle = Math.atan2(
    corridor.planes[segment * PLANE_DOUBLES + 7]!,
    corridor.planes[segment * PLANE_DOUBLES + 6]!,
  );
  return headingOn(corridor, segment, angle / 2);
}

/** Where a vehicle is that has come `progressM` along the route (kept within it), and where it heads. */
export function positionAt(corridor: Corridor, progressM: number): { lon: number; lat: number; headingDeg: number } {
  const { alongM, planes, vertices } = corridor;
  const wanted = Math.min(corridor.lengthM, Math.max(0, Number.isFinite(progressM) ? progressM : 0));
  let low = 0;
  let high = corridor.pointCount - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (alongM[middle]! <= wanted) low = middle;
    else high = middle - 1;
  }
  const angle = (wanted - alongM[low]!) / EARTH_RADIUS_M;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const [p, v] = [low * PLANE_DOUBLES, low * 3];
  const fx = vertices[v]! * cos + planes[p + 3]! * sin;
  const fy = vertices[v + 1]! * cos + planes[p + 4]! * sin;
  const fz = vertices[v + 2]! * cos + planes[p + 5]! * sin;
  return {
    lon: Math.atan2(fy, fx) / RADIANS_PER_DEGREE,
    lat: Math.atan2(fz, Math.hypot(fx, fy)) / RADIANS_PER_DEGREE,
    headingDeg: headingOn(corridor, low, angle),
  };
}

/** Direction of travel where a segment has turned by `angle` from its start: the tangent in east and north. */
function headingOn(corridor: Corridor, segment: number, angle: number): number {
  const { planes, vertices } = corridor;
  const [p, v] = [segment * PLANE_DOUBLES, segment * 3];
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const at = (i: number) => vertices[v + i]! * cos + planes[p + 3 + i]! * sin;
  const to = (i: number) => planes[p + 3 + i]! * cos - vertices[v + i]! * sin;
  const [px, py, tx, ty, tz] = [at(0), at(1), to(0), to(1), to(2)];
  const flat = Math.hypot(px, py) || 1;
  const east = (px * ty - py * tx) / flat;
  // d(lat) = dz / cos(lat), which holds because the tangent is at right angles to the position.
  const north = tz / flat;
  return normalDeg(Math.atan2(east, north) / RADIANS_PER_DEGREE);
}

/** The position a share (0–1) of the way along the great circle from A to B. */
export function pointBetween(lonA: number, latA: number, lonB: number, latB: number, share: number): [number, number] {
  const v = new Float64Array(6);
  writeUnit(lonA, latA, v, 0);
  writeUnit(lonB, latB, v, 3);
  const angle = 2 * Math.asin(Math.min(1, Math.hypot(v[3]! - v[0]!, v[4]! - v[1]!, v[5]! - v[2]!) / 2));
  const a = Math.sin((1 - share) * angle) / Math.sin(angle);
  const b = Math.sin(share * angle) / Math.sin(angle);
  const [x, y, z] = [a * v[0]! + b * v[3]!, a * v[1]! + b * v[4]!, a * v[2]! + b * v[5]!];
  return [(Math.atan2(y, x) * 180) / Math.PI, (Math.atan2(z, Math.hypot(x, y)) * 180) / Math.PI];
}
