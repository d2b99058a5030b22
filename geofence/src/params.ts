import { z } from 'zod';

/** Thresholds of the deviation from the route, with their defaults and bounds. */
export const DEVIATION_PARAMS = z.object({
  /** A fix's own accuracy widens the corridor by at most this, metres. */
  accuracyCapM: z.number().min(0).max(2_000).default(150),
  /** Two outside fixes nearer in time than this are one observation. */
  pairLeastMs: z.number().min(1_000).max(60_000).default(4_000),
  /** Two outside fixes that are not consecutive records confirm each other within this time. */
  pairMostMs: z.number().min(4_000).max(600_000).default(60_000),
  /** Less deep beyond the edge an outside fix may be error; a run of such fixes must last for `shallowMs`. */
  shallowM: z.number().min(0).max(1_000).default(40),
  shallowMs: z.number().min(0).max(60_000).default(20_000),
  /** No error goes this deep: 200 m, the farthest that parked receivers were off, less 80 m, the half-width of a town. */
  deepM: z.number().min(0).max(5_000).default(120),
  /** A pair of outside fixes farther beyond the edge than this counts only if a drive from or to the road is known, metres. */
  leapM: z.number().min(0).max(20_000_000).default(2_000),
  /** Outside fixes that far and with no such drive count after they have lasted for so long. */
  leapMs: z.number().min(0).max(86_400_000).default(300_000),
  /** A fix farther beyond the edge than this is an error, whatever else it says. */
  unbelievableM: z.number().min(10_000).max(20_000_000).default(500_000),
  /** A truck is back when within this share of the width, 0–1. */
  reentryShare: z.number().min(0.1).max(1).default(0.8),
  /** No vehicle is faster: a move that needs more is an error of a fix. */
  fastestKmh: z.number().min(50).max(500).default(180),
  /** A fix may err by this without admitting it (99 % of fixes on a large set of road traces err by less than 36 m). */
  noiseM: z.number().min(0).max(1_000).default(75),
});

/** Thresholds of the direction of travel, with their defaults and bounds. */
export const DIRECTION_PARAMS = z.object({
  /** Backwards along the route by more than this is the opposite direction. */
  oppositeM: z.number().min(100).max(1_000_000).default(2_000),
  /** Forward again by this ends it. */
  forwardAgainM: z.number().min(0).max(100_000).default(500),
});

/** Thresholds of the time and way between two fixes, with their defaults and bounds. */
export const GAP_PARAMS = z.object({
  /** Road between two fixes beyond what the fastest vehicle can drive from which on a gap is reported. */
  shortcutM: z.number().min(0).max(1_000_000).default(2_000),
  /** Two fixes farther apart in time than this leave room for something unseen. */
  gapMs: z.number().min(10_000).max(86_400_000).default(180_000),
  /** Speed a section is expected to be driven at. */
  cruiseKmh: z.number().min(5).max(200).default(60),
  /** Time in a gap beyond what the section needs from which on a gap is reported. */
  unaccountedMs: z.number().min(0).max(86_400_000).default(600_000),
});

/** Thresholds of the route's judgement; every one may be set per leg, route, company and platform. */
export type RouteParams = z.output<typeof DEVIATION_PARAMS> &
  z.output<typeof DIRECTION_PARAMS> &
  z.output<typeof GAP_PARAMS>;

export const DEFAULT_ROUTE_PARAMS: Readonly<RouteParams> = Object.freeze({
  ...DEVIATION_PARAMS.parse({}),
  ...DIRECTION_PARAMS.parse({}),
  ...GAP_PARAMS.parse({}),
});
