import { shallowReactive } from 'vue';
import * as rest from '../rest.ts';

/** Most plates remembered; a console may stand open for a week. */
const KEPT = 2_000;
const known = shallowReactive(new Map<string, string>());
const asked = new Set<string>();

/** The plate of a trip for a list that names trips only: asked for once, when a row with it comes into sight. */
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
