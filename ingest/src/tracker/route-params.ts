import { DEFAULT_ROUTE_PARAMS, type RouteParams } from '@sealwatch/geofence';
import { paramsAt, type TripParams } from './params.ts';

interface Merged {
  base: RouteParams;
  /** Some leg has thresholds of its own. */
  byLeg: boolean;
}

const merged = new WeakMap<TripParams, Merged>();

/**
 * The geofence's thresholds, taken from the parameters of the rules that it judges.
 * @param progressM where on the route the fix is, computed from the fix alone; called only if a leg has its own thresholds
 */
export function routeParamsAt(params: TripParams, progressM: () => number): RouteParams {
  let all = merged.get(params);
  if (!all) {
    const byLeg = params.legs.some(({ values }) => params.geofenceRules.some((rule) => rule in values));
    all = { base: mergedAt(params), byLeg };
    merged.set(params, all);
  }
  return all.byLeg ? mergedAt(params, progressM()) : all.base;
}

function mergedAt(params: TripParams, progressM?: number): RouteParams {
  const values = params.geofenceRules.map((rule) => paramsAt(params, rule, progressM));
  return Object.assign({ ...DEFAULT_ROUTE_PARAMS }, ...values) as RouteParams;
}
