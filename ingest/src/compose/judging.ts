import type { Pool } from 'pg';
import type { Intake } from '../intake/intake.ts';
import type { Logger } from '../log.ts';
import type { Hints, Judging } from '../ports.ts';
import { stillToJudge } from '../store/trips/to-judge.ts';

const WITHIN_MS = 3_000;
/** How often the store is asked while no hint comes: it may be lost. */
const LOOK_EVERY_MS = 1_000;

export interface JudgingDeps {
  pool: Pool;
  hints: Hints;
  log: Pick<Logger, 'warn'>;
}

/** Who waits for trips to be judged. */
interface Waiter {
  tripIds: Set<string>;
  done: () => void;
}

/** Changes of plans wait in the store; hints say that some wait, and that they were judged. */
export class StoredJudging implements Judging {
  readonly #deps: JudgingDeps;
  readonly #waiters = new Set<Waiter>();

  constructor(deps: JudgingDeps) {
    this.#deps = deps;
    deps.hints.on('judged', ({ tripIds }) => {
      for (const waiter of this.#waiters) {
        for (const tripId of tripIds) waiter.tripIds.delete(tripId);
        if (waiter.tripIds.size === 0) waiter.done();
      }
    });
  }

  async judged(tripIds: string[], withinMs = WITHIN_MS): Promise<boolean> {
    const { pool, hints, log } = this.#deps;
    const untilMs = performance.now() + withinMs;
    try {
      let waiting = tripIds;
      let heard = this.#heard(waiting, Math.min(withinMs, LOOK_EVERY_MS));
      await hints.publish({ hint: 'toJudge' });
      while (waiting.length > 0 && withinMs > 0) {
        await heard;
        // The hint may be of an earlier change; the store knows.
        waiting = await stillToJudge(pool, waiting);
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0) break;
        heard = this.#heard(waiting, Math.min(leftMs, LOOK_EVERY_MS));
      }
      return waiting.length === 0;
    } catch (error) {
      // The change is committed: its caller gets the answer all the same.
      log.warn({ err: error, tripIds }, 'whether trips were judged by their new plans is not known');
      return false;
    }
  }

  /** Resolves once a hint has named all of them, or after that time. */
  #heard(tripIds: string[], withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        tripIds: new Set(tripIds),
        done: () => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(waiter.done, withinMs);
      if (tripIds.length === 0 || withinMs === 0) waiter.done();
      else this.#waiters.add(waiter);
    });
  }
}

/** The other side: the intake judges what waits when a hint says so, and says what it has judged. */
export function listenForJudging(intake: Intake, hints: Hints, log: Pick<Logger, 'warn'>): void {
  hints.on('toJudge', () => {
    // Nobody who publishes a hint waits for it; what is not found now is found by the look every second.
    void intake
      .judgeWaiting()
      .catch((error) => log.warn({ err: error }, 'trips whose plan has changed are judged a little later'));
  });
  intake.onJudged((judged) => {
    void hints
      .publish({ hint: 'judged', ...judged })
      .catch((error) => log.warn({ err: error }, 'a hint was not taken'));
  });
}
