import type { Alarm, Trip } from '@sealwatch/schemas';
import type { Page, PlannedRoute } from '../rest.ts';
import * as rest from '../rest.ts';
import * as calls from './calls.ts';
import { type TimedTrackPoint, timed } from './replay.ts';
import { routeOf } from './trip-plan.ts';

const POINTS = 5_000;
/** Pages of alarms read back in time, at most. */
const PAGES = 10;

export interface Story {
  trip: Trip;
  points: TimedTrackPoint[];
  alarms: Alarm[];
  route: PlannedRoute;
}
export async function storyOf(tripId: string): Promise<Story> {
  const trip = await rest.trip(tripId);
  const [{ points }, alarms, route] = await Promise.all([
    calls.track(tripId, POINTS),
    calls.alarmsOfTrip(tripId),
    routeOf(trip),
  ]);
  return { trip, points: timed(points), alarms, route };
}

/** Alarms raised since a time, as far back as the pages reach. */
export async function alarmsSince(fromMs: number): Promise<Alarm[]> {
  const found: Alarm[] = [];
  let cursor: string | undefined;
  for (let i = 0; i < PAGES; i++) {
    const page: Page<Alarm> = await calls.alarmPage({}, cursor);
    found.push(...page.items);
    cursor = page.next;
    const last = page.items.at(-1);
    if (cursor === undefined || last === undefined || Date.parse(last.raisedAt) < fromMs) break;
  }
  return found;
}
