import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Committed } from '../ports.ts';
import { inOneGo, inTransaction, type Queryable } from '../postgres/queryable.ts';
import { glance } from '../record/decode.ts';
import { activeAlarmsOfTrips } from '../store/reports/batch.ts';
import { adoptRecords } from '../store/reports/roster.ts';
import type { Intake, IntakeDeps, IntakeStats } from './contract.ts';
import { type BatchOutcome, judgeBatch, readPublish, type TripOutcome } from './judge.ts';
import { type BatchSize, DEFAULT_BATCH_SIZE, Lanes, type Publish } from './lanes.ts';
import { type Between, Watch } from './liveness-timer.ts';
import { countBatch, type IntakeMetrics, intakeMetrics } from './metrics.ts';
import { backOffMs, isOutage } from './outage.ts';
import { Announcer } from './publish.ts';
import { QuarantineCap } from './quarantine-cap.ts';
import { Rates } from './rates.ts';
import { Roster } from './roster.ts';
import { type Written, writeBatch, writeTrips } from './write.ts';

export type { Intake, IntakeDeps } from './contract.ts';

const STOP_WITHIN_MS = 8_000;
/** Trips whose records are folded anew between two batches: all their records are in memory then. */
const REFOLDED_AT_ONCE = 20;

/** The way of a report: decode → admit → track → commit → acknowledge → feed; errors leave to the quarantine. */
class Intaking implements Intake {
  readonly #deps: IntakeDeps;
  readonly #roster: Roster;
  readonly #lanes = new Lanes();
  readonly #size: BatchSize;
  readonly #metrics: IntakeMetrics;
  readonly #rates: Rates;
  readonly #cap: QuarantineCap;
  readonly #nowMs: () => number;
  readonly #announcer: Announcer;
  readonly #watch: Watch;
  #tasks: (() => Promise<void>)[] = [];
  /** The commit that is under way; false: it failed, and its batch was settled anew. */
  #committing: Promise<boolean> = Promise.resolve(true);
  #running: Promise<void> | undefined;
  #outage: string | undefined;
  #stopping = false;
  #giveUp = new AbortController();

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
    this.#roster = new Roster(deps.pool);
    this.#size = { ...DEFAULT_BATCH_SIZE, ...deps.batch };
    this.#nowMs = deps.nowMs ?? Date.now;
    this.#rates = new Rates(this.#nowMs);
    this.#metrics = intakeMetrics(deps.registry, {
      publishes: () => this.#lanes.publishes,
      records: () => this.#lanes.records,
      backfill: () => this.#lanes.backfillPublishes,
      trips: () => this.#roster.tripCount,
      ready: () => this.ready().length === 0,
    });
    this.#cap = new QuarantineCap(deps, (rows) => this.#metrics.evicted.inc(rows));
    this.#announcer = new Announcer(this.#roster, deps.log);
    const between: Between = {
      between: (task) => this.#between(task),
      commitTrips: (trips) => this.#commitTrips(trips),
    };
    this.#watch = new Watch(deps, this.#roster, between, this.#nowMs);
  }

  /**
   * State comes from the store alone (law 11): checkpoints, and the records since. With very many trips reports are
   * accepted before all are followed; one that reports before its turn is read when it does.
   */
  async start(): Promise<void> {
    await this.#cap.start();
    await this.#watch.start();
  }

  receive(lockId: string, payload: Buffer, done: (error?: Error) => void): void {
    if (this.#stopping) {
      done(new Error('the platform is stopping'));
      return;
    }
    const receivedMs = this.#nowMs();
    this.#metrics.publishes.inc();
    this.#lanes.add({ lockId, raw: payload, receivedMs, done, ...glance(payload) });
    this.#kick();
  }

  onCommitted(listener: (committed: Committed) => void): void {
    this.#announcer.add(listener);
  }

  async refreshTrips(tripIds: string[]): Promise<void> {
    for (let i = 0; i < tripIds.length; i += REFOLDED_AT_ONCE) {
      const some = tripIds.slice(i, i + REFOLDED_AT_ONCE);
      await this.#between(() => this.#refold(some));
    }
  }

  refreshPlaces(): Promise<void> {
    return this.#between(() => this.#roster.replan());
  }

  refreshLock(lockId: string): Promise<void> {
    return this.#between(async () => this.#roster.forgetLocks([lockId]));
  }

  checkLiveness(): Promise<void> {
    return this.#watch.look();
  }

  stats(): IntakeStats {
    return {
      ...this.#rates.read(),
      waitingPublishes: this.#lanes.publishes,
      waitingRecords: this.#lanes.records,
      trips: this.#roster.tripCount,
    };
  }

  ready(): string[] {
    if (this.#stopping) return ['stopping'];
    return this.#outage ? [`database: ${this.#outage}`] : [];
  }

  async stop(withinMs = STOP_WITHIN_MS): Promise<void> {
    this.#stopping = true;
    this.#watch.stop();
    const deadline = setTimeout(() => this.#giveUp.abort(), withinMs);
    this.#kick();
    const gaveUp = new Promise<void>((resolve) => this.#giveUp.signal.addEventListener('abort', () => resolve()));
    await Promise.race([this.#running, gaveUp]);
    clearTimeout(deadline);
    this.#giveUp.abort();
    for (const publish of this.#lanes.drop()) publish.done(new Error('the platform stopped'));
  }

  /** Runs a task between two batches, so that trips are never judged by two at once. */
  #between<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject));
      this.#kick();
    });
  }

  #kick(): void {
    this.#running ??= new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.#run())
      .finally(() => {
        this.#running = undefined;
        if (this.#hasWork()) this.#kick();
      });
  }

  #hasWork(): boolean {
    return !this.#giveUp.signal.aborted && (this.#tasks.length > 0 || this.#lanes.publishes > 0);
  }

  async #run(): Promise<void> {
    while (this.#hasWork()) {
      if (this.#tasks.length > 0) await this.#runTasks();
      const batch = this.#lanes.take(this.#size);
      if (batch.length > 0) await this.#follow(batch);
    }
    await this.#committing;
  }

  async #runTasks(): Promise<void> {
    const tasks = this.#tasks;
    this.#tasks = [];
    await this.#committing;
    for (const task of tasks) await task();
  }

  /**
   * Judges a batch while the one before it commits, and then commits it in turn. What was judged on top of a commit that
   * failed is forgotten and judged again.
   */
  async #follow(batch: Publish[]): Promise<void> {
    const before = this.#committing;
    let outcome: BatchOutcome;
    try {
      outcome = await this.#judge(batch, afterwards(before, this.#deps.pool));
    } catch (error) {
      await before;
      return this.#settleAfter(batch, error, 1);
    }
    if (!(await before)) {
      this.#forget(batch, outcome);
      return this.#settle(batch, 1);
    }
    const expected = this.#roster.expect(outcome);
    this.#committing = this.#commit(batch, expected, false).then(
      () => true,
      (error) => this.#settleAfter(batch, error, 1, expected).then(() => false),
    );
  }

  /** Commits a batch however long it takes, while nothing else is under way. */
  async #settle(batch: Publish[], attempt: number): Promise<void> {
    let expected: BatchOutcome | undefined;
    try {
      expected = this.#roster.expect(await this.#judge(batch, this.#deps.pool));
      await this.#commit(batch, expected, attempt > 1);
    } catch (error) {
      await this.#settleAfter(batch, error, attempt, expected);
    }
  }

  async #settleAfter(batch: Publish[], error: unknown, attempt: number, expected?: BatchOutcome): Promise<void> {
    // Whether it committed is not known: what memory says of these locks and trips counts no longer.
    this.#forget(batch, expected);
    if (this.#giveUp.signal.aborted) return this.#refuse(batch);
    // Once more first: a commit whose answer was lost looks like a breach of the identity.
    if (!isOutage(error) && attempt > 1) return this.#isolate(batch, error);
    await this.#waitOut(error, attempt);
    return this.#settle(batch, attempt + 1);
  }

  async #waitOut(error: unknown, attempt: number): Promise<void> {
    this.#metrics.retries.inc();
    this.#outage = error instanceof Error ? error.message : String(error);
    this.#deps.log.error({ err: error, attempt }, 'a batch could not be committed; it is tried again');
    await sleep(backOffMs(attempt), undefined, { signal: this.#giveUp.signal }).catch(() => undefined);
  }

  #refuse(batch: Publish[]): void {
    for (const publish of batch) publish.done(new Error('the platform stopped before the commit'));
  }

  /** Finds the publish that cannot be stored by halving, and puts it alone into quarantine (law 9). */
  async #isolate(batch: Publish[], error: unknown): Promise<void> {
    const [first] = batch;
    if (batch.length > 1 || !first) {
      const half = Math.ceil(batch.length / 2);
      await this.#settle(batch.slice(0, half), 1);
      await this.#settle(batch.slice(half), 1);
      return;
    }
    const detail = `payload: ${error instanceof Error ? error.message : String(error)}, expected a record that can be stored`;
    this.#deps.log.error({ err: error, lockId: first.lockId }, 'a publish can be neither judged nor stored');
    await this.#settle([{ ...first, refused: { reason: 'unstorable', detail, raw: first.raw } }], 1);
  }

  #forget(batch: Publish[], expected?: BatchOutcome): void {
    for (const { next } of expected?.trips ?? []) this.#roster.forgetTrip(next.plan.tripId);
    for (const publish of batch) {
      for (const { lockId, timeMs } of readPublish(publish).records) {
        const tripId = this.#roster.tripOf(lockId, timeMs);
        if (tripId) this.#roster.forgetTrip(tripId);
      }
    }
    this.#roster.forgetLocks(batch.map((publish) => publish.lockId));
    this.#watch.tripsForgotten();
  }

  async #judge(batch: Publish[], db: Queryable): Promise<BatchOutcome> {
    const end = this.#metrics.judge.startTimer();
    const outcome = await judgeBatch(db, this.#roster, batch);
    end();
    return outcome;
  }

  /** One transaction; then memory, then everyone who listens, then the locks learn of it. */
  async #commit(batch: Publish[], outcome: BatchOutcome, again: boolean): Promise<void> {
    const end = this.#metrics.commit.startTimer();
    const written = await writeBatch(this.#deps.pool, outcome, this.#nowMs());
    end();
    // The first try may have committed without our learning of it: tell all that stands, for nobody was told then.
    const tripIds = outcome.trips.map((trip) => trip.next.plan.tripId);
    const standing = again ? await activeAlarmsOfTrips(this.#deps.pool, tripIds) : [];
    this.#adoptTrips(outcome.trips, written);
    countBatch(this.#metrics, outcome, written, this.#nowMs());
    this.#rates.add(outcome.admitted.accepted);
    this.#announcer.tellBatch(outcome, { ...written, alarms: [...written.alarms, ...standing] });
    await this.#cap.keep(outcome.admitted.refusals.map(({ refusal }) => refusal.raw.length));
    this.#outage = undefined;
    for (const publish of batch) publish.done();
  }

  #adoptTrips(trips: TripOutcome[], written: Written): void {
    for (const { next } of trips) {
      const after = written.trips.get(next.plan.tripId);
      const checkpointMs = written.checkpoints.get(next.plan.tripId) ?? next.checkpointMs;
      const progress = written.progress.get(next.plan.tripId) ?? next.written;
      const settled = after ? { status: after.status, risk: after.risk } : {};
      this.#roster.keepTrip({ ...next, checkpointMs, written: progress, ...settled });
    }
    this.#roster.tidy();
  }

  async #refold(tripIds: string[]): Promise<void> {
    const refolds = await this.#roster.refold(tripIds);
    if (refolds.length === 0) return;
    const judged = refolds.map(({ next }) => next.plan.tripId);
    await inOneGo(this.#deps.pool, (db) => adoptRecords(db, judged));
    await this.#commitTrips(refolds.map((refold) => ({ ...refold, fromMs: 0, rejudged: true })));
  }

  async #commitTrips(trips: TripOutcome[]): Promise<void> {
    if (trips.length === 0) return;
    try {
      const written = await inTransaction(this.#deps.pool, (db) => writeTrips(db, trips, this.#nowMs()));
      this.#adoptTrips(trips, written);
      for (const { rule } of written.raised) this.#metrics.alarms.inc({ rule });
      this.#announcer.tellTrips(written, trips);
    } catch (error) {
      for (const { next } of trips) this.#roster.forgetTrip(next.plan.tripId);
      this.#watch.tripsForgotten();
      this.#deps.log.error({ err: error }, 'changes of trips could not be committed');
      throw error;
    }
  }
}

/** The store as it is once a commit has ended: memory expects it, so nothing may be read from before it. */
function afterwards(committed: Promise<unknown>, pool: Pool): Queryable {
  const query = async (...question: Parameters<Pool['query']>) => {
    await committed;
    return pool.query(...question);
  };
  return { query: query as Pool['query'] };
}

/** Starts the intake: reads open trips from the store, then accepts reports. Rejects while the store cannot be read. */
export async function startIntake(deps: IntakeDeps): Promise<Intake> {
  const intake = new Intaking(deps);
  await intake.start();
  return intake;
}
