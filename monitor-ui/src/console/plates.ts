import { shallowReactive } from 'vue';
import * as rest from '../rest.ts';

/** Largest number of plates kept; a console may be open for a week. */
const KEPT = 2_000;
const known = shallowReactive(new Map<string, string>());
const asked = new Set<string>();

/** The plate of a trip, for lists that have only trip ids; read once, when a row with it becomes visible. */
export function plateOf(tripId: string | undefined): string | undefined {
  if (tripId === undefined) return undefined;
  const plate = known.get(tripId);
  if (plate === undefined && !asked.has(tripId)) {
    asked.add(tripId);
    if (asked.size > KEPT) {
      asked.clear();
      known.clear();
    }
    rest.trip(tripId).then(
      (trip) => known.set(tripId, trip.vehicle.tractorPlate),
      () => asked.delete(tripId),
    );
  }
  return plate;
}
