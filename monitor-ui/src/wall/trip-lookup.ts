import type { Alarm, Trip } from '@sealwatch/schemas';
import { ref } from 'vue';
import type { Board } from '../feed/board.ts';
import { type RouteVersion, versionKey } from '../rest.ts';

/** The trips on the wall. Components that call it are rendered again when trips change. */
export interface TripLookup {
  trip(tripId: string): Trip | undefined;
  /** The routes of the trips on the wall, each in the version they began with. */
  routesUsed(): RouteVersion[];
  /** Tractor plate of an alarm's trip; the lock's id if it has none. */
  plate(alarm: Alarm): string;
  /** All trips may have changed. */
  replaced(): void;
  /** One trip has changed; components are notified within `NOTIFY_EVERY_MS`. */
  changed(): void;
  close(): void;
}

/** Trips change by the hundred: components are notified of them this often at most, ms. */
const NOTIFY_EVERY_MS = 250;

export function createTripLookup(board: Board): TripLookup {
  /** Read by every getter, so that Vue knows what depends on the trips, which are not reactive themselves. */
  const version = ref(0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    trip: (tripId) => {
      void version.value;
      return board.trips.get(tripId);
    },
    routesUsed: () => {
      void version.value;
      const used = new Map<string, RouteVersion>();
      for (const { routeId, routeVersion } of board.trips.values()) {
        used.set(versionKey({ routeId, version: routeVersion }), { routeId, version: routeVersion });
      }
      return [...used.values()];
    },
    plate: (alarm) => {
      void version.value;
      const trip = alarm.tripId === undefined ? undefined : board.trips.get(alarm.tripId);
      return trip?.vehicle.tractorPlate ?? alarm.lockId;
    },
    replaced: () => {
      version.value++;
    },
    changed: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        version.value++;
      }, NOTIFY_EVERY_MS);
    },
    close: () => clearTimeout(timer),
  };
}
