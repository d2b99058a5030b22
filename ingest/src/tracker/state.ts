import type { RouteState } from '@sealwatch/geofence';
import type { Basis } from './basis.ts';
import type { Episode, RuleState } from './episode.ts';
import type { Halt } from './halt.ts';

export interface LastFix {
  timeMs: number;
  lon: number;
  lat: number;
  accuracyM?: number;
}

/** What the fold keeps of one lock: its newest record, its newest GNSS fix, and since when no record is missing. */
export interface LockMemory {
  timeMs: number;
  boot: number;
  seq: number;
  mode?: string;
  /** From this fix time on every record's number follows that of the record before it. */
  unbrokenMs: number;
  fix?: LastFix;
  halt?: Halt;
  /** The least that its recent live records took to arrive, if 1 s or more: its clock can be behind by so much. */
  lagMs?: number;
}

/** What the fold keeps of one rule. */
export interface RuleHistory {
  /** Ended episodes of a latched rule, oldest first. */
  past?: Episode[];
  /** By lock id; under the empty name for a rule of the whole trip. */
  by: Record<string, RuleState<unknown>>;
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
  /** Speed along the route, m/s, smoothed over some 20 minutes; when and where it was last measured. */
  pace?: { timeMs: number; doneM: number; metresPerSecond?: number };
  /** First fix outside the origin; a second one makes it the departure. */
  leavingMs?: number;
  basis: Basis;
  /** The geofence's state: excursions, direction, gaps. */
  route: RouteState;
  locks: Record<string, LockMemory>;
  rules: Record<string, RuleHistory>;
  /** The last few ended edge and level episodes; older ones live in the store only. */
  ended: { rule: string; episode: Episode }[];
}

export const ENDED_KEPT = 6;

/** If a latched rule has more past episodes than this, its two oldest become one. */
export const PAST_KEPT = 12;
