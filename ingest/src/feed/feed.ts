import type { Server as HttpServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alarm, FeedPassage, FeedStats } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { KeyGuesses } from '../people/key-guesses.ts';
import type { AccessOptions } from '../people/principal.ts';
import type { Committed, HintOf, Hints, Live } from '../ports.ts';
import { problemOf } from '../problem.ts';
import { clientAddress, type TrustProxy } from '../trust-proxy.ts';
import { admit, type FeedServer, feedServer, keyOf } from './admission.ts';
import { type ChangeReceiver, Changes } from './changes.ts';
import { FeedClient, type FeedSocket } from './client.ts';
import { followRequests } from './requests.ts';
import { statsOf } from './stats.ts';
import { Throughput } from './throughput.ts';
import { Wall } from './wall.ts';

export interface FeedConfig extends AccessOptions {
  /** Changes with every build; screens made by another build reload themselves. */
  build?: string;
  /** Which proxies before the platform are believed; absent: none. */
  trustProxy?: TrustProxy | undefined;
  /** Positions are sent this often, ms. */
  tickMs?: number;
  statsMs?: number;
}

export interface FeedDeps {
  pool: Pool;
  log: Logger;
  /** Why the platform takes no reports now; empty: it does. */
  ready(): string[];
  /** What is wrong while reports are accepted. */
  warnings?(): string[];
  /** What the intake commits. */
  live: Pick<Live, 'follow'>;
  /** What else has changed in the store: it is read from there. */
  hints: Pick<Hints, 'on' | 'onGap'>;
  /** Counts keys that nobody has; absent: nobody does. */
  keyGuesses?: KeyGuesses;
  config: FeedConfig;
}

export interface Feed {
  /** Puts the live feed on the platform's HTTP server. */
  attach(server: HttpServer): void;
  /** Called with the stored state of every alarm that has changed, whoever changed it. */
  onAlarm(listener: (alarm: Alarm) => void): void;
  /** How often the wall was loaded anew, because changes were missed. */
  readonly reloads: number;
  /** Resolves when all changes noted so far have been read and sent. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

const TICK_MS = 500;
const HURRY_MS = 20;
const STATS_MS = 1_000;
const ACCESS_CHECK_MS = 15_000;
const RELOAD_AGAIN_MS = 1_000;

class LiveFeed implements Feed {
  readonly #deps: FeedDeps;
  #wall = new Wall();
  readonly #io: FeedServer;
  readonly #throughput = new Throughput();
  readonly #clients = new Map<string, FeedClient>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #changes: Changes;
  readonly #alarmListeners: ((alarm: Alarm) => void)[] = [];
  #hurrying: NodeJS.Timeout | undefined;
  #closed = false;
  #started = false;
  /** Changes were missed, and the wall is not loaded since. */
  #missed = false;
  #reloading: Promise<void> | undefined;
  /** How often the wall was loaded anew. */
  reloads = 0;
  /** Changes that came before the wall was loaded, or while it is loaded again; undefined otherwise. */
  #waiting: (() => Promise<void> | void)[] | undefined = [];

  constructor(deps: FeedDeps) {
    this.#deps = deps;
    this.#io = feedServer(deps.config.trustProxy);
    this.#changes = new Changes(deps, {
      locks: (rows) => this.#sendLocks(rows),
      trip: (trip) => this.#sendTrip(trip),
      alarm: (alarm) => this.#sendAlarm(alarm),
    });
    const live = this.#io.of('/live');
    live.use((socket, next) => {
      this.#admit(socket as FeedSocket).then(
        () => next(),
        (error) => next(problemOf(error)),
      );
    });
    live.on('connection', (socket) => this.#welcome(socket as FeedSocket));
  }

  /**
   * Follows first and loads the wall afterwards: what is committed before the binding is in the load, what is committed
   * after it waits and is applied on top, so that no change between the two is lost.
   */
  async start(): Promise<void> {
    const { pool, live, hints } = this.#deps;
    await live.follow(
      (committed) => this.#apply(() => this.#committed(committed)),
      () => this.#reload(),
    );
    hints.onGap(() => this.#reload());
    hints.on('changed', (hint) => this.#apply(() => this.#changed(hint)));
    hints.on('access', () => this.#checkAccess());
    hints.on('passage', ({ passage, office }) => this.#apply(() => this.#passage(passage, office)));
    await this.#wall.load(pool);
    await this.#applyWaiting();
    this.#started = true;
    if (this.#missed) this.#reload();
    this.#every(this.#deps.config.tickMs ?? TICK_MS, () => this.#tick());
    this.#every(this.#deps.config.statsMs ?? STATS_MS, () => this.#sendStats());
    this.#every(ACCESS_CHECK_MS, () => void this.#checkAccess());
  }

  async #applyWaiting(): Promise<void> {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const change of waiting) await change();
  }

  /** Something was missed: the wall is loaded anew, and every screen begins anew with it. */
  #reload(): void {
    this.#missed = true;
    if (!this.#started || this.#reloading !== undefined) return;
    this.#reloading = this.#reloadAll().finally(() => {
      this.#reloading = undefined;
    });
  }

  async #reloadAll(): Promise<void> {
    const { pool, log } = this.#deps;
    while (this.#missed && !this.#closed) {
      this.#missed = false;
      try {
        // What is being read is older than the load, and is sent before it.
        await this.#changes.flush();
        this.#waiting = [];
        const wall = new Wall();
        await wall.load(pool);
        this.#wall = wall;
        this.reloads++;
      } catch (error) {
        this.#missed = true;
        log.warn({ err: error }, 'the wall could not be loaded anew; again soon');
        await sleep(RELOAD_AGAIN_MS);
        continue;
      }
      if (this.#closed) return;
      for (const client of this.#clients.values()) this.#begin(client);
      await this.#applyWaiting();
    }
    await this.#applyWaiting();
  }

  #begin(client: FeedClient): void {
    client.show(this.#wall);
    client.snapshot({ build: this.#deps.config.build ?? 'dev', stats: this.#stats(client.offices) });
  }

  #every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    timer.unref();
    this.#timers.push(timer);
  }

  attach(server: HttpServer): void {
    this.#io.attach(server);
  }

  #admit(socket: FeedSocket): Promise<void> {
    const { pool, keyGuesses, config } = this.#deps;
    const check = () => admit(pool, socket, config);
    return keyGuesses?.attempt(keyOf(socket), clientAddress(socket.request, config.trustProxy), check) ?? check();
  }

  #welcome(socket: FeedSocket): void {
    const client = new FeedClient(socket, this.#wall);
    this.#clients.set(socket.id, client);
    socket.on('disconnect', () => void this.#clients.delete(socket.id));
    followRequests(client, () => this.#begin(client));
  }

  /**
   * A session that has ended, or a key that was revoked, ends its screens too. Whose role or offices have changed begins
   * anew, with what it may see now.
   */
  async #checkAccess(): Promise<void> {
    for (const { socket } of [...this.#clients.values()]) {
      const { role, offices } = socket.data.caller;
      try {
        await this.#admit(socket);
        const now = socket.data.caller;
        if (now.role !== role || String(now.offices) !== String(offices)) socket.disconnect(true);
      } catch (error) {
        if (problemOf(error).statusCode < 500) socket.disconnect(true);
      }
    }
  }

  #apply(change: () => Promise<void> | void): Promise<void> | void {
    if (this.#closed) return;
    if (this.#waiting === undefined) return change();
    this.#waiting.push(change);
  }

  #committed({ reports, alarms, tripIds, inheriting = [] }: Committed): void {
    const changed = new Set<number>();
    const nowMs = Date.now();
    this.#throughput.count(reports.length);
    for (const { report, lockId, tripId, wallStatus } of reports) {
      if (report.kind === 'live') this.#throughput.late(nowMs - report.timeMs);
      const lock = this.#wall.locks.get(lockId);
      if (lock === undefined) this.#changes.lock(lockId);
      const index = this.#wall.locks.see(lockId, report);
      if (index !== undefined) changed.add(index);
      if (lock !== undefined && lock.tripId === tripId && tripId !== undefined && lock.status !== wallStatus) {
        lock.status = wallStatus;
        changed.add(lock.index);
      }
    }
    this.#sendChanged(changed);
    for (const alarm of alarms) {
      this.#changes.alarm(alarm.alarmId, alarm.active ? undefined : alarm);
      if (alarm.tripId !== undefined) this.#changes.trip(alarm.tripId);
    }
    for (const tripId of inheriting) this.#changes.trip(tripId);
    this.#changes.progress(tripIds, this.#wall.trips.size);
    void this.#changes.flush();
  }

  /** Resolves when the screens know the locks; trips and alarms are read and sent meanwhile. */
  #changed({ tripIds = [], alarmIds = [], lockIds = [] }: HintOf<'changed'>): Promise<void> | void {
    for (const tripId of tripIds) this.#changes.trip(tripId);
    for (const alarmId of alarmIds) this.#changes.alarm(alarmId);
    for (const lockId of lockIds) this.#changes.lock(lockId);
    const flushed = this.#changes.flush();
    if (lockIds.length > 0) return flushed;
  }

  onAlarm(listener: (alarm: Alarm) => void): void {
    this.#alarmListeners.push(listener);
  }

  #passage(passage: FeedPassage, office?: string): void {
    this.#wall.putPassage({ passage, office });
    const trip = passage.tripId === undefined ? undefined : this.#wall.trips.get(passage.tripId);
    for (const client of this.#clients.values()) client.passage(passage, { trip, office });
  }

  #sendChanged(indices: Iterable<number>): void {
    const list = [...indices];
    if (list.length > 0) for (const client of this.#clients.values()) client.changed(list);
  }

  #sendLocks(rows: Parameters<ChangeReceiver['locks']>[0]): void {
    const told = rows
      .filter((row) => this.#wall.locks.put(row))
      .flatMap((row) => this.#wall.locks.get(row.lock_id) ?? []);
    for (const client of this.#clients.values()) client.locks(told);
    this.#sendChanged(rows.flatMap((row) => this.#wall.locks.get(row.lock_id)?.index ?? []));
  }

  #sendTrip(trip: Parameters<Wall['putTrip']>[0]): void {
    const { changed, moved } = this.#wall.putTrip(trip);
    this.#changes.tripSent(trip.tripId, this.#wall.trips.has(trip.tripId));
    for (const client of this.#clients.values()) {
      client.locks(moved);
      client.trip(trip);
    }
    this.#sendChanged([...changed, ...moved.map((lock) => lock.index)]);
    if (changed.length > 0) this.#hurry();
  }

  /** A change of colour does not wait for the tick; a short while gathers those that come together. */
  #hurry(): void {
    this.#hurrying ??= setTimeout(() => {
      this.#hurrying = undefined;
      for (const client of this.#clients.values()) client.tick(Date.now());
    }, HURRY_MS);
  }

  #sendAlarm(alarm: Alarm): void {
    this.#wall.putAlarm(alarm);
    for (const listener of this.#alarmListeners) listener(alarm);
    const trip = alarm.tripId === undefined ? undefined : this.#wall.trips.get(alarm.tripId);
    for (const client of this.#clients.values()) client.alarm(alarm, trip);
  }

  #tick(): void {
    const nowMs = Date.now();
    this.#changes.tick(nowMs);
    for (const client of this.#clients.values()) client.tick(nowMs);
  }

  #stats(offices: string[] | null): FeedStats {
    return { ...statsOf(this.#wall, offices), ...this.#throughput.stats };
  }

  #health(): { ready: boolean; reasons: string[] } {
    const reasons = this.#deps.ready();
    return { ready: reasons.length === 0, reasons: [...reasons, ...(this.#deps.warnings?.() ?? [])] };
  }

  /** A session or key that ends by itself ends its screens too. */
  #endExpired(nowMs: number): void {
    for (const { socket } of [...this.#clients.values()]) {
      const { untilMs } = socket.data.caller;
      if (untilMs !== undefined && untilMs <= nowMs) socket.disconnect(true);
    }
  }

  #sendStats(): void {
    this.#endExpired(Date.now());
    this.#throughput.measure((this.#deps.config.statsMs ?? STATS_MS) / 1_000);
    const health = this.#health();
    const rest = { serverTime: new Date().toISOString(), health };
    const all = this.#stats(null);
    for (const client of this.#clients.values()) {
      client.stats({ stats: client.offices === null ? all : this.#stats(client.offices), ...rest });
    }
    this.#throughput.sent();
    if (health.ready) this.#wall.countArrivals(this.#deps.pool).catch(() => undefined);
  }

  async settled(): Promise<void> {
    await this.#reloading;
    await this.#changes.settled();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#hurrying);
    for (const timer of this.#timers) clearInterval(timer);
    this.#io.of('/live').disconnectSockets(true);
    this.#io.engine?.close();
    await this.#changes.close();
    await this.#reloading;
  }
}

/** The live feed (contract §5); its first state is read from the store. */
export async function startFeed(deps: FeedDeps): Promise<Feed> {
  const feed = new LiveFeed(deps);
  await feed.start();
  return feed;
}
