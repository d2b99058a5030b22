import type { AllowedStop, Circle, CorridorShape, Place, PlaceKind, Polygon, Route } from '@sealwatch/schemas';
import { circle } from '@turf/circle';
import { pointOnFeature } from '@turf/point-on-feature';
import type { Feature, FeatureCollection, Position } from './geojson.ts';

const EARTH_M_PER_DEG = 111_319.49;

/** Distance on a plane, accurate enough between two points of a road, m. */
export function flatDistanceM(a: Position, b: Position): number {
  const cos = Math.cos((((a[1]! + b[1]!) / 2) * Math.PI) / 180);
  return Math.hypot((b[0]! - a[0]!) * cos, b[1]! - a[1]!) * EARTH_M_PER_DEG;
}

export type DrawnRoute = Route & { corridor?: CorridorShape | undefined };

const collection = (features: Feature[]): FeatureCollection => ({ type: 'FeatureCollection', features });

export const routeLines = (route: Route): Position[][] =>
  route.geometry.type === 'LineString' ? [route.geometry.coordinates] : route.geometry.coordinates;

/** Routes as lines, and those whose corridor is known as areas too. */
export function corridorFeatures(routes: DrawnRoute[]): FeatureCollection {
  const lines = routes.flatMap(routeLines).map((coordinates): Feature => {
    return { type: 'Feature', properties: { kind: 'line' }, geometry: { type: 'LineString', coordinates } };
  });
  const areas = routes.flatMap(({ corridor }): Feature[] =>
    corridor ? [{ type: 'Feature', properties: { kind: 'area' }, geometry: corridor }] : [],
  );
  return collection([...areas, ...lines]);
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

/** The platform's places, and those that routes name: origin, destination and allowed stops. */
export function placeFeatures(places: (Place & { placeId: string })[], routes: Route[]): FeatureCollection {
  const signs: Sign[] = places.map(({ placeId, properties, geometry }) => ({
    id: placeId,
    name: properties.name,
    kind: properties.kind,
    polygon: geometry.coordinates,
  }));
  const named = new Set(signs.map((sign) => sign.name));
  const add = (around: Circle | AllowedStop, kind: PlaceKind) => {
    if (named.has(around.name)) return;
    named.add(around.name);
    signs.push({ id: around.name, name: around.name, kind, polygon: ringsAround(around) });
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
    { type: 'Feature', properties, geometry: pointOnFeature({ type: 'Polygon', coordinates: polygon }).geometry },
  ];
}

const ringsAround = ({ center, radiusM }: Circle) =>
  circle([center[0], center[1]], radiusM, { units: 'meters', steps: 48 }).geometry
    .coordinates as Polygon['coordinates'];

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
