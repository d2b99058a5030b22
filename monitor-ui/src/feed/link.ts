import type { FeedHealth } from '@sealwatch/schemas';

/** The state of this screen's connection to the platform. */
export interface Link {
  phase: 'connecting' | 'live' | 'resyncing' | 'lost';
  /** Attempts to reconnect since the connection was lost. */
  attempt: number;
  /** Client time (ms since 1970) of the last message; undefined: none yet. */
  heardMs?: number;
}

/** The platform sends a message every second; after a longer silence the data counts as stale, ms. */
export const STALE_AFTER_MS = 6_000;
/** A longer lag between lock and store is shown, ms. */
export const LAG_SHOWN_MS = 15_000;

export type Freshness = 'fresh' | 'stale';

/** Data is stale without a connection, or after a few seconds without a message. */
export function freshness(link: Link, nowMs: number): Freshness {
  if (link.heardMs === undefined || link.phase === 'lost' || link.phase === 'connecting') return 'stale';
  return nowMs - link.heardMs > STALE_AFTER_MS ? 'stale' : 'fresh';
}

/** While the database is down nothing is stored and the screen does not change, even if the connection works. */
export function databaseDown({ ready, reasons }: FeedHealth): boolean {
  return !ready && reasons.some((reason) => reason.startsWith('database: '));
}
