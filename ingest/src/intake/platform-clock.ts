import { sentTimeMs } from '../record/record.ts';
import type { Admitted } from './admit.ts';

/** A lock whose clock is ahead by more than this does not merely drift. */
const AHEAD_MS = 10 * 60_000;

/** Locks that were not heard for so long say nothing of the clock now. */
const WINDOW_MS = 5 * 60_000;
/** One lock with a wrong clock is its own fault, and so are a few. */
export const LEAST_LOCKS = 5;

/**
 * Whether the platform's own clock seems to be behind: at least five locks, and most of those heard live in the last five
 * minutes, send times more than ten minutes ahead of it.
 */
export class PlatformClock {
  /** When each lock was heard; and those of them that were ahead. */
  readonly #heardMs = new Map<string, number>();
  readonly #ahead = new Set<string>();

  /** Takes what a committed batch says of the locks' clocks. */
  heard({ accepted }: Admitted, nowMs: number): void {
    for (const record of accepted) {
      if (record.kind === 'backfill') continue;
      this.#heardMs.set(record.lockId, nowMs);
      if (sentTimeMs(record) > record.receivedMs + AHEAD_MS) this.#ahead.add(record.lockId);
      else if (this.#ahead.size > 0) this.#ahead.delete(record.lockId);
    }
  }

  /** What is to be said about the clock; undefined: nothing. */
  warning(nowMs: number): string | undefined {
    for (const [lockId, atMs] of this.#heardMs) {
      if (nowMs - atMs <= WINDOW_MS) continue;
      this.#heardMs.delete(lockId);
      this.#ahead.delete(lockId);
    }
    const ahead = this.#ahead.size;
    const all = this.#heardMs.size;
    if (ahead < LEAST_LOCKS || ahead * 2 <= all) return undefined;
    return `clock: ${ahead} of ${all} locks send times over 10 min ahead; the platform's own clock seems to be behind`;
  }
}
