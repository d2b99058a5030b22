import { type CorridorPolygon, compileRoute, corridorSteps, RouteError } from '@sealwatch/geofence';
import type { Route } from '@sealwatch/schemas';
import QuickLRU from 'quick-lru';
import { ApiProblem } from '../problem.ts';
import type { RouteRow } from '../store/roads/routes.ts';

/** A wall shows the routes of one region; one corridor of 230 km takes 70 kB as JSON. */
const MOST_KEPT = 64;
/** A route of 230 km takes 0.2–0.4 s, one of 3,300 km and 10,000 points 2 s. */
const BUDGET_MS = 10_000;

const NO_CORRIDOR = 'route.no-corridor';

const pause = () => new Promise((resolve) => setImmediate(resolve));

function refused(message: string, errors?: { path: string; message: string }[]): ApiProblem {
  return new ApiProblem(422, NO_CORRIDOR, message, errors);
}

/**
 * Corridors of routes as polygons. A version of a route never changes, so its corridor is kept (at least the 64
 * used last). One is computed at a time, in slices of milliseconds: reports and gates go on in between.
 */
export class Corridors {
  readonly #kept = new QuickLRU<string, Promise<CorridorPolygon>>({ maxSize: MOST_KEPT });
  #last: Promise<unknown> = Promise.resolve();

  /** @throws ApiProblem 422 for a route whose corridor cannot be drawn */
  ofVersion(row: Pick<RouteRow, 'route_id' | 'version' | 'feature'>): Promise<CorridorPolygon> {
    const key = `${row.route_id}@${row.version}`;
    const kept = this.#kept.get(key) ?? this.ofRoute(row.feature);
    this.#kept.set(key, kept);
    return kept;
  }

  /** The same of a route that is not saved. */
  ofRoute(route: Route): Promise<CorridorPolygon> {
    const computed = this.#last.then(() => compute(route));
    this.#last = computed.catch(() => undefined);
    return computed;
  }
}

/** A route whose corridor cannot be drawn is a route all the same. */
export function noCorridor(error: unknown): undefined {
  if (!(error instanceof ApiProblem) || error.code !== NO_CORRIDOR) throw error;
}

async function compute(route: Route): Promise<CorridorPolygon> {
  try {
    const steps = corridorSteps(compileRoute(route));
    for (let spentMs = 0; spentMs < BUDGET_MS; ) {
      const fromMs = performance.now();
      const step = steps.next();
      if (step.done) return step.value;
      spentMs += performance.now() - fromMs;
      await pause();
    }
  } catch (error) {
    if (!(error instanceof RouteError)) throw error;
    const errors = error.problems.map(({ path, message, at }) => ({ path, message, ...(at ? { value: at } : {}) }));
    throw refused(error.message, errors);
  }
  throw refused(`the corridor of this route takes more than ${BUDGET_MS / 1000} s to compute`);
}
