import { compileRoute } from '@sealwatch/geofence';
import { type Route, SlugId, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { type CompiledRoute, planOf } from '../intake/plan.ts';
import { OPERATORS } from '../people/roles.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem, wrongField } from '../problem.ts';
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
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { checkedFeature, ROUTE_BYTES } from './routes.ts';

const DAY_MS = 86_400_000;
const SPAN_DAYS = 30;
const LONGEST_DAYS = 367;
const MOST_TRIPS = 500;
/** Judging stops here, and says that it did: the lanes of live records come first. */
const BUDGET_MS = 8_000;
/** Records judged without a pause, some 10 ms of work. */
const SLICE = 500;

const Asked = z.object({
  /** The route as it might be. */
  route: z.unknown(),
  /** Whose past trips are asked about. */
  routeId: SlugId,
  from: Time.optional(),
  to: Time.optional(),
  limit: z.int().min(1).max(MOST_TRIPS).default(100),
});
const Verdict = z.object({
  tripId: z.string(),
  plate: z.string(),
  departedAt: Time,
  routeVersion: z.int(),
  /** The records confirm a deviation. */
  wasRed: z.boolean(),
  /** There would have been one. */
  red: z.boolean(),
  records: z.int(),
  startedAt: Time.optional(),
  endedAt: Time.optional(),
  maxDistanceM: z.number().optional(),
  position: z.object({ lon: z.number(), lat: z.number() }).optional(),
});
const Answer = z.object({
  items: z.array(Verdict),
  /** False where the time ran out or there are more trips than the limit. */
  complete: z.boolean(),
});

const DEVIATIONS = rulesShowing('deviation');

function verdictOf(trip: PastTrip, records: number, alarm: AlarmFact | undefined): z.output<typeof Verdict> {
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
): Promise<z.output<typeof Verdict> | undefined> {
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

function spanOf({ from, to }: z.output<typeof Asked>): { fromMs: number; toMs: number } {
  const toMs = to === undefined ? Date.now() : Date.parse(to);
  const fromMs = from === undefined ? toMs - SPAN_DAYS * DAY_MS : Date.parse(from);
  if (fromMs > toMs || toMs - fromMs > LONGEST_DAYS * DAY_MS) {
    const expected = `a time before \`to\`, by at most ${LONGEST_DAYS} days`;
    throw wrongField('request.invalid', { path: 'from', message: `expected ${expected}`, value: from, expected });
  }
  return { fromMs, toMs };
}

async function whatIf(deps: ApiDeps, route: Route, asked: z.output<typeof Asked>, offices: string[]) {
  const { routeId, limit } = asked;
  const trips = await pastTrips(deps.pool, { routeId, ...spanOf(asked), offices, limit: limit + 1 });
  const compiled = { route, corridor: compileRoute(route) };
  const places = compilePlaces(await allPlaces(deps.pool));
  const untilMs = performance.now() + BUDGET_MS;
  const items: z.output<typeof Verdict>[] = [];
  for (const trip of trips.slice(0, limit)) {
    const verdict =
      performance.now() > untilMs ? undefined : await judgeAnew(deps.pool, trip, { compiled, places, untilMs });
    if (verdict === undefined) return { items, complete: false };
    items.push(verdict);
    await pause();
  }
  return { items, complete: trips.length <= limit };
}

/** Which past trips a route, or a change of one, would have turned red. Nothing is written. */
export function whatIfRoutes(app: Api, deps: ApiDeps): void {
  let busy = false;
  app.post(
    '/routes/what-if',
    {
      config: { roles: OPERATORS },
      bodyLimit: ROUTE_BYTES,
      schema: {
        tags: ['routes'],
        summary: 'Judge past trips by a route that is not saved: which of them it would have turned red',
        body: Asked,
        response: answers({ 200: Answer }),
      },
    },
    async (request) => {
      const route = checkedFeature(request.body.route);
      // One at a time: it takes processor time from everything else.
      if (busy) throw new ApiProblem(429, 'what-if.busy', 'another what-if is being judged; try again in some seconds');
      busy = true;
      try {
        return await whatIf(deps, route, request.body, callerOf(request).offices);
      } finally {
        busy = false;
      }
    },
  );
}
