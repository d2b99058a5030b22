import type { Alarm, Trip } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { alarmOf, alarmsById } from '../store/alarms/alarms.ts';
import { wallLocks } from '../store/locks/locks.ts';
import { tripsById } from '../store/trips/trips.ts';
import { tripOf } from '../store/trips/view.ts';

/** Receives the stored state of what has changed. */
export interface ChangeReceiver {
  locks(rows: Awaited<ReturnType<typeof wallLocks>>): void;
  trip(trip: Trip): void;
  alarm(alarm: Alarm): void;
}

/** Progress is read again at most once a second and trip, some 100 trips a second in all up to a fleet of 3,000. */
const progressEveryMs = (trips: number) => Math.min(30_000, Math.max(1_000, trips * 10));
const PROGRESS_AT_ONCE = 100;
/** After a read others come together for so long, so that of many changes few reads are made. An alarm ends the wait. */
const GATHER_MS = 25;
/** Trips with nothing but progress are read so many at a time, so that an alarm waits for few of them. */
const PROGRESS_IN_A_READ = 20;

/** Changes in the store that are not published yet. They are read one read at a time and published in that order. */
export class Changes {
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #receiver: ChangeReceiver;
  readonly #trips = new Set<string>();
  readonly #alarms = new Set<string>();
  readonly #locks = new Set<string>();
  /** Alarms that late records disproved: the store has them no more. */
  readonly #withdrawn = new Map<string, Alarm>();
  /** Trips with new progress, and when it is their turn. */
  readonly #progress = new Map<string, number>();
  /** Trips that are due; read while nothing urgent waits. */
  readonly #due = new Set<string>();
  readonly #tripSentMs = new Map<string, number>();
  #reading: Promise<void> | undefined;
  #hurry: () => void = () => undefined;
  #closed = false;

  constructor({ pool, log }: { pool: Pool; log: Logger }, receiver: ChangeReceiver) {
    this.#pool = pool;
    this.#log = log;
    this.#receiver = receiver;
  }

  lock(lockId: string): void {
    this.#locks.add(lockId);
  }

  trip(tripId: string): void {
    this.#trips.add(tripId);
  }

  /** @param withdrawn how it was last, where the store may have it no more */
  alarm(alarmId: string, withdrawn?: Alarm): void {
    this.#alarms.add(alarmId);
    if (withdrawn) this.#withdrawn.set(alarmId, withdrawn);
    this.#hurry();
  }

  /** @param trips how many stand on the wall: the more, the less often each is read */
  progress(tripIds: Iterable<string>, trips: number): void {
    const everyMs = progressEveryMs(trips);
    for (const tripId of tripIds) {
      if (!this.#progress.has(tripId)) this.#progress.set(tripId, (this.#tripSentMs.get(tripId) ?? 0) + everyMs);
    }
  }

  /** @param stays whether it may make progress still */
  tripSent(tripId: string, stays: boolean): void {
    this.#progress.delete(tripId);
    if (stays) this.#tripSentMs.set(tripId, Date.now());
    else this.#tripSentMs.delete(tripId);
  }

  /** Called at each tick: those whose turn has come are read, and what could not be read before. */
  tick(nowMs: number): void {
    let left = PROGRESS_AT_ONCE;
    for (const [tripId, dueMs] of this.#progress) {
      if (left === 0) break;
      if (dueMs > nowMs) continue;
      this.#due.add(tripId);
      left--;
    }
    if (this.#areThere()) void this.flush();
  }

  /** One reader at a time, so that what was read later is also published later. */
  flush(): Promise<void> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Resolves when all changes noted so far have been published. */
  async settled(): Promise<void> {
    while (this.#areThere()) await this.flush();
    await this.#reading;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading;
  }

  #areUrgent(): boolean {
    return this.#trips.size + this.#alarms.size + this.#locks.size > 0;
  }

  #areThere(): boolean {
    return this.#areUrgent() || this.#due.size > 0;
  }

  async #readAll(): Promise<void> {
    // Let what was noted in the same turn of the loop come together in one query.
    await Promise.resolve();
    try {
      while (!this.#closed && this.#areThere()) {
        if (this.#areUrgent()) await this.#read(take(this.#locks), take(this.#trips), take(this.#alarms));
        else await this.#read([], take(this.#due, PROGRESS_IN_A_READ), []);
        await this.#gather();
      }
    } catch (error) {
      if (!this.#closed) this.#log.warn({ err: error }, 'the live feed could not read the store; it tries again');
    }
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #read(lockIds: string[], tripIds: string[], alarmIds: string[]): Promise<void> {
    try {
      const [locks, trips, alarmRows] = await Promise.all([
        lockIds.length === 0 ? [] : wallLocks(this.#pool, lockIds),
        tripIds.length === 0 ? [] : tripsById(this.#pool, tripIds),
        alarmIds.length === 0 ? [] : alarmsById(this.#pool, alarmIds),
      ]);
      const alarms = alarmRows.map(alarmOf);
      if (locks.length > 0) this.#receiver.locks(locks);
      for (const trip of trips) this.#receiver.trip(tripOf(trip));
      for (const alarm of alarms) this.#receiver.alarm(alarm);
      for (const alarmId of alarmIds) {
        const gone = alarms.some((alarm) => alarm.alarmId === alarmId) ? undefined : this.#withdrawn.get(alarmId);
        this.#withdrawn.delete(alarmId);
        if (gone !== undefined) this.#receiver.alarm(gone);
      }
    } catch (error) {
      // Nothing noted is lost: the next tick reads it again.
      for (const id of lockIds) this.#locks.add(id);
      for (const id of tripIds) this.#trips.add(id);
      for (const id of alarmIds) this.#alarms.add(id);
      throw error;
    }
  }
}

function take(ids: Set<string>, most = Number.POSITIVE_INFINITY): string[] {
  const taken = [...ids].slice(0, most);
  for (const id of taken) ids.delete(id);
  return taken;
}
