/** Thresholds of the route rules; every one may be set per route, company and platform. */
export interface RouteParams {
  /** A fix's own accuracy widens the corridor by at most this. */
  accuracyCapM: number;
  /** Two outside fixes nearer in time than this are one observation. */
  pairLeastMs: number;
  /** Two outside fixes that are not consecutive records confirm each other within this time. */
  pairMostMs: number;
  /** Less deep beyond the edge an outside fix may be error; a run of such fixes must last for `shallowMs`. */
  shallowM: number;
  shallowMs: number;
  /** So deep no error goes: 200 m, the farthest that parked receivers were off, less 80 m, the half-width of a town. */
  deepM: number;
  /** A fix farther beyond the edge than this is an error, whatever else it says. */
  unbelievableM: number;
  /** A truck is back when within this share of the width, 0–1. */
  reentryShare: number;
  /** No vehicle is faster: a move that needs more is an error of a fix. */
  fastestKmh: number;
  /** A fix may err by this without admitting it (99 % of fixes on a large set of road traces err by less than 36 m). */
  noiseM: number;
  /** Backwards along the route by more than this is the opposite direction. */
  oppositeM: number;
  /** Forward again by this ends it. */
  forwardAgainM: number;
  /** Road between two fixes beyond what the fastest vehicle can drive that is worth telling. */
  shortcutM: number;
  /** Two fixes farther apart in time than this leave room for something unseen. */
  gapMs: number;
  /** Speed a section is expected to be driven at. */
  cruiseKmh: number;
  /** Time in a gap beyond what the section needs that is worth telling. */
  unaccountedMs: number;
}

export const DEFAULT_ROUTE_PARAMS: Readonly<RouteParams> = Object.freeze({
  accuracyCapM: 150,
  pairLeastMs: 4_000,
  pairMostMs: 60_000,
  shallowM: 40,
  shallowMs: 20_000,
  deepM: 120,
  unbelievableM: 500_000,
  reentryShare: 0.8,
  fastestKmh: 180,
  noiseM: 75,
  oppositeM: 2_000,
  forwardAgainM: 500,
  shortcutM: 2_000,
  gapMs: 180_000,
  cruiseKmh: 60,
  unaccountedMs: 600_000,
});
