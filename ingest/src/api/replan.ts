import type { ApiDeps } from './deps.ts';

interface Waiting {
  done: (() => void)[];
}

/**
 * Tells the intake which trips a gate has changed, one trip at a time, so that a queue of trucks takes no more of the
 * intake than one truck does. What follows (a lock hears of its unlock) waits until the rules know the new plan:
 * otherwise a lock that opens at once would be judged by the old one.
 */
export class Replanner {
  readonly #deps: ApiDeps;
  readonly #waiting = new Map<string, Waiting>();
  #working = false;
  #stopped = false;

  constructor(deps: ApiDeps) {
    this.#deps = deps;
  }

  /** @param then called once the plan is known, or could not be read: the start of the platform reads every plan. */
  changed(tripId: string, then: () => void): void {
    const waiting = this.#waiting.get(tripId) ?? { done: [] };
    waiting.done.push(then);
    this.#waiting.set(tripId, waiting);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (const [tripId, { done }] of this.#waiting) {
      if (this.#stopped) break;
      this.#waiting.delete(tripId);
      const beganMs = performance.now();
      await this.#deps.intake
        .refreshTrip(tripId)
        .catch((error) => this.#deps.log.error({ err: error, tripId }, 'a trip’s plan was not read again'));
      for (const then of done) then();
      // As long again for everything else: many trucks at once must not keep the reports waiting.
      await new Promise((resolve) => setTimeout(resolve, performance.now() - beganMs));
    }
    this.#working = false;
  }

  /** Commands that were not told of wait in the store, and are sent when their locks listen next. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }
}
