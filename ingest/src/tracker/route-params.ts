import { DEFAULT_ROUTE_PARAMS, type RouteParams } from '@sealwatch/geofence';
import { paramsAt, type TripParams } from './params.ts';

const RULES_OF_THE_GEOFENCE = ['route.deviation', 'route.opposite-direction', 'time.unaccounted'];

const merged = new WeakMap<TripParams, RouteParams>();

/** The geofence's thresholds out of the parameters of the rules that it judges. */
export function routeParamsAt(params: TripParams): RouteParams {
  let all = merged.get(params);
  if (!all) {
    all = Object.assign(
      { ...DEFAULT_ROUTE_PARAMS },
      ...RULES_OF_THE_GEOFENCE.map((rule) => paramsAt(params, rule)),
    ) as RouteParams;
    merged.set(params, all);
  }
  return all;
}
