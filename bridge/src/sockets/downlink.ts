import type { Command, Reply } from '@sealwatch/schemas';
import type { Logger } from 'pino';
import type { Ledger } from './ledger.ts';
import type { Bound, Message, Wire, Written } from './wire.ts';

/** How long a lock may take to answer a command, ms. */
const ANSWER_WITHIN_MS = 30_000;
/** A lock that was silent for so long may sleep: a command waits for its next frame, ms. */
const AWAKE_MS = 60_000;
const QUEUED_AT_MOST = 20;
const SERIALS = 0x1_0000;

type Answer = Pick<Reply, 'result' | 'reason'>;

/** What a command is written to. */
export interface Line {
  bound: Bound;
  lastFrameMs: number;
  write(bytes: readonly Buffer[]): void;
}

export interface DownlinkDeps {
  wire: Wire;
  ledger: Ledger;
  reply(reply: { commandId: string } & Answer): void;
  /** A lock has confirmed the interval at which it reports from now on, s. */
  interval(s: number): void;
  log: Logger;
  nowMs(): number;
  answerWithinMs?: number | undefined;
}

interface Outstanding {
  command: Command;
  written: Written;
  timer: NodeJS.Timeout;
}

/**
 * The commands of one lock: written in order, one at a time, while it is connected and awake. One that moves the lock is
 * written once: without an answer it ends as failed, since nobody can say what became of it.
 */
export class Downlink {
  readonly #deps: DownlinkDeps;
  readonly #queue: Command[] = [];
  #line: Line | undefined;
  #outstanding: Outstanding | undefined;
  /** Of the connection: no two commands on it have the same. */
  #serial = 0;
  #expiry: NodeJS.Timeout | undefined;

  constructor(deps: DownlinkDeps) {
    this.#deps = deps;
  }

  /** The lock's connection from now on; undefined: it has none. */
  attach(line: Line | undefined): void {
    this.#line = line;
    this.#serial = 0;
    if (line === undefined) this.#unanswered('the connection was lost before the lock answered');
    else this.#next();
  }

  /** A command of the platform, which brings those again that were not answered. */
  give(command: Command): void {
    const { commandId } = command;
    if (this.#outstanding?.command.commandId === commandId) return;
    if (this.#queue.some((waiting) => waiting.commandId === commandId)) return;
    if (this.#queue.length >= QUEUED_AT_MOST) {
      this.#deps.reply({
        commandId,
        result: 'refused',
        reason: `${QUEUED_AT_MOST} commands wait for this lock already`,
      });
      return;
    }
    this.#queue.push(command);
    this.#next();
  }

  /** After each frame of the lock: it is awake now. */
  heard(message: Message | undefined): void {
    if (message?.reply) this.#answered(message.reply);
    if (message?.opened && this.#outstanding?.written.isProvenByEvent) this.#end({ result: 'done' });
    this.#next();
  }

  close(): void {
    clearTimeout(this.#expiry);
    if (this.#outstanding) clearTimeout(this.#outstanding.timer);
    this.#outstanding = undefined;
  }

  #answered({ key, result, reason, intervalS }: NonNullable<Message['reply']>): void {
    if (this.#outstanding?.written.key !== key) return;
    if (result === 'accepted') return;
    if (result === 'done' && intervalS !== undefined) this.#deps.interval(intervalS);
    // It obeys, but has not moved yet: its own event says that it has.
    if (result === 'done' && this.#outstanding.written.isProvenByEvent) return;
    this.#end({ result, ...(reason === undefined ? {} : { reason }) });
  }

  #end(answer: Answer): void {
    const ended = this.#outstanding;
    if (!ended) return;
    clearTimeout(ended.timer);
    this.#outstanding = undefined;
    this.#deps.reply({ commandId: ended.command.commandId, ...answer });
    this.#next();
  }

  #unanswered(why: string): void {
    const { isPhysical } = this.#outstanding?.written ?? {};
    this.#end({ result: 'failed', reason: isPhysical ? `uncertain: ${why}; its next report shows its state` : why });
  }

  #next(): void {
    clearTimeout(this.#expiry);
    while (
      this.#outstanding === undefined &&
      this.#dropExpired() &&
      this.#line !== undefined &&
      this.#isAwake(this.#line)
    ) {
      this.#begin(this.#queue.shift()!, this.#line);
    }
    const ends = this.#queue.flatMap(({ expiresAt }) => (expiresAt === undefined ? [] : Date.parse(expiresAt)));
    // Only so that what has expired is forgotten; the platform ends it itself.
    if (ends.length > 0) {
      const inMs = Math.min(Math.max(Math.min(...ends) - this.#deps.nowMs(), 0) + 1_000, 3_600_000);
      this.#expiry = setTimeout(() => this.#next(), inMs).unref();
    }
  }

  #dropExpired(): boolean {
    const nowMs = this.#deps.nowMs();
    while (this.#queue[0]?.expiresAt !== undefined && Date.parse(this.#queue[0].expiresAt) <= nowMs)
      this.#queue.shift();
    return this.#queue.length > 0;
  }

  #isAwake({ lastFrameMs }: Line): boolean {
    return this.#deps.nowMs() - lastFrameMs <= AWAKE_MS;
  }

  #begin(command: Command, line: Line): void {
    const { commandId } = command;
    this.#serial = (this.#serial + 1) % SERIALS;
    const written = this.#deps.wire.write(command, line.bound, this.#serial);
    if ('refused' in written) {
      this.#deps.reply({ commandId, result: 'refused', reason: written.refused });
      return;
    }
    if (written.isPhysical && !this.#deps.ledger.begin(commandId)) {
      const reason =
        'uncertain: it was written to the lock before, and its answer was lost; its next report shows its state';
      this.#deps.reply({ commandId, result: 'failed', reason });
      return;
    }
    const within = this.#deps.answerWithinMs ?? ANSWER_WITHIN_MS;
    const timer = setTimeout(() => this.#unanswered(`the lock has not answered within ${within / 1_000} s`), within);
    this.#outstanding = { command, written, timer: timer.unref() };
    // What is written may hold a password: neither it nor the bytes are logged.
    this.#deps.log.info({ lockId: line.bound.lockId, commandId, type: command.type }, 'command written to the lock');
    line.write(written.bytes);
    if (written.isDoneWhenWritten) this.#end({ result: 'done' });
  }
}
