import type { Trip } from '@sealwatch/schemas';
import * as rest from '../rest.ts';
import * as calls from './calls.ts';

const routes = new Map<string, Promise<rest.PlannedRoute>>();

/** The route in the version the trip began with. A version never changes, so it is read once. */
export function routeOf(trip: Trip): Promise<rest.PlannedRoute> {
  const version = { routeId: trip.routeId, version: trip.routeVersion };
  const key = rest.versionKey(version);
  const known = routes.get(key) ?? rest.route(version);
  routes.set(key, known);
  known.catch(() => routes.delete(key));
  return known;
}

let known: Promise<rest.KnownPlace[]> | undefined;
let readMs = Number.NEGATIVE_INFINITY;
const PLACES_KEPT_MS = 60_000;

export function placesNow(): Promise<rest.KnownPlace[]> {
  if (known === undefined || performance.now() - readMs > PLACES_KEPT_MS) {
    readMs = performance.now();
    known = calls.places();
    known.catch(() => {
      known = undefined;
    });
  }
  return known;
}

/** What a person may do next in the closed loop; the intake itself departs and arrives. */
const NEXT: Partial<Record<Trip['status'], string[]>> = {
  declared: ['release'],
  released: ['hang'],
  hung: ['seal'],
  arrived: ['verify'],
  verified: ['unlock'],
  unlocked: ['close'],
};
export const nextActs = (status: Trip['status']): string[] => NEXT[status] ?? [];
