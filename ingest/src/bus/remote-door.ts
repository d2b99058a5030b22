import { type Directory, type ReportDoor, StoppingError } from '../ports.ts';
import { peek } from '../record/decode.ts';
import { boundSoon } from './bound.ts';
import type { Bus, SendResult } from './bus.ts';
import { type Entry, type Lane, Line } from './lines.ts';
import { type LoadSlots, LockSlots } from './lock-slots.ts';
import { type AnswerTo, fitsInFrame, frameBytesOf, readAnswers, writeReports } from './report-frames.ts';

/** Bytes on their way to one worker (law 8: late ones have a window of their own). */
const WINDOW_BYTES: Record<Lane, number> = { live: 4 * 2 ** 20, late: 2 ** 20 };
const FLUSH_AFTER_MS = 2;
const FRAME_PUBLISHES = 200;
const FRAME_BYTES = 2 ** 20;
const ANSWER_WITHIN_MS = 5_000;
/** Before one that took nothing is asked again; the directory is as old at most. */
const AGAIN_AFTER_MS = 300;
const MOVED_AGAIN_AFTER_MS = 50;
/** A lock has so many unanswered at most, over all its connections: a gateway allows 64 to each. */
const MOST_OF_A_LOCK = 256;

export interface RemoteDoorDeps {
  bus: Bus;
  directory: Directory;
  slotsOf: LoadSlots;
  log: { warn(fields: object, text: string): void };
  nowMs?: () => number;
  /** After so long without an answer a publish is sent again, ms. Default 5,000. */
  answerWithinMs?: number | undefined;
}

interface Worker {
  flight: Record<Lane, number>;
  ready: Record<Lane, Set<Line>>;
  /** Nothing is sent before, by `performance.now()`. */
  pausedUntilMs: number;
}

/**
 * The door of a gateway to the workers of other processes: each publish goes to the owner of its lock's slot, is kept until that
 * one has stored it, and is sent again, in order for each lock, when the owner changes, refuses, is not there or does not answer,
 * or the connection was lost. Copies fall to the identity of their records (lock, boot, seq).
 */
export class RemoteDoor implements ReportDoor {
  readonly #deps: RemoteDoorDeps;
  readonly #slots: LockSlots;
  readonly #lines = new Map<string, Line>();
  readonly #byId = new Map<number, { line: Line; entry: Entry }>();
  readonly #workers = new Map<number, Worker>();
  /** Of slots that nobody owns. */
  readonly #unowned = new Set<Line>();
  readonly #answerWithinMs: number;
  #lastId = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  #flushesNow = false;
  #unsent = { publishes: 0, bytes: 0 };
  #checkTimer: NodeJS.Timeout | undefined;
  #stopping = false;
  #onEmpty: () => void = () => undefined;
  /** Publishes since the start. */
  readonly counts = { sent: 0, resent: 0, moved: 0, returned: 0 };

  private constructor(deps: RemoteDoorDeps) {
    this.#deps = deps;
    this.#slots = new LockSlots(deps.slotsOf);
    this.#answerWithinMs = deps.answerWithinMs ?? ANSWER_WITHIN_MS;
  }

  /** Resolves once answers are heard; while the bus is away after 5 s. */
  static async open(deps: RemoteDoorDeps): Promise<RemoteDoor> {
    const door = new RemoteDoor(deps);
    const { bus, directory } = deps;
    directory.onChanged((slots) => door.#ownersChanged(new Set(slots)));
    bus.onGap(() => door.#sendAllAgain());
    await boundSoon(
      bus.onMessage('answers', (from, body) => door.#answered(from, body)),
      () => door.#sendAllAgain(),
    );
    door.#checkTimer = setInterval(() => door.#check(), Math.min(1_000, door.#answerWithinMs / 2)).unref();
    return door;
  }

  /** Publishes that wait for their turn to be sent, and that are on their way. */
  get waiting(): { unsent: number; inFlight: number } {
    let inFlight = 0;
    for (const { entry } of this.#byId.values()) if (entry.sentTo !== undefined) inFlight++;
    return { unsent: this.#byId.size - inFlight, inFlight };
  }

  ready(): string[] {
    return this.#stopping ? ['stopping'] : this.#deps.bus.ready();
  }

  receive: ReportDoor['receive'] = (lockId, payload, done, receivedMs = this.#nowMs()) => {
    if (this.#stopping) return done(new StoppingError('the platform is stopping'));
    if (!fitsInFrame({ lockId, payload })) return done(new Error('a publish that fits in no message'));
    const line = this.#lines.get(lockId) ?? new Line(lockId);
    if (line.size >= MOST_OF_A_LOCK) return done(new Error('too many publishes of the lock are not stored yet'));
    this.#lines.set(lockId, line);
    const lane = peek(payload).backfilled ? 'late' : 'live';
    const bytes = frameBytesOf({ lockId, payload });
    const unsent = { sentTo: undefined, sentMs: 0, asked: [] };
    const entry: Entry = { id: this.#nextId(), lockId, receivedMs, payload, lane, bytes, done, ...unsent };
    line.add(entry);
    this.#byId.set(entry.id, { line, entry });
    this.#queue(line);
  };

  /** Another member's connection stands again: what was sent to it may be lost. */
  back(memberId: number): void {
    for (const line of this.#lines.values()) {
      if (line.entries().some((entry) => entry.sentTo === memberId)) this.#sendAgain(line);
    }
  }

  /** Waits for answers, for so long at most; what is left is not acknowledged. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#byId.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    clearInterval(this.#checkTimer);
    clearTimeout(this.#flushTimer);
    const left = [...this.#byId.values()];
    this.#byId.clear();
    this.#lines.clear();
    this.#workers.clear();
    this.#unowned.clear();
    for (const { entry } of left) entry.done(new StoppingError('the platform stopped'));
  }

  #nowMs(): number {
    return this.#deps.nowMs?.() ?? Date.now();
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#byId.has(this.#lastId));
    return this.#lastId;
  }

  #worker(memberId: number): Worker {
    const known = this.#workers.get(memberId);
    if (known !== undefined) return known;
    const ready = { live: new Set<Line>(), late: new Set<Line>() };
    const worker: Worker = { flight: { live: 0, late: 0 }, ready, pausedUntilMs: 0 };
    this.#workers.set(memberId, worker);
    return worker;
  }

  /** Puts a line where its next publish waits for its turn: one lock is in one lane at a time. */
  #queue(line: Line): void {
    line.waitsIn?.delete(line);
    line.waitsIn = undefined;
    const next = line.next();
    if (next === undefined || !line.isLocated) return;
    const slot = this.#slots.get(line.lockId);
    if (slot === undefined) {
      this.#locate(line, 0);
      return;
    }
    const owner = this.#deps.directory.ownerOf(slot);
    line.waitsIn = owner === undefined ? this.#unowned : this.#worker(owner).ready[next.lane];
    line.waitsIn.add(line);
    if (owner !== undefined) this.#wake(next);
  }

  #locate(line: Line, afterMs: number): void {
    line.isLocated = false;
    const load = async () => {
      await this.#slots.load(line.lockId);
      line.isLocated = true;
      this.#queue(line);
    };
    const start = () =>
      void load().catch((error) => {
        this.#deps.log.warn({ err: error, lockId: line.lockId }, 'whose lock it is could not be read; again soon');
        if (this.#lines.get(line.lockId) === line) this.#locate(line, AGAIN_AFTER_MS);
      });
    if (afterMs > 0) setTimeout(start, afterMs).unref();
    else start();
  }

  #wake({ bytes }: { bytes: number }): void {
    this.#unsent.publishes++;
    this.#unsent.bytes += bytes;
    if (this.#flushesNow || this.#stopped()) return;
    if (this.#unsent.publishes >= FRAME_PUBLISHES || this.#unsent.bytes >= FRAME_BYTES) {
      this.#flushesNow = true;
      setImmediate(() => this.#flush());
    } else this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_AFTER_MS);
  }

  #stopped(): boolean {
    return this.#stopping && this.#byId.size === 0;
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#flushesNow = false;
    this.#unsent = { publishes: 0, bytes: 0 };
    const nowMs = performance.now();
    for (const [memberId, worker] of this.#workers) {
      if (worker.pausedUntilMs > nowMs) continue;
      const turn: Entry[] = [];
      for (const lane of ['live', 'late'] as const) this.#take(memberId, worker, lane, turn);
      for (const frame of framesOf(turn)) this.#send(memberId, frame);
    }
  }

  /** Live before late, each within its window. */
  #take(memberId: number, { flight, ready }: Worker, lane: Lane, turn: Entry[]): void {
    for (const line of ready[lane]) {
      if (flight[lane] >= WINDOW_BYTES[lane]) return;
      ready[lane].delete(line);
      line.waitsIn = undefined;
      let next = line.next();
      while (next !== undefined && next.lane === lane && flight[lane] < WINDOW_BYTES[lane]) {
        flight[lane] += next.bytes;
        next.sentTo = memberId;
        next.sentMs = performance.now();
        this.counts.sent++;
        if (next.asked.length > 0) this.counts.resent++;
        if (!next.asked.includes(memberId)) next.asked.push(memberId);
        turn.push(next);
        next = line.next();
      }
      if (next !== undefined) this.#queue(line);
    }
  }

  #send(memberId: number, entries: Entry[]): void {
    const sentMs = entries.map((entry) => entry.sentMs);
    const lost = (result: SendResult) => {
      if (result === 'sent') return;
      this.counts.returned += entries.length;
      this.#pause(memberId);
      if (result === 'nobody') void this.#deps.directory.look();
      const isStill = (entry: Entry, i: number) => entry.sentTo === memberId && entry.sentMs === sentMs[i];
      this.#sendLinesAgain(entries.filter(isStill));
    };
    this.#deps.bus.send('reports', memberId, writeReports(entries)).then(lost, (error) => {
      this.#deps.log.warn({ err: error, to: memberId }, 'publishes could not be sent; again soon');
      lost('unknown');
    });
  }

  #pause(memberId: number): void {
    const worker = this.#worker(memberId);
    worker.pausedUntilMs = performance.now() + AGAIN_AFTER_MS;
    setTimeout(() => this.#flush(), AGAIN_AFTER_MS + 1).unref();
  }

  #sendLinesAgain(entries: readonly Entry[]): void {
    const lines = new Set(entries.flatMap(({ id }) => this.#byId.get(id)?.line ?? []));
    for (const line of lines) this.#sendAgain(line);
  }

  /** In order from the first that is not answered. */
  #sendAgain(line: Line): void {
    for (const { to, entry } of line.takeBack()) this.#worker(to).flight[entry.lane] -= entry.bytes;
    this.#queue(line);
  }

  #sendAllAgain(): void {
    for (const worker of this.#workers.values()) worker.pausedUntilMs = 0;
    for (const line of this.#lines.values()) this.#sendAgain(line);
    void this.#deps.directory.look();
  }

  #ownersChanged(slots: ReadonlySet<number>): void {
    const { directory } = this.#deps;
    for (const line of this.#lines.values()) {
      const slot = this.#slots.get(line.lockId);
      if (slot === undefined || !slots.has(slot)) continue;
      const owner = directory.ownerOf(slot);
      const isElsewhere = line.entries().some(({ sentTo }) => sentTo !== undefined && sentTo !== owner);
      if (isElsewhere) this.#sendAgain(line);
      else this.#queue(line);
    }
    this.#forgetWorkers();
  }

  /** Who owns nothing and has nothing on its way. */
  #forgetWorkers(): void {
    for (const [memberId, { flight, ready }] of this.#workers) {
      const isIdle = flight.live + flight.late === 0 && ready.live.size + ready.late.size === 0;
      if (isIdle) this.#workers.delete(memberId);
    }
  }

  #answered(from: number, body: Buffer): void {
    const answers = readAnswers(body);
    if (answers === undefined) {
      this.#deps.log.warn({ from, bytes: body.length }, 'a message that holds no answers');
      return;
    }
    const refused: Entry[] = [];
    const settled = new Set<Line>();
    for (const { id, answer } of answers) {
      const known = this.#byId.get(id);
      if (known === undefined || !known.entry.asked.includes(from)) continue;
      const { line, entry } = known;
      if (answer === 'stored' || answer === 'failed') {
        this.#settle(entry, answer);
        settled.add(line);
      } else if (entry.sentTo === from) {
        refused.push(entry);
        this.#refused(line, answer, from);
      }
    }
    for (const line of settled) this.#release(line);
    this.#sendLinesAgain(refused);
    this.#flushTimer ??= setTimeout(() => this.#flush(), 0);
    if (this.#byId.size === 0) this.#onEmpty();
  }

  #settle(entry: Entry, answer: 'stored' | 'failed'): void {
    this.#byId.delete(entry.id);
    if (entry.sentTo !== undefined) this.#worker(entry.sentTo).flight[entry.lane] -= entry.bytes;
    entry.sentTo = undefined;
    entry.answer = answer === 'stored' ? {} : { error: new Error('the publish could not be stored') };
  }

  /** Its publishes are sent again: to the owner of the slot that the lock is in by now, or to whoever takes it over. */
  #refused(line: Line, answer: Exclude<AnswerTo['answer'], 'stored' | 'failed'>, by: number): void {
    if (answer === 'stopping') {
      this.#pause(by);
      return;
    }
    this.counts.moved++;
    if (!line.isLocated) return;
    this.#slots.forget(line.lockId);
    void this.#deps.directory.look();
    this.#locate(line, MOVED_AGAIN_AFTER_MS);
  }

  #release(line: Line): void {
    for (const { done, answer } of line.release()) done(answer?.error);
    if (line.size > 0) return;
    line.waitsIn?.delete(line);
    this.#lines.delete(line.lockId);
  }

  #check(): void {
    const overdueMs = performance.now() - this.#answerWithinMs;
    for (const line of this.#lines.values()) {
      const isOverdue = line.entries().some(({ sentTo, sentMs }) => sentTo !== undefined && sentMs < overdueMs);
      if (isOverdue) this.#sendAgain(line);
    }
  }
}

function framesOf(entries: readonly Entry[]): Entry[][] {
  const frames: Entry[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const frame = frames.at(-1);
    if (frame === undefined || frame.length === FRAME_PUBLISHES || bytes + entry.bytes > FRAME_BYTES) {
      frames.push([entry]);
      bytes = entry.bytes;
    } else {
      frame.push(entry);
      bytes += entry.bytes;
    }
  }
  return frames;
}
