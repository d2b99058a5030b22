import { Backoff, type BackoffRule } from '../attempts.ts';

const RULE: BackoffRule = {
  // A lock whose connection breaks takes its own session over; so many in a row cost it nothing.
  free: 3,
  firstMs: 1_000,
  longestMs: 15_000,
  forgetMs: 60_000,
  kept: 20_000,
};

/**
 * Slows down devices that take a session over from each other again and again, because they report under one id. Each
 * further takeover waits twice as long as the one before, from 1 to 15 s, until a minute has passed without one.
 */
export class Takeovers {
  readonly #counted = new Backoff(RULE);
  /** Sessions that went to another gateway, and when, epoch ms. */
  readonly #elsewhere = new Map<string, number>();

  /** Another gateway has taken a session over. */
  elsewhere(lockId: string, nowMs: number): void {
    if (this.#elsewhere.size >= RULE.kept) this.#elsewhere.clear();
    this.#elsewhere.set(lockId, nowMs);
  }

  /** Whether another gateway is likely to have the session of this lock. */
  isElsewhere(lockId: string, nowMs: number): boolean {
    return nowMs - (this.#elsewhere.get(lockId) ?? Number.NEGATIVE_INFINITY) < RULE.forgetMs;
  }

  /** Counts a takeover. @returns how long it has to wait, ms */
  next(lockId: string, nowMs: number): number {
    return this.#counted.failed(lockId, nowMs);
  }
}
