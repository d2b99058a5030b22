import type { Polygon } from '@sealwatch/schemas';
import { RADIANS_PER_DEGREE } from './sphere.ts';
import type { Zones } from './zones.ts';

/** Doubles per segment in `Corridor.planes`. */
export const PLANE_DOUBLES = 8;

/** Parts of the route farther apart than this along the way are different passes, however near they lie. */
export const PASS_GAP_M = 200;

/** A place that belongs to the route: being in it is being where the truck should be. */
export interface CorridorStop {
  /** `origin`, `destination` or `stop:0`, `stop:1`, … in the order of `allowedStops`. */
  id: string;
  name?: string;
  polygon?: Polygon;
  circle?: { center: [lon: number, lat: number]; radiusM: number };
  maxStayMin?: number;
}

/**
 * The index of a route: a tree of balls in space over its segments in the order of travel. Segments that follow each
 * other lie beside each other, so packing them in that order needs no sorting, and balls in space need no care for
 * the antimeridian and the poles, which boxes in degrees do; places use a box tree (flatbush).
 */
export interface Balls {
  /** x, y, z and radius in earth radii; the segments' balls first, then level by level up to the root. */
  readonly data: Float64Array;
  /** Where each level begins in `data`, in balls; the last entry is the number of balls. */
  readonly levels: Int32Array;
}

/**
 * A route compiled once for many questions. Nothing in it is written to after `compileRoute`, so any number of trips and
 * threads may share one.
 *
 * Positions are unit vectors from the earth's centre and segments are great-circle arcs, so there is no projection, no
 * reference latitude, no antimeridian and no pole: the metric is the same everywhere and on routes of any length.
 */
export interface Corridor {
  readonly name: string;
  readonly lengthM: number;
  /** Vertices, counting those put in where a leg with another width begins; `segments` is one less. */
  readonly pointCount: number;
  /** Degrees, per vertex. */
  readonly lon: Float64Array;
  readonly lat: Float64Array;
  /** Metres along the route, per vertex. */
  readonly alongM: Float64Array;
  /** Unit vectors x, y, z, per vertex. */
  readonly vertices: Float64Array;
  /** Per segment: normal x, y, z (points left of travel), tangent at its start x, y, z, cosine and sine of its angle. */
  readonly planes: Float64Array;
  /** Metres, per segment. */
  readonly halfWidthM: Float32Array;
  /** Metres, per segment: no other pass of the route comes nearer to the segment than this. */
  readonly clearM: Float32Array;
  readonly widestM: number;
  readonly balls: Balls;
  readonly stops: readonly CorridorStop[];
  readonly stopZones: Zones;
}

/** Unit vector of a position, written to `into[at]`, `into[at + 1]`, `into[at + 2]`. */
export function writeUnit(lon: number, lat: number, into: Float64Array, at: number): void {
  const cosLat = Math.cos(lat * RADIANS_PER_DEGREE);
  into[at] = cosLat * Math.cos(lon * RADIANS_PER_DEGREE);
  into[at + 1] = cosLat * Math.sin(lon * RADIANS_PER_DEGREE);
  into[at + 2] = Math.sin(lat * RADIANS_PER_DEGREE);
}

/**
 * Square of the chord, in earth radii, from the unit vector (x, y, z) to the nearest point of segment `i`. With
 * s = sin(distance) = p · normal inside the segment, chord² = 2 (1 − cos) = 2 s² / (1 + √(1 − s²)), which keeps its
 * digits where 1 − cos would lose them.
 */
export function chord2ToSegment(corridor: Corridor, i: number, x: number, y: number, z: number): number {
  const planes = corridor.planes;
  const vertices = corridor.vertices;
  const p = i * PLANE_DOUBLES;
  const v = i * 3;
  const along = x * planes[p + 3]! + y * planes[p + 4]! + z * planes[p + 5]!;
  if (along <= 0) return chord2ToVertex(vertices, v, x, y, z);
  const toward = x * vertices[v]! + y * vertices[v + 1]! + z * vertices[v + 2]!;
  if (along * planes[p + 6]! - toward * planes[p + 7]! >= 0) return chord2ToVertex(vertices, v + 3, x, y, z);
  const s = x * planes[p]! + y * planes[p + 1]! + z * planes[p + 2]!;
  return (2 * s * s) / (1 + Math.sqrt(Math.max(0, 1 - s * s)));
}

function chord2ToVertex(vertices: Float64Array, v: number, x: number, y: number, z: number): number {
  const dx = x - vertices[v]!;
  const dy = y - vertices[v + 1]!;
  const dz = z - vertices[v + 2]!;
  return dx * dx + dy * dy + dz * dz;
}
