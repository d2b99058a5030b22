import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { StoppingError } from '../ports.ts';
import { isFenced, isOutdated, type Queryable } from '../postgres/queryable.ts';
import type { Publish } from './lanes.ts';
import { backOffMs, isOutage } from './outage.ts';
import type { BatchOutcome } from './outcome.ts';
import type { Settled } from './settled.ts';

/** The steps of a batch, in order. */
export interface BatchSteps {
  /** Decodes, admits and tracks; writes nothing, neither to the store nor in memory. */
  judge(publishes: readonly Publish[], db: Queryable): Promise<BatchOutcome>;
  /** Moves memory to where the batch will have brought it; answers the outcome with what earlier commits settled. */
  expect(outcome: BatchOutcome): BatchOutcome;
  /**
   * Commits one transaction, then moves memory to what it has settled.
   * @param again an earlier try may have committed without its answer reaching the platform
   */
  commit(outcome: BatchOutcome, again: boolean): Promise<Settled>;
  /** Notifies whoever listens. */
  publish(outcome: BatchOutcome, settled: Settled): void;
  /** Gives the PUBACKs, but to what was declined or is another worker's. */
  acknowledge(publishes: readonly Publish[], settled: Settled): void;
  /** Removes from memory the locks and trips of a batch whose commit failed; the store has the truth about them. */
  forget(publishes: readonly Publish[], outcome: BatchOutcome | undefined): void;
}

/**
 * The states of a batch:
 *
 *      ┌────── the commit before it failed ──────┐
 *      ▼                                         │
 *   judging ──────────────────────────────────► judged ──► committing ──► acknowledged
 *    ▲ │                                                       │
 *    │ └── failed ──► uncertain ◄── failed, or no answer ──────┘
 *    │                 │  │  │
 *    ├─── waiting ◄────┤  │  └── the platform stops, or another has taken over ──► given up (no PUBACK)
 *    │  outage, 1st try│  │
 *    └─────────────────┘  │
 *      a lock has moved   │
 *                         └── its own fault, twice ──► isolating: each half is a new batch that starts at judging;
 *                                                      a single publish is one that goes to the quarantine
 */
const NEXT = {
  judging: ['judged', 'uncertain'],
  judged: ['committing', 'judging'],
  committing: ['acknowledged', 'uncertain'],
  uncertain: ['judging', 'waiting', 'isolating', 'given up'],
  waiting: ['judging'],
  isolating: [],
  acknowledged: [],
  'given up': [],
} as const;

export type BatchState = keyof typeof NEXT;

/** A fault of the platform's own code: it is never taken for an outage, and ends the process. */
export class IllegalTransition extends Error {
  override name = 'IllegalTransition';
}

/** Publishes that are committed together, and how far they are. */
export class Batch {
  readonly publishes: readonly Publish[];
  /** Tries to judge and commit it, from 1. */
  attempt = 1;
  outcome: BatchOutcome | undefined;
  #state: BatchState = 'judging';

  constructor(publishes: readonly Publish[]) {
    this.publishes = publishes;
  }

  get state(): BatchState {
    return this.#state;
  }

  /** @throws IllegalTransition where the drawing above has no such arrow */
  enter(next: BatchState): void {
    const allowed: readonly BatchState[] = NEXT[this.#state];
    if (!allowed.includes(next)) throw new IllegalTransition(`a batch cannot go from ${this.#state} to ${next}`);
    this.#state = next;
  }
}

export interface CommitterDeps {
  pool: Pool;
  log: Logger;
  metrics: { retries: { inc(): void } };
  /** Fires when a stopping platform waits no longer for the store. */
  giveUp: AbortSignal;
}

/**
 * Brings batches to their commit, one after the other and in order (laws 1, 2): the next batch is judged while the one
 * before it commits. After a failure nothing else is judged until the failed batch is settled.
 */
export class Committer {
  readonly #deps: CommitterDeps;
  readonly #steps: BatchSteps;
  /** The commit under way; false: it failed, and its batch was settled by another try. */
  #before: Promise<boolean> = Promise.resolve(true);
  #outage: string | undefined;

  constructor(deps: CommitterDeps, steps: BatchSteps) {
    this.#deps = deps;
    this.#steps = steps;
  }

  /** Why batches cannot be committed now; undefined when they can. */
  get outage(): string | undefined {
    return this.#outage;
  }

  /** Resolves once no commit is under way. */
  async idle(): Promise<void> {
    await this.#before;
  }

  /** Judges a batch and starts its commit; resolves when the next batch may be judged. */
  async take(publishes: readonly Publish[]): Promise<void> {
    const before = this.#before;
    const batch = new Batch(publishes);
    try {
      await this.#judge(batch, afterwards(before, this.#deps.pool));
    } catch (error) {
      await before;
      return this.#recover(batch, error);
    }
    if (!(await before)) {
      this.#forget(batch);
      batch.enter('judging');
      return this.#settle(batch);
    }
    this.#before = this.#commit(batch).then(
      () => true,
      (error) => this.#recover(batch, error).then(() => false),
    );
  }

  async #judge(batch: Batch, db: Queryable): Promise<void> {
    batch.outcome = await this.#steps.judge(batch.publishes, db);
    batch.enter('judged');
  }

  async #commit(batch: Batch): Promise<void> {
    batch.enter('committing');
    const outcome = this.#steps.expect(batch.outcome as BatchOutcome);
    batch.outcome = outcome;
    const settled = await this.#steps.commit(outcome, batch.attempt > 1);
    this.#steps.publish(outcome, settled);
    this.#outage = undefined;
    this.#steps.acknowledge(batch.publishes, settled);
    batch.enter('acknowledged');
  }

  /** Judges and commits a batch until it is acknowledged, split or given up, however long that takes. */
  async #settle(batch: Batch): Promise<void> {
    try {
      await this.#judge(batch, this.#deps.pool);
      await this.#commit(batch);
    } catch (error) {
      await this.#recover(batch, error);
    }
  }

  /** After a failure it is not known whether the batch was committed, so nothing in memory about it counts. */
  async #recover(batch: Batch, error: unknown): Promise<void> {
    if (error instanceof IllegalTransition) throw error;
    batch.enter('uncertain');
    this.#forget(batch);
    // Another platform has taken over: it judges what the locks send again.
    if (this.#deps.giveUp.aborted || isFenced(error)) return this.#giveUpOn(batch);
    // Nothing of it was committed; the locks are loaded again, and those of another worker are told to ask there.
    if (isOutdated(error)) {
      this.#deps.log.info({ err: error }, 'a lock has moved to another slot; its batch is judged again');
      batch.enter('judging');
      return this.#settle(batch);
    }
    // The first failure never isolates: a commit whose answer was lost looks like a duplicate identity.
    if (!isOutage(error) && batch.attempt > 1) return this.#isolate(batch, error);
    await this.#wait(batch, error);
    return this.#settle(batch);
  }

  async #wait(batch: Batch, error: unknown): Promise<void> {
    batch.enter('waiting');
    this.#outage = error instanceof Error ? error.message : String(error);
    const { log, metrics, giveUp } = this.#deps;
    metrics.retries.inc();
    log.error({ err: error, attempt: batch.attempt }, 'a batch could not be committed; it is tried again');
    await sleep(backOffMs(batch.attempt), undefined, { signal: giveUp }).catch(() => undefined);
    batch.attempt += 1;
    batch.enter('judging');
  }

  /** Finds the publish that cannot be stored by halving, and puts it alone into the quarantine (law 9). */
  async #isolate(batch: Batch, error: unknown): Promise<void> {
    batch.enter('isolating');
    const { publishes } = batch;
    const [first, second] = publishes;
    if (first && !second) return this.#settle(new Batch([this.#refused(first, error)]));
    const half = Math.ceil(publishes.length / 2);
    await this.#settle(new Batch(publishes.slice(0, half)));
    await this.#settle(new Batch(publishes.slice(half)));
  }

  #refused(publish: Publish, error: unknown): Publish {
    const reason = error instanceof Error ? error.message : String(error);
    this.#deps.log.error({ err: error, lockId: publish.lockId }, 'a publish can be neither judged nor stored');
    const detail = `payload: ${reason}, expected a record that can be stored`;
    return { ...publish, refused: { reason: 'unstorable', detail, raw: publish.raw } };
  }

  #giveUpOn(batch: Batch): void {
    batch.enter('given up');
    for (const publish of batch.publishes) publish.done(new StoppingError('the platform stopped before the commit'));
  }

  #forget(batch: Batch): void {
    this.#steps.forget(batch.publishes, batch.outcome);
    batch.outcome = undefined;
  }
}

/** The store once a commit has ended: memory already expects that commit, so no read may come before it. */
function afterwards(committed: Promise<unknown>, pool: Pool): Queryable {
  const query = async (...question: Parameters<Pool['query']>) => {
    await committed;
    return pool.query(...question);
  };
  return { query: query as Pool['query'] };
}
