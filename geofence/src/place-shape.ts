import type { Polygon } from '@sealwatch/schemas';
import { area } from '@turf/area';
import { booleanClockwise } from '@turf/boolean-clockwise';
import { booleanPointInPolygon } from '@turf/boolean-point-in-polygon';
import { multiLineString, polygon } from '@turf/helpers';
import { kinks } from '@turf/kinks';
import Flatbush from 'flatbush';
import { normalLon } from './sphere.ts';

/** What is wrong with a polygon. */
export interface PolygonProblem {
  /** In its GeoJSON geometry: `coordinates[0][3]`. */
  path: string;
  message: string;
  value: unknown;
  expected: string;
}

type Point = [lon: number, lat: number];
interface Edge {
  ring: number;
  index: number;
  /** The index of the edge after it. */
  next: number;
  from: Point;
  to: Point;
}

/** What encloses less is a line or a point. */
const LEAST_AREA_M2 = 1;
const MOST_PROBLEMS = 20;

/**
 * Why nothing can be inside of a polygon for certain: rings that are not closed, enclose no area or cross, holes outside of
 * the outer ring. At most 20 problems; empty for a valid polygon.
 */
export function checkPolygon({ coordinates }: Polygon): PolygonProblem[] {
  const open = coordinates.flatMap((ring, i) => {
    const [first, last] = [ring[0]!, ring.at(-1)!];
    if (first[0] === last[0] && first[1] === last[1]) return [];
    const expected = `ending at ${JSON.stringify(first)}`;
    return [{ path: `coordinates[${i}]`, message: 'the ring is not closed', value: last, expected }];
  });
  if (open.length > 0) return open.slice(0, MOST_PROBLEMS);
  const rings = unwrapped(coordinates);
  const crossings = findCrossings(rings);
  if (crossings.length > 0) return crossings;
  const flat = rings.flatMap((ring, i) => {
    const areaM2 = area(polygon([ring]));
    if (areaM2 >= LEAST_AREA_M2) return [];
    const expected = `a ring around at least ${LEAST_AREA_M2} m²`;
    return [{ path: `coordinates[${i}]`, message: 'the ring encloses no area', value: areaM2, expected }];
  });
  return (flat.length > 0 ? flat : findStrayHoles(rings)).slice(0, MOST_PROBLEMS);
}

/** The same valid polygon wound as RFC 7946 says: the outer ring counter-clockwise, holes clockwise. */
export function woundRight(shape: Polygon): Polygon {
  const rings = unwrapped(shape.coordinates);
  const coordinates = shape.coordinates.map((ring, i) =>
    booleanClockwise(rings[i]!) === (i === 0) ? [...ring].reverse() : ring,
  );
  return { ...shape, coordinates };
}

/** Longitudes run on across the antimeridian, all rings from one reference. */
function unwrapped(coordinates: Polygon['coordinates']): Point[][] {
  const reference = coordinates[0]![0]![0];
  return coordinates.map((ring) => {
    let before = reference;
    return ring.map(([lon, lat]): Point => {
      before += normalLon(lon - before);
      return [before, lat];
    });
  });
}

/** Without repeated points. */
function edgesOf(rings: Point[][]): Edge[] {
  return rings.flatMap((points, ring) => {
    const edges: Edge[] = [];
    for (let index = 0; index + 1 < points.length; index++) {
      const [from, to] = [points[index]!, points[index + 1]!];
      if (!isSame(from, to)) edges.push({ ring, index, next: 0, from, to });
    }
    for (const [i, edge] of edges.entries()) edge.next = edges[(i + 1) % edges.length]!.index;
    return edges;
  });
}

/** The box tree finds pairs of edges that may meet, turf says whether they do and where. */
function findCrossings(rings: Point[][]): PolygonProblem[] {
  const edges = edgesOf(rings);
  if (edges.length === 0) return [];
  const index = new Flatbush(edges.length);
  const boxOf = ({ from, to }: Edge): [number, number, number, number] => [
    Math.min(from[0], to[0]),
    Math.min(from[1], to[1]),
    Math.max(from[0], to[0]),
    Math.max(from[1], to[1]),
  ];
  for (const edge of edges) index.add(...boxOf(edge));
  index.finish();
  const found = new Map<string, PolygonProblem>();
  for (const [i, edge] of edges.entries()) {
    for (const k of index.search(...boxOf(edge), (other) => other > i)) {
      const at = meeting(edge, edges[k]!);
      if (at === undefined) continue;
      const path = `coordinates[${edge.ring}][${edge.index}]`;
      const value = [normalLon(at[0]), at[1]];
      const other = `coordinates[${edges[k]!.ring}][${edges[k]!.index}]`;
      const message = `the edge from here meets the one from ${other}`;
      found.set(`${value}`, { path, message, value, expected: 'rings that meet neither themselves nor each other' });
      if (found.size >= MOST_PROBLEMS) return [...found.values()];
    }
  }
  return [...found.values()];
}

/** Where two edges meet that may not: neighbours share a point, and two rings may touch in one. */
function meeting(a: Edge, b: Edge): Point | undefined {
  if (overlap(a, b)) return b.from;
  const isOneRing = a.ring === b.ring;
  const isShared = [b.from, b.to].some((p) => isSame(p, a.from) || isSame(p, a.to));
  if (isOneRing && isShared && (b.index === a.next || a.index === b.next)) return undefined;
  const segments = [
    [a.from, a.to],
    [b.from, b.to],
  ];
  const at = kinks(multiLineString(segments)).features[0]?.geometry.coordinates as Point | undefined;
  const isTouch = at !== undefined && [a.from, a.to, b.from, b.to].some((p) => isSame(p, at));
  return isTouch && !isOneRing ? undefined : at;
}

const isSame = (a: Point, b: Point): boolean => a[0] === b[0] && a[1] === b[1];

/** Whether two edges lie on one line and share more than a point. */
function overlap(a: Edge, b: Edge): boolean {
  const side = (p: Point) => (a.to[0] - a.from[0]) * (p[1] - a.from[1]) - (a.to[1] - a.from[1]) * (p[0] - a.from[0]);
  if (side(b.from) !== 0 || side(b.to) !== 0) return false;
  const shared = ([0, 1] as const).map(
    (axis) =>
      Math.min(Math.max(a.from[axis], a.to[axis]), Math.max(b.from[axis], b.to[axis])) -
      Math.max(Math.min(a.from[axis], a.to[axis]), Math.min(b.from[axis], b.to[axis])),
  );
  return Math.min(...shared) >= 0 && Math.max(...shared) > 0;
}

/** Rings that do not cross are inside or outside of each other as a whole. */
function findStrayHoles([outer, ...holes]: Point[][]): PolygonProblem[] {
  const place = polygon([outer!]);
  return holes.flatMap((hole, i) => {
    if (hole.some((point) => booleanPointInPolygon(point, place, { ignoreBoundary: true }))) return [];
    const value = [normalLon(hole[0]![0]), hole[0]![1]];
    const expected = 'a hole inside of the outer ring';
    return [{ path: `coordinates[${i + 1}]`, message: 'the hole lies outside of the outer ring', value, expected }];
  });
}
