import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from '../postgres/queryable.ts';
import { type ToJudge, toJudgeBacklog, waitingToJudge } from '../store/trips/to-judge.ts';
import type { BatchGate } from './batch-gate.ts';
import type { IntakeDeps, Judged } from './contract.ts';
import { FailingTrips } from './failing-trips.ts';
import type { IntakeMetrics } from './metrics.ts';
import type { TripChanges } from './trip-changes.ts';

/** Trips that are judged together between two batches: all their records are in memory then. */
const AT_ONCE = 20;
const LOOK_EVERY_MS = 1_000;
/** Most trips that a start judges before it accepts reports; the others follow between batches. */
const AT_START = 1_000;

export interface PlanChangesDeps extends Pick<IntakeDeps, 'pool' | 'log'> {
  toJudgeEveryMs: number | undefined;
  gate: BatchGate;
  trips: TripChanges;
  /** Those whose trips this worker judges, now. */
  slots: () => ReadonlySet<number>;
  metrics: Pick<IntakeMetrics, 'toJudge' | 'judgingFailures'>;
}

/**
 * Judges the trips that wait in the store because their plans have changed, few at a time between two batches of reports and
 * never for more than half of the time. Looks when it is told to, and every second: what it is told may be lost.
 */
export class PlanChanges {
  readonly #deps: PlanChangesDeps;
  readonly #failing = new FailingTrips<ToJudge>();
  readonly #listeners: ((judged: Judged) => void)[] = [];
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unreachable = false;
  #stopped = false;

  constructor(deps: PlanChangesDeps) {
    this.#deps = deps;
  }

  /** The listener is called after the COMMIT. */
  onJudged(listener: (judged: Judged) => void): void {
    this.#listeners.push(listener);
  }

  /** Judges what waits before the first report is accepted. @throws what the store rejects with */
  async start(): Promise<void> {
    for (let trips = 0; trips < AT_START; trips += AT_ONCE) if (!(await this.#turn())) break;
    const everyMs = this.#deps.toJudgeEveryMs ?? LOOK_EVERY_MS;
    if (everyMs === 0) return;
    this.#timer = setInterval(() => void this.#tick(), everyMs).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** Resolves once every trip that waits now was judged, or could not be. @throws what the store rejects with */
  look(): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#work().finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    // What was asked for after the look under way began is found by one more.
    this.#next ??= this.#looking
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.look();
      });
    return this.#next;
  }

  async #tick(): Promise<void> {
    const { pool, log, metrics } = this.#deps;
    try {
      metrics.toJudge(await toJudgeBacklog(pool));
      await this.look();
      this.#unreachable = false;
    } catch (error) {
      if (!this.#unreachable) log.warn({ err: error }, 'which trips wait to be judged could not be read');
      this.#unreachable = true;
    }
  }

  async #work(): Promise<void> {
    for (let more = true; more; ) {
      const beganMs = performance.now();
      more = await this.#turn();
      // As long again for everything else: many changes at once must not keep the reports waiting.
      if (more) await sleep(performance.now() - beganMs);
    }
  }

  /** @returns whether there may be more */
  async #turn(): Promise<boolean> {
    if (this.#stopped) return false;
    const waiting = await waitingToJudge(this.#deps.pool, this.#deps.slots(), AT_ONCE, this.#failing.all());
    if (waiting.length > 0) await this.#judge(waiting);
    const [due] = this.#failing.due();
    if (due !== undefined) await this.#judge([due]);
    return waiting.length > 0 || due !== undefined;
  }

  /** One trip that cannot be judged keeps no other from it. @throws where another platform has taken over */
  async #judge(waiting: readonly ToJudge[]): Promise<void> {
    const { gate, trips } = this.#deps;
    try {
      const judged = await gate.between(() => trips.reevaluate(waiting));
      for (const { tripId } of waiting) this.#failing.mended(tripId);
      if (judged.tripIds.length > 0) for (const listener of this.#listeners) listener(judged);
    } catch (error) {
      if (isFenced(error)) throw error;
      const [first] = waiting;
      if (waiting.length === 1 && first !== undefined) this.#failed(first, error);
      else for (const one of waiting) await this.#judge([one]);
    }
  }

  #failed(waiting: ToJudge, error: unknown): void {
    const { log, metrics } = this.#deps;
    const { tripId } = waiting;
    const again = this.#failing.failed(tripId, waiting);
    metrics.judgingFailures.inc();
    log.error({ err: error, tripId, ...again }, 'a trip whose plan has changed could not be judged');
  }
}
