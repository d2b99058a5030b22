export { type AlarmFact, alarmsOf } from './alarms.ts';
export { CLOCK_CONFIRMS_MS, liveness } from './liveness.ts';
export { paramsAt, type RuleValues, type TripParams } from './params.ts';
export {
  type ClockConfirmation,
  compilePlaces,
  type Disposal,
  type IdentityConflict,
  type KnownPlace,
  type PlaceSet,
  type TripPlan,
} from './plan.ts';
export { type Advance, advance, type Checkpoint, startTrack, type TripTrack, tick } from './replay.ts';
export { foldOrder, isLate, LATE_AFTER_MS, reportKey, type TrackedReport } from './report.ts';
export {
  checkParams,
  ParamsError,
  type ParamsInput,
  type ParamsLayers,
  type ParamsProblem,
  resolveParams,
} from './resolve.ts';
export type { RuleDescription } from './rule.ts';
export { silenceLimitMs } from './rules/comms-silent.ts';
export { RULES } from './rules.ts';
export type { TripState } from './state.ts';
export { startTrip, track } from './tracker.ts';
