import { compileZones, type ZoneShape, type Zones, zonesAt } from '@sealwatch/geofence';
import type { Route } from '@sealwatch/schemas';

/** Which of a route's origin, destination and allowed stops hold a position. */
export interface StopsAt {
  readonly atOrigin: boolean;
  readonly atDestination: boolean;
  /** Places in `allowedStops`. */
  readonly allowedStops: readonly number[];
}

/** On the road between the ends, as most fixes are. */
export const NOWHERE: StopsAt = Object.freeze({ atOrigin: false, atDestination: false, allowedStops: [] });

/** A route that names no origin or destination begins and ends within this of its first and last point. */
const DEFAULT_END_RADIUS_M = 500;

// A route is compiled once and shared by its trips; the route object is the key, so the entry goes when the route does.
const compiled = new WeakMap<Route, Zones>();

export function stopsAt(route: Route, lon: number, lat: number): StopsAt {
  let zones = compiled.get(route);
  if (!zones) {
    zones = compileZones(shapesOf(route));
    compiled.set(route, zones);
  }
  const ids = zonesAt(zones, lon, lat);
  if (ids.length === 0) return NOWHERE;
  const at = { atOrigin: false, atDestination: false, allowedStops: [] as number[] };
  for (const id of ids) {
    if (id === 'origin') at.atOrigin = true;
    else if (id === 'destination') at.atDestination = true;
    else at.allowedStops.push(Number(id));
  }
  return at;
}

function shapesOf(route: Route): ZoneShape[] {
  const { origin, destination, allowedStops } = route.properties;
  const lines = route.geometry.type === 'LineString' ? [route.geometry.coordinates] : route.geometry.coordinates;
  return [
    endShape('origin', origin, lines[0]?.[0]),
    endShape('destination', destination, lines.at(-1)?.at(-1)),
    ...allowedStops.map((circle, index) => ({ id: String(index), circle })),
  ];
}

function endShape(
  id: string,
  end: Route['properties']['origin'],
  point: [number, number, ...number[]] | undefined,
): ZoneShape {
  if (end === undefined) return { id, circle: { center: point ?? [0, 0], radiusM: DEFAULT_END_RADIUS_M } };
  return 'radiusM' in end ? { id, circle: end } : { id, polygon: end };
}
