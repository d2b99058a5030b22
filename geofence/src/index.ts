export { checkRoute, type RouteCheck } from './check.ts';
export { compileRoute } from './compile.ts';
export type { Corridor, CorridorStop } from './corridor.ts';
export { type CorridorPolygon, corridorPolygon, corridorSteps } from './corridor-polygon.ts';
export { type Fix, type FixProblem, isRepeat, type JudgedFix, positionFault } from './fix.ts';
export { judge, startRoute, withoutFix } from './judge.ts';
export { beyondM, type Located, type LocateHint, locate } from './locate.ts';
export {
  DEFAULT_ROUTE_PARAMS,
  DEVIATION_PARAMS,
  DIRECTION_PARAMS,
  GAP_PARAMS,
  type RouteParams,
} from './params.ts';
export { placeInWgs84 } from './place-crs.ts';
export { checkPolygon, type PolygonProblem, woundRight } from './place-shape.ts';
export { positionAt } from './position.ts';
export { type LineShape, RouteError, type RouteProblem } from './problem.ts';
export { bearingDeg, distanceM, EARTH_RADIUS_M, turnDeg } from './sphere.ts';
export type { Excursion, Gap, LockRoute, Opposite, RouteChange, RouteState, RouteVerdict } from './state.ts';
export { compileZones, crossZones, type ZoneCrossing, type ZoneShape, type Zones, zonesAt } from './zones.ts';
