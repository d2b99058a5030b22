import { area } from '@turf/area';
import { buffer } from '@turf/buffer';
import { featureCollection, lengthToDegrees, lineString, multiPolygon, polygon } from '@turf/helpers';
import { intersect } from '@turf/intersect';
import { rewind } from '@turf/rewind';
import { simplify } from '@turf/simplify';
import type { Feature, MultiPolygon, Polygon } from 'geojson';
import type { Corridor } from './corridor.ts';
import { pointBetween } from './position.ts';
import { RouteError, type RouteProblem } from './problem.ts';
import { distanceM } from './sphere.ts';

type Point = [lon: number, lat: number];
type Ring = Point[];
/** Coordinates of a MultiPolygon. Until the last step longitudes run on beyond ±180 instead of jumping there. */
type Shape = Ring[][];

/** GeoJSON (RFC 7946): WGS-84 degrees, outer rings counter-clockwise, cut at the antimeridian. */
export type CorridorPolygon = { type: 'Polygon'; coordinates: Ring[] } | { type: 'MultiPolygon'; coordinates: Shape };

/** No edge is longer: edges are straight in degrees, the judge's are great circles. Up to 80° they part by 1.8 m. */
const LONGEST_EDGE_M = 4_000;
const HIGHEST_LAT = 80;
const WIDEST_LON = 300;
/** Points of the line nearer than this share of the half-width to the simplified line are left out. */
const SIMPLIFIED_SHARE = 0.01;
/** turf buffers on a plane around the middle of a piece: 100 km from there it is 0.004 % off. */
const PIECE_M = 200_000;
/** Short pieces keep each step short: a piece takes 2–5 ms. */
const PIECE_POINTS = 16;
/** Pieces united in one step. */
const UNITED = 8;
/** Segments of a quarter circle: the corridor's round ends and corners are at most 0.5 % too narrow. */
const ARC_STEPS = 8;
/** More bends than this in a square as wide as the corridor, and at least 50 m wide, are a scribble and no road. */
const MOST_IN_CELL = 300;
const LEAST_CELL_M = 50;
/** Slivers between rounded edges. */
const LEAST_AREA_M2 = 1;

/**
 * Where a truck is inside by the width of the route: the union of all segments, each widened by its half-width, with round
 * ends, as `beyondM` measures it. Both agree except within 3 % of the half-width and 2 m of the edge. Stops and the areas
 * around both ends are not part of it.
 * @throws RouteError for a route that goes beyond 80° of latitude, spans 300° of longitude, or scribbles over one place
 */
export function corridorPolygon(corridor: Corridor): CorridorPolygon {
  const steps = corridorSteps(corridor);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same in steps of milliseconds, so that a server can do other work in between and give up on a monstrous route. */
export function* corridorSteps(corridor: Corridor): Generator<undefined, CorridorPolygon, undefined> {
  refuseUndrawable(corridor);
  const pieces = [...piecesOf(corridor)];
  refuseScribble(pieces);
  let shapes: Shape[] = [];
  for (const piece of pieces) {
    shapes.push(widened(piece));
    yield;
  }
  while (shapes.length > 1) {
    const united: Shape[] = [];
    for (let i = 0; i < shapes.length; i += UNITED) {
      united.push(union(shapes.slice(i, i + UNITED)));
      yield;
    }
    shapes = united;
  }
  return finished(shapes[0]!);
}

function refuseUndrawable({ lon, lat }: Corridor): void {
  const problems: RouteProblem[] = [];
  const high = lat.findIndex((degrees) => Math.abs(degrees) > HIGHEST_LAT);
  if (high >= 0) {
    const message = `no corridor can be drawn beyond ${HIGHEST_LAT}° of latitude, got ${lat[high]}`;
    problems.push({ path: 'geometry.coordinates', at: [lon[high]!, lat[high]!], message });
  }
  let [at, west, east] = [lon[0]!, lon[0]!, lon[0]!];
  for (const degrees of lon) {
    at = near(degrees, at);
    west = Math.min(west, at);
    east = Math.max(east, at);
  }
  if (east - west > WIDEST_LON) {
    const message = `no corridor can be drawn across more than ${WIDEST_LON}° of longitude, got ${east - west}`;
    problems.push({ path: 'geometry.coordinates', message });
  }
  if (problems.length > 0) throw new RouteError(problems);
}

/** The same meridian within 180° of another one. */
function near(lon: number, reference: number): number {
  return lon - 360 * Math.round((lon - reference) / 360);
}

/** Every crossing of every pass has to be found: hundreds of passes over one yard take minutes. */
function refuseScribble(pieces: Piece[]): void {
  const counts = new Map<string, number>();
  for (const { halfWidthM, points } of pieces) {
    const cell = lengthToDegrees(Math.max(2 * halfWidthM, LEAST_CELL_M), 'meters');
    for (const at of points) {
      const key = `${halfWidthM} ${Math.floor(at[0] / cell)} ${Math.floor(at[1] / cell)}`;
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      if (count <= MOST_IN_CELL) continue;
      const message = `no corridor can be drawn: more than ${MOST_IN_CELL} bends within the corridor's own width`;
      throw new RouteError([{ path: 'geometry.coordinates', at: [near(at[0], 0), at[1]], message }]);
    }
  }
}

interface Piece {
  halfWidthM: number;
  points: Point[];
}

/** The route in pieces of one width; each begins where the one before ends. */
function* piecesOf({ lon, lat, alongM, halfWidthM }: Corridor): Generator<Piece> {
  let piece: Piece = { halfWidthM: halfWidthM[0]!, points: [[lon[0]!, lat[0]!]] };
  let pieceFromM = 0;
  let stretch: Point[] = [piece.points[0]!];
  let stretchFromM = 0;
  for (let i = 0; i < halfWidthM.length; i++) {
    const last = stretch.at(-1)!;
    stretch.push(...greatCircle(last, [near(lon[i + 1]!, last[0]), lat[i + 1]!]));
    const endM = alongM[i + 1]!;
    const isLast = i + 1 === halfWidthM.length;
    const changes = isLast || halfWidthM[i + 1] !== halfWidthM[i];
    // Simplified in short stretches only: what is straight in degrees is not straight on earth.
    if (!changes && endM - stretchFromM < LONGEST_EDGE_M) continue;
    piece.points.push(...simplified(stretch, piece.halfWidthM).slice(1));
    const end = piece.points.at(-1)!;
    stretch = [end];
    stretchFromM = endM;
    if (!changes && piece.points.length < PIECE_POINTS && endM - pieceFromM < PIECE_M) continue;
    for (let from = 0; from < piece.points.length - 1; from += PIECE_POINTS) {
      yield { halfWidthM: piece.halfWidthM, points: piece.points.slice(from, from + PIECE_POINTS + 1) };
    }
    if (isLast) return;
    piece = { halfWidthM: halfWidthM[i + 1]!, points: [end] };
    pieceFromM = endM;
  }
}

/** The points after `from` on the way to `to`, `to` included, none farther than `LONGEST_EDGE_M` from the next. */
function greatCircle(from: Point, to: Point): Point[] {
  const parts = Math.ceil(distanceM(from[0], from[1], to[0], to[1]) / LONGEST_EDGE_M);
  const points: Point[] = [];
  for (let part = 1; part < parts; part++) {
    const [lon, lat] = pointBetween(from[0], from[1], to[0], to[1], part / parts);
    points.push([near(lon, from[0]), lat]);
  }
  points.push(to);
  return points;
}

function simplified(points: Point[], halfWidthM: number): Point[] {
  if (points.length === 2) return points;
  const tolerance = lengthToDegrees(SIMPLIFIED_SHARE * halfWidthM, 'meters');
  return simplify(lineString(points), { tolerance, highQuality: true }).geometry.coordinates as Point[];
}

function widened({ halfWidthM, points }: Piece): Shape {
  const shape = buffer(lineString(points), halfWidthM, { units: 'meters', steps: ARC_STEPS });
  const rings = shapeOf(shape, points[0]![0]);
  return rings.map((one) =>
    one.map((ring) => [ring[0]!, ...ring.slice(1).flatMap((to, i) => greatCircle(ring[i]!, to))]),
  );
}

/** A buffer of nothing around overlapping polygons is their union, and three times as fast as `@turf/union`. */
function union(shapes: Shape[]): Shape {
  const all = shapes.flat();
  const lons = all.flat(2).map(([lon]) => lon);
  const middle = (lons.reduce((a, b) => Math.min(a, b)) + lons.reduce((a, b) => Math.max(a, b))) / 2;
  return shapeOf(buffer(multiPolygon(all), 0), middle);
}

type Buffered = Feature<Polygon | MultiPolygon> | undefined;

function shapeOf(feature: Buffered, reference: number): Shape {
  if (feature === undefined) throw new Error('a corridor without an area');
  return polygonsOf(feature.geometry).map((rings) =>
    rings.map((ring) => ring.map(([lon, lat]): Point => [near(lon, reference), lat])),
  );
}

function polygonsOf(geometry: Polygon | MultiPolygon): Shape {
  return (geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates) as Shape;
}

function finished(shape: Shape): CorridorPolygon {
  const lons = shape.flat(2).map(([lon]) => lon);
  const polygons: Shape = [];
  for (const turn of [-360, 0, 360]) {
    if (!lons.some((lon) => Math.abs(lon - turn) < 180)) continue;
    const isWhole = lons.every((lon) => Math.abs(lon - turn) <= 180);
    for (const rings of isWhole ? shape : between(shape, turn - 180, turn + 180)) {
      const [outer, ...holes] = rings.map((ring) => rounded(ring, turn)).filter((ring) => isWide(ring));
      if (outer) polygons.push((rewind(polygon([outer, ...holes])) as Feature<Polygon>).geometry.coordinates as Ring[]);
    }
  }
  return polygons.length === 1
    ? { type: 'Polygon', coordinates: polygons[0]! }
    : { type: 'MultiPolygon', coordinates: polygons };
}

/** The part of a shape between two meridians. */
function between(shape: Shape, west: number, east: number): Shape {
  const band: Ring[] = [
    [
      [west, -90],
      [east, -90],
      [east, 90],
      [west, 90],
      [west, -90],
    ],
  ];
  const part = intersect(featureCollection<Polygon | MultiPolygon>([multiPolygon(shape), polygon(band)]));
  return part === null ? [] : polygonsOf(part.geometry);
}

/** To 1e-7 degrees (1 cm), longitudes turned back into ±180. */
function rounded(ring: Ring, turn: number): Ring {
  const points: Ring = [];
  for (const [x, y] of ring) {
    const [lon, lat] = [Math.round((x - turn) * 1e7) / 1e7, Math.round(y * 1e7) / 1e7];
    const last = points.at(-1);
    if (last === undefined || last[0] !== lon || last[1] !== lat) points.push([lon, lat]);
  }
  return points;
}

function isWide(ring: Ring): boolean {
  return ring.length >= 4 && area(polygon([ring])) >= LEAST_AREA_M2;
}
