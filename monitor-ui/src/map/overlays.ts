import type { AllowedStop, Circle, Leg, Place, PlaceKind, Polygon, Route } from '@sealwatch/schemas';
import type { Feature, FeatureCollection, Position } from './geojson.ts';

const EARTH_M_PER_DEG = 111_319.49;

/** Flat distance, fine for the lengths between two points of a road, m. */
export function flatDistanceM(a: Position, b: Position): number {
  const cos = Math.cos((((a[1]! + b[1]!) / 2) * Math.PI) / 180);
  return Math.hypot((b[0]! - a[0]!) * cos, b[1]! - a[1]!) * EARTH_M_PER_DEG;
}

/** Pixels one metre takes at zoom 0 at a latitude (512-pixel tiles). */
const pixelsPerMetre0 = (lat: number): number => 512 / (40_075_016.686 * Math.cos((lat * Math.PI) / 180));

const collection = (features: Feature[]): FeatureCollection => ({ type: 'FeatureCollection', features });

export const routeLines = (route: Route): Position[][] =>
  route.geometry.type === 'LineString' ? [route.geometry.coordinates] : route.geometry.coordinates;

/** Corridors as lines with their true width: one feature per leg of one width. */
export function corridorFeatures(routes: Route[]): FeatureCollection {
  const features: Feature[] = [];
  for (const route of routes) {
    const { legs, halfWidthM } = route.properties;
    for (const part of routeLines(route)) {
      for (const piece of legs?.length ? cutByLegs(part, legs, halfWidthM) : [{ line: part, halfWidthM }]) {
        const lat = piece.line[0]?.[1] ?? 0;
        features.push({
          type: 'Feature',
          properties: { widthPx0: 2 * piece.halfWidthM * pixelsPerMetre0(lat) },
          geometry: { type: 'LineString', coordinates: piece.line },
        });
      }
    }
  }
  return collection(features);
}

interface Piece {
  line: Position[];
  halfWidthM: number;
}

/** Cuts a line where the leg changes. Metres run along the line; what no leg covers has the route's own width. */
export function cutByLegs(line: Position[], legs: Leg[], otherwiseM: number): Piece[] {
  const widthAt = (m: number) => legs.find((leg) => m >= leg.fromM && m < leg.toM)?.halfWidthM ?? otherwiseM;
  const pieces: Piece[] = [];
  let alongM = 0;
  let piece: Piece | undefined;
  for (let i = 1; i < line.length; i++) {
    const [a, b] = [line[i - 1]!, line[i]!];
    const stepM = flatDistanceM(a, b);
    const halfWidthM = widthAt(alongM + stepM / 2);
    if (piece?.halfWidthM !== halfWidthM) {
      piece = { line: [a], halfWidthM };
      pieces.push(piece);
    }
    piece.line.push(b);
    alongM += stepM;
  }
  return pieces;
}

export const PLACE_KINDS: PlaceKind[] = ['office', 'gate', 'yard', 'yard-cell', 'service-area', 'restricted', 'port'];

const COLOURS: Record<PlaceKind, string> = {
  office: '#7fb2ff',
  gate: '#e9f2fb',
  yard: '#7fb2ff',
  'yard-cell': '#5b7fae',
  'service-area': '#38e3a3',
  restricted: '#ff3045',
  port: '#7fb2ff',
};

const MAJOR: PlaceKind[] = ['gate', 'office', 'port', 'yard'];

interface Sign {
  id: string;
  name: string;
  kind: PlaceKind;
  polygon: Polygon['coordinates'];
}

/** Places of the platform, and what the routes themselves name: where they begin and end, where a truck may stop. */
export function placeFeatures(places: (Place & { placeId: string })[], routes: Route[]): FeatureCollection {
  const signs: Sign[] = places.map(({ placeId, properties, geometry }) => ({
    id: placeId,
    name: properties.name,
    kind: properties.kind,
    polygon: geometry.coordinates,
  }));
  const named = new Set(signs.map((sign) => sign.name));
  const add = (circle: Circle | AllowedStop, kind: PlaceKind) => {
    if (named.has(circle.name)) return;
    named.add(circle.name);
    signs.push({ id: circle.name, name: circle.name, kind, polygon: [ringAround(circle.center, circle.radiusM)] });
  };
  for (const { properties } of routes) {
    for (const stop of properties.allowedStops) add(stop, 'service-area');
    if (properties.origin && 'center' in properties.origin) add(properties.origin, 'yard');
    if (properties.destination && 'center' in properties.destination) add(properties.destination, 'port');
  }
  return collection(signs.flatMap(signFeatures));
}

function signFeatures({ id, name, kind, polygon }: Sign): Feature[] {
  const properties = { id, name, kind, colour: COLOURS[kind], icon: `sign-${kind}`, major: MAJOR.includes(kind) };
  return [
    { type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: polygon } },
    { type: 'Feature', properties, geometry: { type: 'Point', coordinates: middle(polygon[0] ?? []) } },
  ];
}

export function ringAround(center: Position, radiusM: number): [number, number][] {
  const cos = Math.cos((center[1]! * Math.PI) / 180);
  return Array.from({ length: 49 }, (_, i) => {
    const angle = (i / 48) * 2 * Math.PI;
    const [dx, dy] = [Math.cos(angle) * radiusM, Math.sin(angle) * radiusM];
    return [center[0]! + dx / (EARTH_M_PER_DEG * cos), center[1]! + dy / EARTH_M_PER_DEG];
  });
}

function middle(ring: Position[]): Position {
  const points = ring.slice(0, -1);
  const sum = points.reduce<[number, number]>(([x, y], p) => [x + p[0]!, y + p[1]!], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** `[west, south, east, north]` of lines; undefined where there are none. */
export function boundsOf(lines: Position[][]): [number, number, number, number] | undefined {
  const all = lines.flat();
  if (all.length === 0) return undefined;
  const bounds: [number, number, number, number] = [180, 90, -180, -90];
  for (const [lon, lat] of all as [number, number][]) {
    bounds[0] = Math.min(bounds[0], lon);
    bounds[1] = Math.min(bounds[1], lat);
    bounds[2] = Math.max(bounds[2], lon);
    bounds[3] = Math.max(bounds[3], lat);
  }
  return bounds;
}
