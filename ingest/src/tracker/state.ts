import type { RouteState } from '@sealwatch/geofence';
import type { LockMode } from '@sealwatch/schemas';
import type { Basis } from './basis.ts';
import type { Halt } from './halt.ts';
import type { Episode, Ruling } from './rule.ts';

export interface LastFix {
  timeMs: number;
  lon: number;
  lat: number;
  accuracyM?: number;
}

/** What the fold remembers of one lock: its newest record, its newest GNSS fix, and since when no record is missing. */
export interface LockMemory {
  timeMs: number;
  boot: number;
  seq: number;
  mode?: LockMode;
  /** Every record from this fix time on follows its predecessor without a gap in the numbering. */
  unbrokenMs: number;
  fix?: LastFix;
  halt?: Halt;
}

export interface RuleState {
  /** Ended episodes of a latched rule, oldest first. */
  past?: Episode[];
  /** By lock; the empty name for a rule of the whole trip. */
  by: Record<string, Ruling<unknown>>;
}

/** The fold of a trip's records: plain JSON, about 1 to 3 KB. Times are epoch milliseconds. */
export interface TripState {
  /** Fix time of the newest record, 0 before the first. */
  lastTimeMs: number;
  departedAtMs?: number;
  arrivedAtMs?: number;
  /** How far along the route the newest fix on it was. */
  doneM: number;
  totalM: number;
  etaMs?: number;
  /** Metres per second along the route, smoothed over some 20 minutes, and when it was last looked at. */
  pace?: { timeMs: number; doneM: number; metresPerSecond?: number };
  /** First fix outside the origin; the second one makes it the departure. */
  leavingMs?: number;
  basis: Basis;
  /** The geofence's own memory: excursions, direction, gaps. */
  route: RouteState;
  locks: Record<string, LockMemory>;
  rules: Record<string, RuleState>;
  /** The last few ended edge and level episodes; older ones live in the store only. */
  ended: { rule: string; episode: Episode }[];
}

export const ENDED_KEPT = 6;

/** Beyond so many, the two oldest excursions of a latched rule are told as one. */
export const PAST_KEPT = 12;
