import { compileZones, type ZoneShape, zonesAt } from '@sealwatch/geofence';
import type { Route } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { Queryable } from '../postgres/queryable.ts';
import { officePlaces } from '../store/roads/places.ts';
import { getRoute } from '../store/roads/routes.ts';
import type { TripRow } from '../store/trips/row.ts';

type End = Route['properties']['origin'];

function shapeOf(end: End, id: string): ZoneShape[] {
  if (end === undefined) return [];
  if ('radiusM' in end) return [{ id, circle: { center: end.center, radiusM: end.radiusM } }];
  return [{ id, polygon: end }];
}

/** Whether a point lies where a step has to happen. */
export type Within = (lon: number, lat: number) => boolean;

/**
 * Places compiled once, by store. A version of a route never changes, and the stamp of an office's places changes with
 * each of them, also where another process has put one: what is kept under a name is never stale.
 */
const compiled = new WeakMap<Pool, Map<string, Within | 'anywhere'>>();
const KEPT = 1_000;

/**
 * Where the steps at one end of a trip have to happen: the end of its route, and the places bound to its office.
 * @returns undefined where no such place is set
 */
export async function designatedPlace(
  at: { pool: Pool; db: Queryable },
  trip: TripRow,
  end: 'origin' | 'destination',
  placesStamp: string,
): Promise<Within | undefined> {
  const kept = compiled.get(at.pool) ?? new Map<string, Within | 'anywhere'>();
  compiled.set(at.pool, kept);
  const name = JSON.stringify([trip.route_id, trip.route_version, end, placesStamp]);
  const known = kept.get(name) ?? (await compile(at.db, trip, end)) ?? 'anywhere';
  if (kept.size >= KEPT) kept.clear();
  kept.set(name, known);
  return known === 'anywhere' ? undefined : known;
}

async function compile(db: Queryable, trip: TripRow, end: 'origin' | 'destination'): Promise<Within | undefined> {
  const route = await getRoute(db, trip.route_id, trip.route_version);
  const office = end === 'origin' ? trip.origin_office : trip.destination_office;
  const places = await officePlaces(db, office, trip.simulated);
  const shapes = [
    ...shapeOf(route?.feature.properties[end], 'end'),
    ...places.map((place) => ({ id: `place ${place.place_id}`, polygon: place.feature.geometry })),
  ];
  if (shapes.length === 0) return undefined;
  const zones = compileZones(shapes);
  return (lon, lat) => zonesAt(zones, lon, lat).length > 0;
}
