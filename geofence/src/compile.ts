import type { Route, RouteInput } from '@sealwatch/schemas';
import { packBalls } from './balls.ts';
import { checkJudgeable } from './check.ts';
import { clearances } from './clearance.ts';
import { type Corridor, type CorridorStop, PLANE_DOUBLES, writeUnit } from './corridor.ts';
import { pointBetween } from './position.ts';
import { RouteError } from './problem.ts';
import { distanceM } from './sphere.ts';
import { compileZones } from './zones.ts';

type CheckedRoute = Route;
type Leg = NonNullable<CheckedRoute['properties']['legs']>[number];
type End = NonNullable<CheckedRoute['properties']['origin']>;

/** Points nearer to their predecessor than this are the same point written twice. */
const REPEATED_M = 0.05;

/**
 * Compiles a route for `locate` and `judge`.
 * @throws RouteError with every problem that `checkRoute` finds
 */
export function compileRoute(route: Route | RouteInput): Corridor {
  const checked = checkJudgeable(route);
  if (!checked.ok || checked.route === undefined) throw new RouteError(checked.problems);
  return compileChecked(checked.route);
}

function compileChecked(route: CheckedRoute): Corridor {
  const line = distinctLine(route);
  const legs = route.properties.legs ?? [];
  const { lon, lat } = withLegEnds(line, legs);
  const alongM = lengthsAlong(lon, lat);
  const halfWidthM = widths(alongM, legs, route.properties.halfWidthM);
  return assemble(route.properties.name, lon, lat, alongM, halfWidthM, stopsOf(route));
}

/** Derives everything that follows from the vertices and the widths. */
function assemble(
  name: string,
  lon: Float64Array,
  lat: Float64Array,
  alongM: Float64Array,
  halfWidthM: Float32Array,
  stops: readonly CorridorStop[],
): Corridor {
  const count = lon.length;
  const vertices = new Float64Array(count * 3);
  for (let i = 0; i < count; i++) writeUnit(lon[i]!, lat[i]!, vertices, i * 3);
  const planes = new Float64Array((count - 1) * PLANE_DOUBLES);
  for (let i = 0; i < count - 1; i++) writePlane(vertices, i * 3, planes, i * PLANE_DOUBLES);
  const bare: Corridor = {
    name,
    lengthM: alongM[count - 1]!,
    pointCount: count,
    lon,
    lat,
    alongM,
    vertices,
    planes,
    halfWidthM,
    clearM: new Float32Array(0),
    widestM: halfWidthM.reduce((widest, width) => Math.max(widest, width), 0),
    balls: packBalls(vertices, count - 1),
    stops,
    stopZones: compileZones(stops),
  };
  return { ...bare, clearM: clearances(bare) };
}

/** Normal, tangent, cosine and sine of the arc between the vertices at `v` and `v + 3`. */
function writePlane(vertices: Float64Array, v: number, planes: Float64Array, p: number): void {
  const [ax, ay, az] = [vertices[v]!, vertices[v + 1]!, vertices[v + 2]!];
  // From the difference, not from b itself: the cross product of two nearly equal vectors loses its digits.
  const dx = vertices[v + 3]! - ax;
  const dy = vertices[v + 4]! - ay;
  const dz = vertices[v + 5]! - az;
  const nx = ay * dz - az * dy;
  const ny = az * dx - ax * dz;
  const nz = ax * dy - ay * dx;
  const sin = Math.hypot(nx, ny, nz);
  const unit = [nx / sin, ny / sin, nz / sin] as const;
  planes.set(unit, p);
  planes[p + 3] = unit[1] * az - unit[2] * ay;
  planes[p + 4] = unit[2] * ax - unit[0] * az;
  planes[p + 5] = unit[0] * ay - unit[1] * ax;
  planes[p + 6] = 1 - (dx * dx + dy * dy + dz * dz) / 2;
  planes[p + 7] = sin;
}

/** All lines of the route in one, without repeated points. */
function distinctLine(route: CheckedRoute): { lon: number[]; lat: number[] } {
  const { geometry } = route;
  const lines = geometry.type === 'LineString' ? [geometry.coordinates] : geometry.coordinates;
  const lon: number[] = [];
  const lat: number[] = [];
  for (const line of lines) {
    for (const point of line) {
      const last = lon.length - 1;
      if (last >= 0 && distanceM(lon[last]!, lat[last]!, point[0], point[1]) < REPEATED_M) continue;
      lon.push(point[0]);
      lat.push(point[1]);
    }
  }
  return { lon, lat };
}

function lengthsAlong(lon: ArrayLike<number>, lat: ArrayLike<number>): Float64Array {
  const alongM = new Float64Array(lon.length);
  for (let i = 1; i < lon.length; i++) {
    alongM[i] = alongM[i - 1]! + distanceM(lon[i - 1]!, lat[i - 1]!, lon[i]!, lat[i]!);
  }
  return alongM;
}

/** The line with a vertex wherever a leg begins or ends, so that every segment has one width. */
function withLegEnds(line: { lon: number[]; lat: number[] }, legs: Leg[]): { lon: Float64Array; lat: Float64Array } {
  const alongM = lengthsAlong(line.lon, line.lat);
  const cuts = [...new Set(legs.flatMap((leg) => [leg.fromM, leg.toM]))].sort((a, b) => a - b);
  const lon: number[] = [];
  const lat: number[] = [];
  let cut = 0;
  for (let i = 0; i < line.lon.length; i++) {
    for (; i > 0 && cut < cuts.length && cuts[cut]! < alongM[i]! - REPEATED_M; cut++) {
      const share = (cuts[cut]! - alongM[i - 1]!) / (alongM[i]! - alongM[i - 1]!);
      if (cuts[cut]! <= alongM[i - 1]! + REPEATED_M) continue;
      const point = pointBetween(line.lon[i - 1]!, line.lat[i - 1]!, line.lon[i]!, line.lat[i]!, share);
      lon.push(point[0]);
      lat.push(point[1]);
    }
    lon.push(line.lon[i]!);
    lat.push(line.lat[i]!);
  }
  return { lon: Float64Array.from(lon), lat: Float64Array.from(lat) };
}

function widths(alongM: Float64Array, legs: Leg[], halfWidthM: number): Float32Array {
  const found = new Float32Array(alongM.length - 1).fill(halfWidthM);
  for (const leg of legs) {
    for (let i = 0; i < found.length; i++) {
      const middleM = (alongM[i]! + alongM[i + 1]!) / 2;
      if (middleM > leg.fromM && middleM < leg.toM) found[i] = leg.halfWidthM;
    }
  }
  return found;
}

function stopsOf(route: CheckedRoute): CorridorStop[] {
  const { origin, destination, allowedStops } = route.properties;
  const stops: CorridorStop[] = [];
  if (origin) stops.push(endStop('origin', origin));
  if (destination) stops.push(endStop('destination', destination));
  for (const [index, stop] of allowedStops.entries()) {
    stops.push({
      ...endStop(`stop:${index}`, stop),
      ...(stop.maxStayMin === undefined ? {} : { maxStayMin: stop.maxStayMin }),
    });
  }
  return stops;
}

function endStop(id: string, end: End): CorridorStop {
  if ('type' in end) return { id, polygon: end };
  return { id, name: end.name, circle: { center: [end.center[0], end.center[1]], radiusM: end.radiusM } };
}
