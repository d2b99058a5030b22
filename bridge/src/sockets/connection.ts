import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Arrived, ConnectedLock } from './bridged-lock.ts';
import type { Line } from './downlink.ts';
import { type Limits, networkOf, Rate } from './limits.ts';
import type { BridgeMetrics } from './metrics.ts';
import type { Bound, Message, Splitter, Wire } from './wire.ts';

/** What a device has sent and closed before its next connection is read within so long, ms. */
const CLOSED_WITHIN_MS = 1_000;
/** Records of so many frames are stored at once. */
const FRAMES_AT_ONCE = 200;

export interface ConnectionDeps {
  wire: Wire;
  limits: Limits;
  metrics: BridgeMetrics;
  log: Logger;
  nowMs(): number;
  /** The lock of a wire id that may connect from here; undefined: it is turned away. */
  admit(connection: Connection, wireId: string, protocol: string): Promise<ConnectedLock | undefined>;
  /** The newest frame of a lock. */
  frame(lockId: string, frame: Buffer, atMs: number): void;
  closed(connection: Connection): void;
}

/** The connection of one device. It is read no further while what it has sent is not stored. */
export class Connection {
  readonly address: string;
  readonly network: string;
  lastFrameMs: number;
  lock: ConnectedLock | undefined;
  readonly #socket: Socket;
  readonly #deps: ConnectionDeps;
  readonly #splitter: Splitter;
  readonly #rate: Rate;
  #ended: string | undefined;
  #isStopping = false;
  /** A newer connection has taken its place: what it sends is sent again there. */
  #isSuperseded = false;
  /** Called once if it lives after it was ended for that. */
  #onLife: (() => void) | undefined;
  /** What was read is being worked on. */
  #work: Promise<void> = Promise.resolve();

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#splitter = deps.wire.splitter();
    this.#rate = new Rate(deps.limits.framesPerS, deps.limits.framesAtOnce, deps.nowMs());
    this.address = socket.remoteAddress ?? '';
    this.network = networkOf(this.address);
    this.lastFrameMs = deps.nowMs();
    socket.setNoDelay(true).setKeepAlive(true, 60_000);
    socket.setTimeout(deps.limits.nameWithinMs, () => this.end(this.lock ? 'idle' : 'nameless'));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended ??= 'closed';
      deps.closed(this);
    });
    socket.on('end', () => this.#lives());
    socket.on('data', (chunk: Buffer) => {
      if (this.#isSuperseded) {
        this.#lives();
        return;
      }
      // Nothing more is read until this is stored.
      socket.pause();
      this.#work = this.#chunk(chunk).then(
        () => void (this.#isStopping || socket.resume()),
        (error) => {
          deps.log.error({ err: error, lockId: this.lock?.bound.lockId }, 'a connection failed');
          this.end('failed');
        },
      );
    });
  }

  /** What commands are written to. */
  lineOf(bound: Bound): Line {
    const lastFrameMs = () => this.lastFrameMs;
    return {
      bound,
      get lastFrameMs() {
        return lastFrameMs();
      },
      write: (bytes) => this.write(bytes),
    };
  }

  get isOpen(): boolean {
    return this.#ended === undefined && !this.#socket.destroyed;
  }

  write(bytes: readonly Buffer[]): void {
    if (bytes.length === 0 || this.#socket.destroyed || !this.#socket.writable) return;
    for (const some of bytes) this.#socket.write(some);
    if (this.#socket.writableLength > this.#deps.limits.unreadBytes) this.end('reads-nothing');
  }

  end(why: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    this.#deps.metrics.closed(why);
    this.#deps.log.debug({ lockId: this.lock?.bound.lockId, network: this.network, why }, 'connection ended');
    this.#socket.destroy();
  }

  /**
   * A newer connection has taken its place. A device that is still there closes its end when this one is closed, or goes on
   * sending; one that lost its line does neither. One that has closed its end before, perhaps unread so far, is not there.
   * @param lives called if it is still there
   */
  supersede(withinMs: number, lives: () => void): void {
    this.#isSuperseded = true;
    this.#socket.resume();
    setTimeout(() => {
      if (!this.isOpen) return;
      this.#onLife = lives;
      this.#socket.end();
      setTimeout(() => this.end('superseded'), withinMs).unref();
    }, CLOSED_WITHIN_MS).unref();
  }

  #lives(): void {
    const onLife = this.#onLife;
    this.#onLife = undefined;
    onLife?.();
    if (onLife !== undefined) this.end('superseded');
  }

  /** Reads no more. Resolves once what was read is stored and acknowledged, and ends. */
  async drain(withinMs: number): Promise<void> {
    this.#isStopping = true;
    this.#socket.pause();
    await Promise.race([this.#work, new Promise((resolve) => setTimeout(resolve, withinMs).unref())]);
    if (!this.#socket.destroyed) await new Promise<void>((resolve) => this.#socket.end(() => resolve()));
    this.end('stopping');
  }

  async #chunk(chunk: Buffer): Promise<void> {
    const frames = this.#splitter.push(chunk);
    if (this.#splitter.skippedBytes > this.#deps.limits.skippedBytes) {
      this.#deps.metrics.refused('no-frame');
      this.end('no-frame');
    }
    for (let from = 0; from < frames.length && this.isOpen; from += FRAMES_AT_ONCE) {
      await this.#take(frames.slice(from, from + FRAMES_AT_ONCE));
    }
  }

  async #take(frames: readonly Buffer[]): Promise<void> {
    const arrived: Arrived[] = [];
    let says: 'goodbye' | undefined;
    let waitMs = 0;
    for (const frame of frames) {
      const receivedMs = this.#deps.nowMs();
      waitMs = Math.max(waitMs, this.#rate.take(receivedMs));
      const lock = await this.#named(frame);
      if (lock === undefined) continue;
      const message = this.#heard(lock, frame, receivedMs);
      if (message.closes) says = 'goodbye';
      if (message.records !== undefined || message.unreadable !== undefined)
        arrived.push({ frame, message, receivedMs });
    }
    if (arrived.length > 0) await this.lock?.store(arrived, (_one, ack) => this.write(ack ? [ack] : []));
    if (says !== undefined) {
      this.#socket.end();
      this.end(says);
    }
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }

  /** Reads a frame and answers what needs no store. */
  #heard(lock: ConnectedLock, frame: Buffer, receivedMs: number): Message {
    const { wire, metrics, frame: newest } = this.#deps;
    this.lastFrameMs = receivedMs;
    const message = wire.read(frame, lock.bound, receivedMs);
    if (!message.isSecret) newest(lock.bound.lockId, frame, receivedMs);
    metrics.frame(message.protocol, message.unreadable === undefined ? 'read' : 'unreadable');
    this.write(message.answers);
    if (lock.connection === this) lock.downlink.heard(message);
    return message;
  }

  /** Whose connection this is. The first frame with an id says it, and no later one may say otherwise. */
  async #named(frame: Buffer): Promise<ConnectedLock | undefined> {
    const { protocol, wireId } = this.#deps.wire.wireIdOf(frame);
    if (this.lock !== undefined) {
      if (wireId === undefined || wireId === this.lock.bound.wireId) return this.lock;
      this.#deps.metrics.refused('another-id');
      this.end('another-id');
      return undefined;
    }
    if (wireId === undefined || !this.isOpen) return undefined;
    this.lock = await this.#deps.admit(this, wireId, protocol);
    if (this.lock === undefined) this.end('stranger');
    else this.#socket.setTimeout(this.#deps.limits.idleMs);
    return this.lock;
  }
}
