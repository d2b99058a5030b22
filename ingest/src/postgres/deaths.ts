/** What one member sees of another. */
export interface Seen {
  memberId: number;
  /** It holds its session lock: its process lives and reaches the database. */
  locked: boolean;
  /** Since its last beat, by the database's clock, ms. */
  beatAgeMs: number;
}

export interface Death {
  memberId: number;
  why: 'gone' | 'frozen';
}

/** A member that beats no longer than this is frozen, or cut off from the database. */
export const FROZEN_AFTER_MS = 5_000;
/** After the server's start, or a loss of the own connection, others have this long to come back. */
export const QUIET_MS = 5_000;
/** Who looks so late was frozen itself, and what it sees may be as late. */
const LATE_LOOK_MS = 2_000;

/**
 * Says which members are dead. A process that ends frees its session lock at once; two looks tell it from one that takes its
 * lock again. After a restart of the database everybody has lost it, and every beat is old: nobody is dead then.
 */
export class Deaths {
  #free = new Set<number>();
  #lookedMs: number | undefined;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  /** The own connection was lost. @param nowMs any clock that goes on while the process is suspended, ms */
  disturbed(nowMs: number): void {
    this.#quietUntilMs = nowMs + QUIET_MS;
    this.#free.clear();
  }

  /** @param serverAgeMs since the database server has started, ms */
  look(others: readonly Seen[], { nowMs, serverAgeMs }: { nowMs: number; serverAgeMs: number }): Death[] {
    if (this.#lookedMs !== undefined && nowMs - this.#lookedMs > LATE_LOOK_MS) this.disturbed(nowMs);
    this.#lookedMs = nowMs;
    const before = this.#free;
    this.#free = new Set(others.filter(({ locked }) => !locked).map(({ memberId }) => memberId));
    if (nowMs < this.#quietUntilMs || serverAgeMs < QUIET_MS) return [];
    return others.flatMap(({ memberId, locked, beatAgeMs }): Death[] => {
      if (!locked && before.has(memberId)) return [{ memberId, why: 'gone' }];
      return beatAgeMs > FROZEN_AFTER_MS ? [{ memberId, why: 'frozen' }] : [];
    });
  }
}
