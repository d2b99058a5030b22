import type { FeedHealth } from '@sealwatch/schemas';

/** How this screen stands with the platform. */
export interface Link {
  phase: 'connecting' | 'live' | 'resyncing' | 'lost';
  /** Attempts to reconnect since the connection was lost. */
  attempt: number;
  /** Client time (ms since 1970) when anything was last heard; undefined: never. */
  heardMs?: number;
}

/** The platform says something every second; silence longer than this is told, ms. */
export const STALE_AFTER_MS = 6_000;
/** A lag between lock and store longer than this is told, ms. */
export const LAG_TOLD_MS = 15_000;

export type Freshness = 'fresh' | 'stale';

/** Old data is never shown as new: whatever is older than a few seconds, or comes over no connection, is stale. */
export function freshness(link: Link, nowMs: number): Freshness {
  if (link.heardMs === undefined || link.phase === 'lost' || link.phase === 'connecting') return 'stale';
  return nowMs - link.heardMs > STALE_AFTER_MS ? 'stale' : 'fresh';
}

/** Nothing is stored, so nothing on the screen goes on, however well the line to the platform is. */
export function databaseDown({ ready, reasons }: FeedHealth): boolean {
  return !ready && reasons.some((reason) => reason.startsWith('database: '));
}
