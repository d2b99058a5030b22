import { StoppingError } from '../ports.ts';
import type { Committer } from './committer.ts';
import { BATCH_SIZE, type Lanes } from './lanes.ts';

const STOP_WITHIN_MS = 8_000;

interface Task {
  run(): Promise<void>;
  /** It will not be run. */
  stopped(): void;
}

/**
 * Takes batches from the lanes one after the other, and runs tasks between two batches while nothing is being judged or
 * committed, so that no trip is judged by two at once.
 */
export class BatchGate {
  readonly #lanes: Lanes;
  readonly #committer: Committer;
  readonly #giveUp: AbortController;
  #tasks: Task[] = [];
  #running: Promise<void> | undefined;
  #stopping = false;

  /** @param giveUp aborted when a stopping platform waits no longer for the store */
  constructor(lanes: Lanes, committer: Committer, giveUp: AbortController) {
    this.#lanes = lanes;
    this.#committer = committer;
    this.#giveUp = giveUp;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Why reports are not accepted now; empty when they are. */
  ready(): string[] {
    if (this.#stopping) return ['stopping'];
    return this.#committer.outage ? [`database: ${this.#committer.outage}`] : [];
  }

  /** Runs a task between two batches; resolves or rejects as the task does, and rejects once the platform has stopped. */
  between<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const stopped = () => reject(new Error('the platform stopped'));
      if (this.#giveUp.signal.aborted) return stopped();
      this.#tasks.push({ run: () => task().then(resolve, reject), stopped });
      this.wake();
    });
  }

  /** To be called when a publish was added to the lanes. */
  wake(): void {
    this.#running ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
        if (this.#hasWork()) this.wake();
      });
  }

  /** Commits what is waiting, for at most `withinMs`; what is left is not acknowledged. */
  async stop(withinMs = STOP_WITHIN_MS): Promise<void> {
    this.#stopping = true;
    const deadline = setTimeout(() => this.#giveUp.abort(), withinMs);
    this.wake();
    const gaveUp = new Promise<void>((resolve) => this.#giveUp.signal.addEventListener('abort', () => resolve()));
    await Promise.race([this.#running, gaveUp]);
    clearTimeout(deadline);
    this.#giveUp.abort();
    for (const publish of this.#lanes.drop()) publish.done(new StoppingError('the platform stopped'));
    for (const { stopped } of this.#tasks.splice(0)) stopped();
  }

  #hasWork(): boolean {
    return !this.#giveUp.signal.aborted && (this.#tasks.length > 0 || this.#lanes.publishes > 0);
  }

  async #run(): Promise<void> {
    while (this.#hasWork()) {
      if (this.#tasks.length > 0) await this.#runTasks();
      const publishes = this.#lanes.take(BATCH_SIZE);
      if (publishes.length > 0) await this.#committer.take(publishes);
    }
    await this.#committer.idle();
  }

  async #runTasks(): Promise<void> {
    const tasks = this.#tasks;
    this.#tasks = [];
    await this.#committer.idle();
    for (const { run } of tasks) await run();
  }
}
