import { compileZones, type ZoneShape, zonesAt } from '@sealwatch/geofence';
import type { Route } from '@sealwatch/schemas';
import { officePlaces } from '../store/places.ts';
import type { Queryable } from '../store/queryable.ts';
import { getRoute } from '../store/routes.ts';
import type { TripRow } from '../store/trips.ts';

type End = Route['properties']['origin'];

function shapeOf(end: End, id: string): ZoneShape[] {
  if (end === undefined) return [];
  if ('radiusM' in end) return [{ id, circle: { center: end.center, radiusM: end.radiusM } }];
  return [{ id, polygon: end }];
}

/**
 * Where the steps at one end of a trip have to happen: the end of its route, and the places bound to its office.
 * @returns undefined where no such place is set, else whether a point lies in one
 */
export async function designatedPlace(
  db: Queryable,
  trip: TripRow,
  end: 'origin' | 'destination',
): Promise<((lon: number, lat: number) => boolean) | undefined> {
  const route = await getRoute(db, trip.route_id, trip.route_version);
  const places = await officePlaces(db, end === 'origin' ? trip.origin_office : trip.destination_office);
  const shapes = [
    ...shapeOf(route?.feature.properties[end], 'end'),
    ...places.map((place) => ({ id: `place ${place.place_id}`, polygon: place.feature.geometry })),
  ];
  if (shapes.length === 0) return undefined;
  const zones = compileZones(shapes);
  return (lon, lat) => zonesAt(zones, lon, lat).length > 0;
}
