import type { Polygon } from '@sealwatch/schemas';
import Flatbush from 'flatbush';
import { distanceM, EARTH_RADIUS_M, normalLon, RADIANS_PER_DEGREE } from './sphere.ts';

/** A place: a polygon (holes allowed) or a circle. */
export interface ZoneShape {
  id: string;
  polygon?: Polygon | undefined;
  circle?: { center: readonly [lon: number, lat: number, ...rest: number[]]; radiusM: number } | undefined;
}

/** One outline, longitudes unwrapped so that they run on across the antimeridian: x0, y0, x1, y1, … closed. */
type Ring = Float64Array;

interface Zone {
  readonly id: string;
  readonly rings: readonly Ring[];
  readonly circle?: { lon: number; lat: number; radiusM: number };
  readonly box: readonly [west: number, south: number, east: number, north: number];
}

/** Places, indexed. A place's edges are straight in degrees, as GeoJSON says; a position on an edge is inside. */
export interface Zones {
  readonly zones: readonly Zone[];
  /** Absent where there are no places. */
  readonly index?: Flatbush;
  /** Per indexed box: its place, and how many degrees it was turned to lie where questions are asked. */
  readonly entries: readonly { zone: number; shift: number }[];
}

export interface ZoneCrossing {
  id: string;
  /** `cross`: neither end is in the place but the way between them touches it. */
  kind: 'enter' | 'exit' | 'cross';
}

/** Up to here looking at every box is faster than asking the index. */
const FEW = 16;

/**
 * @throws RangeError where a place has neither a polygon nor a circle, or numbers that are not finite
 */
export function compileZones(shapes: readonly ZoneShape[]): Zones {
  const zones = shapes.map(compileZone);
  const entries: { zone: number; shift: number }[] = [];
  for (const [zone, { box }] of zones.entries()) {
    for (const shift of [-360, 0, 360]) {
      if (box[2] + shift >= -180 && box[0] + shift <= 180) entries.push({ zone, shift });
    }
  }
  if (entries.length === 0) return { zones, entries };
  const index = new Flatbush(entries.length);
  for (const { zone, shift } of entries) {
    const { box } = zones[zone]!;
    index.add(box[0] + shift, box[1], box[2] + shift, box[3]);
  }
  index.finish();
  return { zones, index, entries };
}

/** Ids of the places that hold the position, in the order they were given. Empty for a position that is not finite. */
export function zonesAt(zones: Zones, lon: number, lat: number): string[] {
  if (zones.index === undefined || !Number.isFinite(lon) || !Number.isFinite(lat)) return [];
  const x = normalLon(lon);
  const found: number[] = [];
  for (const entry of zones.index.search(x, lat, x, lat)) {
    const { zone, shift } = zones.entries[entry]!;
    if (holds(zones.zones[zone]!, x - shift, lat)) found.push(zone);
  }
  return idsOf(zones, found);
}

/**
 * Places entered, left or crossed on the straight way between two fixes. A way that leaves a place and comes back into
 * it is neither. Empty where a coordinate is not finite.
 */
export function crossZones(
  zones: Zones,
  from: readonly [lon: number, lat: number],
  to: readonly [lon: number, lat: number],
): ZoneCrossing[] {
  if (zones.index === undefined || ![...from, ...to].every(Number.isFinite)) return [];
  const x0 = normalLon(from[0]);
  // The short way round: no truck goes the long one.
  const x1 = x0 + normalLon(to[0] - from[0]);
  const [y0, y1] = [from[1], to[1]];
  const kinds = new Map<number, ZoneCrossing['kind']>();
  for (const turn of [-360, 0, 360]) {
    const [west, east] = [Math.min(x0, x1) + turn, Math.max(x0, x1) + turn];
    if (east < -180 || west > 180) continue;
    for (const entry of zones.index.search(west, Math.min(y0, y1), east, Math.max(y0, y1))) {
      const { zone, shift } = zones.entries[entry]!;
      const kind = crossing(zones.zones[zone]!, x0 + turn - shift, y0, x1 + turn - shift, y1);
      if (kind !== undefined) kinds.set(zone, kind);
    }
  }
  return [...kinds.keys()].sort((a, b) => a - b).map((zone) => ({ id: zones.zones[zone]!.id, kind: kinds.get(zone)! }));
}

/** The first place that holds the position: what `zonesAt` gives first, without an array. */
export function firstZone(zones: Zones, lon: number, lat: number): string | undefined {
  if (zones.entries.length > FEW) return zonesAt(zones, lon, lat)[0];
  const x = normalLon(lon);
  for (const { zone, shift } of zones.entries) {
    const { box } = zones.zones[zone]!;
    if (lat < box[1] || lat > box[3] || x - shift < box[0] || x - shift > box[2]) continue;
    if (holds(zones.zones[zone]!, x - shift, lat)) return zones.zones[zone]!.id;
  }
  return undefined;
}

function idsOf(zones: Zones, found: number[]): string[] {
  if (found.length > 1) found.sort((a, b) => a - b);
  const ids: string[] = [];
  for (const zone of found) {
    const { id } = zones.zones[zone]!;
    if (ids[ids.length - 1] !== id) ids.push(id);
  }
  return ids;
}

function compileZone(shape: ZoneShape): Zone {
  if (shape.polygon) {
    const rings = shape.polygon.coordinates.map((ring) => unwrap(ring, shape.polygon!.coordinates[0]![0]![0]));
    return { id: shape.id, rings, box: boxOf(rings[0]!) };
  }
  if (shape.circle === undefined) throw new RangeError(`place ${shape.id}: expected a polygon or a circle`);
  const { center, radiusM } = shape.circle;
  if (![center[0], center[1], radiusM].every(Number.isFinite)) {
    throw new RangeError(`place ${shape.id}: expected finite numbers, got [${center[0]}, ${center[1]}] ${radiusM} m`);
  }
  const [lon, lat] = [normalLon(center[0]), center[1]];
  return { id: shape.id, rings: [], circle: { lon, lat, radiusM }, box: boxAround(lon, lat, radiusM) };
}

/** Longitudes each within half a turn of the one before, the first within half a turn of `near`. */
function unwrap(ring: readonly (readonly [number, number, ...number[]])[], near: number): Ring {
  const out = new Float64Array(ring.length * 2);
  let before = near;
  for (const [i, point] of ring.entries()) {
    if (!Number.isFinite(point[0]) || !Number.isFinite(point[1])) {
      throw new RangeError(`point ${i} of a polygon: expected finite degrees, got [${point[0]}, ${point[1]}]`);
    }
    const turns = Math.round((before - point[0]) / 360);
    before = point[0] + turns * 360;
    out[i * 2] = before;
    out[i * 2 + 1] = point[1];
  }
  return out;
}

function boxOf(ring: Ring): [number, number, number, number] {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < ring.length; i += 2) {
    box[0] = Math.min(box[0], ring[i]!);
    box[1] = Math.min(box[1], ring[i + 1]!);
    box[2] = Math.max(box[2], ring[i]!);
    box[3] = Math.max(box[3], ring[i + 1]!);
  }
  return box;
}

function boxAround(lon: number, lat: number, radiusM: number): [number, number, number, number] {
  const angle = radiusM / EARTH_RADIUS_M;
  const high = angle / RADIANS_PER_DEGREE;
  if (lat + high >= 90 || lat - high <= -90) return [-180, Math.max(-90, lat - high), 180, Math.min(90, lat + high)];
  // A meridian touches a circle of that angle where sin(Δlon) = sin(angle) / cos(lat).
  const wide = Math.asin(Math.sin(angle) / Math.cos(lat * RADIANS_PER_DEGREE)) / RADIANS_PER_DEGREE;
  return [lon - wide, lat - high, lon + wide, lat + high];
}

function holds(zone: Zone, x: number, y: number): boolean {
  if (zone.circle) return distanceM(zone.circle.lon, zone.circle.lat, x, y) <= zone.circle.radiusM;
  let inside = false;
  for (const [index, ring] of zone.rings.entries()) {
    const where = inRing(ring, x, y);
    if (where === 0) return true;
    if (index === 0) {
      if (where < 0) return false;
      inside = true;
    } else if (where > 0) return false;
  }
  return inside;
}

/** 1 inside, -1 outside, 0 on the edge. Counts the edges that a ray to the east meets. */
function inRing(ring: Ring, x: number, y: number): -1 | 0 | 1 {
  let inside = false;
  const last = ring.length - 2;
  for (let i = 0; i < ring.length; i += 2) {
    const j = i === 0 ? last : i - 2;
    const [xi, yi, xj, yj] = [ring[i]!, ring[i + 1]!, ring[j]!, ring[j + 1]!];
    const turn = (xi - x) * (yj - y) - (xj - x) * (yi - y);
    if (turn === 0 && (xi - x) * (xj - x) <= 0 && (yi - y) * (yj - y) <= 0) return 0;
    if (yi > y !== yj > y && turn > 0 === yj > yi) inside = !inside;
  }
  return inside ? 1 : -1;
}

function crossing(zone: Zone, x0: number, y0: number, x1: number, y1: number): ZoneCrossing['kind'] | undefined {
  const began = holds(zone, x0, y0);
  const ended = holds(zone, x1, y1);
  if (began !== ended) return began ? 'exit' : 'enter';
  if (began) return undefined;
  return touches(zone, x0, y0, x1, y1) ? 'cross' : undefined;
}

function touches(zone: Zone, x0: number, y0: number, x1: number, y1: number): boolean {
  if (zone.circle) return touchesCircle(zone.circle, x0, y0, x1, y1);
  return zone.rings.some((ring) => {
    for (let i = 2; i < ring.length; i += 2) {
      if (meet(x0, y0, x1, y1, ring[i - 2]!, ring[i - 1]!, ring[i]!, ring[i + 1]!)) return true;
    }
    return false;
  });
}

/** The way's point nearest to the centre, in degrees scaled at the circle's latitude, then its true distance. */
function touchesCircle(circle: NonNullable<Zone['circle']>, x0: number, y0: number, x1: number, y1: number): boolean {
  const narrow = Math.cos(circle.lat * RADIANS_PER_DEGREE);
  const [dx, dy] = [(x1 - x0) * narrow, y1 - y0];
  const length2 = dx * dx + dy * dy;
  if (length2 === 0) return false;
  const share = ((circle.lon - x0) * narrow * dx + (circle.lat - y0) * dy) / length2;
  const s = Math.min(1, Math.max(0, share));
  return distanceM(circle.lon, circle.lat, x0 + (x1 - x0) * s, y0 + (y1 - y0) * s) <= circle.radiusM;
}

function meet(ax: number, ay: number, bx: number, by: number, cx: number, cy: number, dx: number, dy: number): boolean {
  const c = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  const d = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax);
  const a = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx);
  const b = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx);
  if (c === 0 && d === 0) {
    return (
      Math.max(Math.min(ax, bx), Math.min(cx, dx)) <= Math.min(Math.max(ax, bx), Math.max(cx, dx)) &&
      Math.max(Math.min(ay, by), Math.min(cy, dy)) <= Math.min(Math.max(ay, by), Math.max(cy, dy))
    );
  }
  return c > 0 !== d > 0 && a > 0 !== b > 0
    ? true
    : (c === 0 || d === 0 || a === 0 || b === 0) && c * d <= 0 && a * b <= 0;
}
