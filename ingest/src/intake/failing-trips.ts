const FIRST_AGAIN_MS = 1_000;
const LONGEST_AGAIN_MS = 60_000;

interface Failing<T> {
  known: T;
  failures: number;
  /** When it is tried again, by `performance.now()`. */
  againMs: number;
}

/** Trips that could not be judged: each is tried again after a pause that doubles with every failure, and keeps no other waiting. */
export class FailingTrips<T> {
  readonly #failing = new Map<string, Failing<T>>();

  /** @param known what is needed to try it again */
  failed(tripId: string, known: T): { failures: number; againInMs: number } {
    const failures = (this.#failing.get(tripId)?.failures ?? 0) + 1;
    const againInMs = Math.min(LONGEST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** (failures - 1));
    this.#failing.set(tripId, { known, failures, againMs: performance.now() + againInMs });
    return { failures, againInMs };
  }

  mended(tripId: string): void {
    this.#failing.delete(tripId);
  }

  all(): T[] {
    return [...this.#failing.values()].map(({ known }) => known);
  }

  /** Those whose pause is over. */
  due(): T[] {
    const nowMs = performance.now();
    return [...this.#failing.values()].flatMap(({ known, againMs }) => (againMs <= nowMs ? [known] : []));
  }

  isPaused(tripId: string): boolean {
    return (this.#failing.get(tripId)?.againMs ?? 0) > performance.now();
  }
}
