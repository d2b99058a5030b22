import { setTimeout as sleep } from 'node:timers/promises';
import type { UseCaseDeps } from '../ports.ts';

const AT_ONCE = 20;
/** Between two turns: the first truck of a row is seen to at once, those behind it come together. */
const GATHER_MS = 100;

/**
 * Tells the intake which trips gates have changed, those of one moment together, so that a queue of trucks takes little
 * more of it than one truck does. What follows (a lock hears of its unlock) waits until the rules know the new plan:
 * otherwise a lock that opens at once would be judged by the old one.
 */
export class ReEvaluationQueue {
  readonly #deps: Pick<UseCaseDeps, 'judging' | 'log'>;
  /** What is to be called when a trip's new plan is known. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #working = false;

  constructor(deps: Pick<UseCaseDeps, 'judging' | 'log'>) {
    this.#deps = deps;
  }

  /** @param then called once the plan is known, or could not be read: the start of the platform reads every plan. */
  changed(tripId: string, then: () => void): void {
    const waiting = this.#waiting.get(tripId);
    if (waiting) waiting.push(then);
    else this.#waiting.set(tripId, [then]);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.size > 0) {
      const turn = [...this.#waiting].slice(0, AT_ONCE);
      for (const [tripId] of turn) this.#waiting.delete(tripId);
      const beganMs = performance.now();
      await this.#replan(turn.map(([tripId]) => tripId));
      for (const then of turn.flatMap(([, waiting]) => waiting)) then();
      // As long again for everything else: many trucks at once must not keep the reports waiting.
      await sleep(Math.max(GATHER_MS, performance.now() - beganMs));
    }
    this.#working = false;
  }

  /** One trip that cannot be judged keeps no other from it. */
  async #replan(tripIds: string[]): Promise<void> {
    const { judging, log } = this.#deps;
    await judging.reevaluate(tripIds).catch(async (error) => {
      if (tripIds.length === 1) log.error({ err: error, tripIds }, 'a trip’s plan was not read again');
      else for (const tripId of tripIds) await this.#replan([tripId]);
    });
  }

  /** Commands that were not told of wait in the store, and are sent when their locks listen next. */
  stop(): void {
    this.#waiting.clear();
  }
}
