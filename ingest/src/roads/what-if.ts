import { compileRoute } from '@sealwatch/geofence';
import type { Route, WhatIfVerdict } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { type CompiledRoute, planOf } from '../intake/plan.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { allPlaces, loadTrips, tripRecords } from '../store/reports/roster.ts';
import { type PastTrip, pastTrips } from '../store/trips/what-if.ts';
import {
  type AlarmFact,
  alarmsOf,
  compilePlaces,
  type PlaceSet,
  rulesShowing,
  startTrip,
  track,
} from '../tracker/index.ts';

/** Judging stops here, and says that it did: the lanes of live records come first. */
const BUDGET_MS = 8_000;
/** Records judged without a pause, some 10 ms of work. */
const SLICE = 500;

const DEVIATIONS = rulesShowing('deviation');

function verdictOf(trip: PastTrip, records: number, alarm: AlarmFact | undefined): WhatIfVerdict {
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    tripId: trip.trip_id,
    plate: trip.tractor_plate,
    departedAt: trip.departed_at.toISOString(),
    routeVersion: trip.route_version,
    wasRed: trip.was_red,
    red: alarm !== undefined,
    records,
    ...(alarm === undefined ? {} : { startedAt: iso(alarm.startedMs) }),
    ...(alarm?.endedMs === undefined ? {} : { endedAt: iso(alarm.endedMs) }),
    ...(alarm?.maxDistanceM === undefined ? {} : { maxDistanceM: alarm.maxDistanceM }),
    ...(alarm?.position === undefined ? {} : { position: alarm.position }),
  };
}

const pause = () => new Promise((resolve) => setImmediate(resolve));

/** One trip judged anew by the rules of today, as if nobody had ever disposed of anything. Undefined: not judged. */
async function judgeAnew(
  db: Queryable,
  trip: PastTrip,
  by: { compiled: CompiledRoute; places: PlaceSet; untilMs: number },
): Promise<WhatIfVerdict | undefined> {
  const [stored] = await loadTrips(db, [trip.trip_id]);
  if (stored === undefined) return verdictOf(trip, 0, undefined);
  // What the clock confirmed was by the old route, and what was disposed of lies in the past of another one.
  const plan = planOf({ ...stored, disposed: [], clockConfirmed: [] }, by.compiled, by.places);
  const records = await tripRecords(db, trip.trip_id, 0);
  let state = startTrip(plan);
  for (const [i, record] of records.entries()) {
    if (i % SLICE === SLICE - 1) {
      await pause();
      if (performance.now() > by.untilMs) return undefined;
    }
    state = track(plan, state, record);
  }
  const alarm = alarmsOf(plan, state).find(({ rule, phase }) => DEVIATIONS.includes(rule) && phase !== 'provisional');
  return verdictOf(trip, records.length, alarm);
}

/**
 * Judges the past trips of a route by one that is not saved, newest departure first. Nothing is written.
 * @returns `complete`: false where the time ran out or there are more trips than the limit
 */
export async function whatIf(
  pool: Pool,
  route: Route,
  asked: { routeId: string; fromMs: number; toMs: number; limit: number; offices: string[] | null },
): Promise<{ items: WhatIfVerdict[]; complete: boolean }> {
  const { limit } = asked;
  const trips = await pastTrips(pool, { ...asked, limit: limit + 1 });
  const compiled = { route, corridor: compileRoute(route) };
  const places = compilePlaces(await allPlaces(pool, false));
  const untilMs = performance.now() + BUDGET_MS;
  const items: WhatIfVerdict[] = [];
  for (const trip of trips.slice(0, limit)) {
    const verdict =
      performance.now() > untilMs ? undefined : await judgeAnew(pool, trip, { compiled, places, untilMs });
    if (verdict === undefined) return { items, complete: false };
    items.push(verdict);
    await pause();
  }
  return { items, complete: trips.length <= limit };
}
