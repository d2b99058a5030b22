import QuickLRU from 'quick-lru';

/** Takeovers of one lock's session that follow each other by more than this are not one row. */
const APART_MS = 60_000;
/** A lock whose connection breaks takes its own session over; so many in a row cost it nothing. */
const FREE = 3;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 15_000;
const LOCKS_KEPT = 20_000;

interface Row {
  count: number;
  lastMs: number;
}

/**
 * Slows down devices that take a session over from each other again and again, because they report under one id. Each
 * further takeover waits twice as long as the one before, from 1 to 15 s, until a minute has passed without one.
 */
export class Takeovers {
  readonly #rows = new QuickLRU<string, Row>({ maxSize: LOCKS_KEPT });

  /** Counts a takeover. @returns how long it has to wait, ms */
  next(lockId: string, nowMs: number): number {
    const was = this.#rows.get(lockId);
    const count = was && nowMs - was.lastMs <= APART_MS ? was.count + 1 : 1;
    this.#rows.set(lockId, { count, lastMs: nowMs });
    return count <= FREE ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (count - FREE - 1), LONGEST_DELAY_MS);
  }
}
