import type { Alarm } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import PgBoss from 'pg-boss';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { Hints } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { changingSchema } from '../postgres/schema-lock.ts';
import { alarmOf, alarmsById } from '../store/alarms/alarms.ts';
import {
  endFreeze,
  frozenTrips,
  markCalled,
  type UnattendedRow,
  unattendedAlarms,
  unattendedForUpdate,
} from '../store/alarms/escalation.ts';
import { audit } from '../store/people/audit.ts';
import { announce } from '../store/webhooks/outbox.ts';
import { type Call, type CallTimes, nextCall } from './due.ts';

export interface EscalationDeps {
  pool: Pool;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
  hints: Pick<Hints, 'publish'>;
  /** What the sweep repeats besides, because a crash may have lost it. */
  repeat?: () => Promise<void>;
  times: CallTimes;
  registry?: Registry;
  /** How often due jobs are looked for, s; at least 0.5. Default 1. */
  lookEveryS?: number;
}

export interface Escalation {
  /** An alarm has changed; whoever is to be called for it will be. */
  watchAlarm(alarm: Alarm): void;
  /** A trip's time of quiet has changed. */
  watchTrip(tripId: string): void;
  /** Lets go of the jobs in hand; what is not done is done by the next start. */
  stop(): Promise<void>;
}

/** The jobs live in a schema of their own. It is in no backup: they follow from the alarms, and a start makes them anew. */
const SCHEMA = 'jobs';
const CALL = 'alarm-call';
const THAW = 'trip-thaw';
const SWEEP = 'alarm-sweep';
/** Alarms looked at in one round; the longest waiting first. */
const AT_ONCE = 1_000;
const STOP_WITHIN_MS = 3_000;
const QUEUE = { policy: 'short', retryLimit: 20, retryDelay: 5, expireInSeconds: 60 } as const;
const LOOK_EVERY_S = 1;
const JOBS_AT_ONCE = 20;

/**
 * Calls people when nobody takes an urgent alarm, by durable jobs. A job names an alarm or a trip and decides nothing:
 * what is due is read from the store when it runs, so that one too many does nothing. One too few is found by a sweep
 * every minute.
 */
class Escalating implements Escalation {
  readonly #deps: EscalationDeps;
  readonly #boss: PgBoss;
  readonly #calls: Counter<'call'>;
  /** Alarms that have had their job since the last sweep. */
  readonly #watched = new Set<string>();
  readonly #busy = new Set<Promise<unknown>>();
  #stopped = false;

  constructor(deps: EscalationDeps) {
    this.#deps = deps;
    this.#boss = new PgBoss({ schema: SCHEMA, db: { executeSql: (text, values) => this.#query(text, values) } });
    this.#boss.on('error', (error) => deps.log.warn({ err: error }, 'a job of the alarm process failed'));
    this.#calls = new Counter({
      name: 'sealwatch_alarm_calls_total',
      help: 'Reminders and escalations of alarms that nobody took',
      labelNames: ['call'],
      registers: deps.registry ? [deps.registry] : [],
    });
  }

  #started = false;

  /** pg-boss completes jobs without waiting for the answer: while the database is away, that must not end the process. */
  async #query(text: string, values: unknown[]): Promise<{ rows: unknown[] }> {
    try {
      return await this.#deps.pool.query(text, values);
    } catch (error) {
      if (!this.#started) throw error;
      if (!this.#stopped) this.#deps.log.warn({ err: error }, 'the jobs of the alarm process could not be reached');
      // Of a statement that changes jobs pg-boss reads a count, of one that fetches them a list.
      return { rows: /select count\(\*\) from results/i.test(text) ? [{ count: 0 }] : [] };
    }
  }

  async start(): Promise<void> {
    const boss = this.#boss;
    await changingSchema(this.#deps.pool, this.#deps.log, async () => {
      await boss.start();
      for (const name of [CALL, THAW, SWEEP]) await boss.createQueue(name, { name, ...QUEUE });
    });
    this.#started = true;
    const look = { pollingIntervalSeconds: this.#deps.lookEveryS ?? LOOK_EVERY_S, batchSize: JOBS_AT_ONCE };
    const work = async <T extends object>(name: string, handle: (data: T) => Promise<void>) =>
      boss.work<T>(name, look, (jobs) => this.#track(this.#each(jobs, handle)));
    await work<{ alarmId: string }>(CALL, ({ alarmId }) => this.#call(alarmId));
    await work<{ tripId: string }>(THAW, ({ tripId }) => this.#thaw(tripId));
    await work(SWEEP, () => this.#sweep());
    await boss.schedule(SWEEP, '* * * * *');
    await this.#sweep();
  }

  async #each<T extends object>(jobs: PgBoss.Job<T>[], handle: (data: T) => Promise<void>): Promise<void> {
    for (const job of jobs) await handle(job.data);
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#busy.add(work);
    const done = () => void this.#busy.delete(work);
    work.then(done, done);
    return work;
  }

  #aside(work: Promise<unknown>): void {
    this.#track(work).catch((error) =>
      this.#deps.log.warn({ err: error }, 'an alarm is watched a little later: the sweep finds it'),
    );
  }

  watchAlarm(alarm: Alarm): void {
    const { alarmId, active, severity, state, remindedAt } = alarm;
    const waits = active && severity === 'critical' && (state === 'open' || state === 'returned');
    if (this.#stopped || !waits || remindedAt !== undefined || this.#watched.has(alarmId)) return;
    this.#watched.add(alarmId);
    const watched = this.#schedule({ alarmIds: [alarmId], limit: 1 });
    watched.catch(() => this.#watched.delete(alarmId));
    this.#aside(watched);
  }

  watchTrip(tripId: string): void {
    if (!this.#stopped) this.#aside(this.#scheduleTrip(tripId));
  }

  async #scheduleTrip(tripId: string): Promise<void> {
    for (const { frozen_until: until } of await frozenTrips(this.#deps.pool, tripId)) {
      await this.#insert([jobOf(THAW, { tripId }, tripId, until.getTime())], this.#deps.pool);
    }
    await this.#schedule({ tripId, limit: AT_ONCE });
  }

  async #schedule(of: Parameters<typeof unattendedAlarms>[1], db: Queryable = this.#deps.pool): Promise<void> {
    const jobs = (await unattendedAlarms(db, of)).flatMap((row) => {
      const next = this.#next(row);
      return next === undefined ? [] : [jobOf(CALL, { alarmId: row.alarm_id }, row.alarm_id, next.atMs)];
    });
    await this.#insert(jobs, db);
  }

  async #insert(jobs: PgBoss.JobInsert[], db: Queryable): Promise<void> {
    if (jobs.length === 0) return;
    await this.#boss.insert(jobs, { db: { executeSql: (text, values) => db.query(text, values) } });
  }

  async #sweep(): Promise<void> {
    this.#watched.clear();
    await this.#schedule({ limit: AT_ONCE });
    const thaws = (await frozenTrips(this.#deps.pool)).map(({ trip_id: tripId, frozen_until: until }) =>
      jobOf(THAW, { tripId }, tripId, until.getTime()),
    );
    await this.#insert(thaws, this.#deps.pool);
    await this.#deps.repeat?.();
  }

  #next(row: UnattendedRow): Call | undefined {
    const alarm = {
      active: true,
      acknowledged: false,
      urgentAtMs: row.urgent_at.getTime(),
      remindedAtMs: row.reminded_at?.getTime(),
      frozenUntilMs: row.frozen_until?.getTime(),
    };
    return nextCall(alarm, this.#deps.times);
  }

  /** Calls people for an alarm where that is due: the mark, the event, the audit and the next job in one transaction. */
  async #call(alarmId: string): Promise<void> {
    const now = new Date();
    const called = await inTransaction(this.#deps.pool, async (db) => {
      const row = await unattendedForUpdate(db, alarmId);
      const due = row && this.#next(row);
      if (row === undefined || due === undefined) return undefined;
      if (due.atMs <= now.getTime()) await record(db, alarmId, due.call, now);
      await this.#schedule({ alarmIds: [alarmId], limit: 1 }, db);
      return due.atMs <= now.getTime() ? { call: due.call, tripId: row.trip_id } : undefined;
    });
    if (called === undefined) return;
    this.#calls.inc({ call: called.call });
    const tripIds = called.tripId === null ? [] : [called.tripId];
    await this.#deps.hints.publish({ hint: 'changed', alarmIds: [alarmId], tripIds });
  }

  /** Ends a time of quiet that is over; calls that waited for it are due now. */
  async #thaw(tripId: string): Promise<void> {
    const ended = await inTransaction(this.#deps.pool, async (db) => {
      const was = await endFreeze(db, tripId, new Date());
      if (was === undefined) return false;
      const entry = { actor: 'platform', action: 'trip.freeze-ended', subject: `trip:${tripId}` };
      await audit(db, { ...entry, before: { frozen: was }, after: { frozen: null } });
      await this.#schedule({ tripId, limit: AT_ONCE }, db);
      return true;
    });
    if (ended) await this.#deps.hints.publish({ hint: 'changed', tripIds: [tripId] });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#boss.stop({ graceful: true, timeout: STOP_WITHIN_MS });
    await Promise.allSettled([...this.#busy]);
  }
}

/** At most one such job waits for the same thing and time. */
function jobOf(name: string, data: object, about: string, atMs: number): PgBoss.JobInsert {
  return { name, data, startAfter: new Date(atMs).toISOString(), singletonKey: `${about} ${atMs}` };
}

async function record(db: Queryable, alarmId: string, call: Call['call'], at: Date): Promise<void> {
  const [before] = await alarmsById(db, [alarmId]);
  await markCalled(db, alarmId, call, at);
  const [after] = await alarmsById(db, [alarmId]);
  if (before === undefined || after === undefined) return;
  const type = call === 'remind' ? 'alarm.reminded' : 'alarm.escalated';
  await announce(db, { type, tripId: after.trip_id ?? undefined, data: alarmOf(after) });
  const { remindedAt, escalatedAt } = alarmOf(after);
  await audit(db, {
    actor: 'platform',
    action: `alarm.${call}`,
    subject: `alarm:${alarmId}`,
    before: { state: alarmOf(before).state, remindedAt: alarmOf(before).remindedAt },
    after: { state: alarmOf(after).state, remindedAt, escalatedAt },
  });
}

/** Starts the calls of the alarm process. @throws where the store cannot be reached or its schema not be made */
export async function startEscalation(deps: EscalationDeps): Promise<Escalation> {
  const escalation = new Escalating(deps);
  try {
    await escalation.start();
    return escalation;
  } catch (error) {
    // its timers would keep the process
    await escalation.stop().catch(() => undefined);
    throw error;
  }
}
