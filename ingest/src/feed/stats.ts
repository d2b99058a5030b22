import type { FeedStats } from '@sealwatch/schemas';
import { isUnderSeal } from '../custody/status.ts';
import { rulesShowing } from '../tracker/index.ts';
import type { Wall } from './wall.ts';

const SILENCE = rulesShowing('silence');

/** The counts of the wall for people of these offices; null: of all. Colours count trips from their sealing to their unlocking. */
export function statsOf(wall: Wall, offices: string[] | null): Omit<FeedStats, 'reportsPerSecond' | 'lagMs'> {
  const counts = { inTransit: 0, green: 0, amber: 0, red: 0, silent: 0, arrivedToday: 0 };
  for (const trip of wall.trips.values()) {
    if (!wall.seesTrip(offices, trip)) continue;
    if (trip.status === 'in-transit') counts.inTransit++;
    if (!isUnderSeal(trip.status)) continue;
    counts[trip.risk]++;
    if (trip.openAlarms.some((alarm) => SILENCE.includes(alarm.rule))) counts.silent++;
  }
  for (const arrival of wall.arrivals) {
    if (wall.seesTrip(offices, arrival)) counts.arrivedToday += arrival.trips;
  }
  return counts;
}
