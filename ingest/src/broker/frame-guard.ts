import { Duplex } from 'node:stream';
import type { Budget } from './budget.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { cutPublish, type FrameHeader, PACKET, readFrameHeader } from './frame.ts';
import { HalfFrame } from './half-frame.ts';
import type { Evidence } from './lock-access.ts';
import { SubackCodes } from './suback.ts';
import { connectRefusal, wireProblem } from './wire.ts';

/** A live report fits into this with room to spare; a bundle of late ones does not. */
const SMALL_FRAME_BYTES = 2 * 1024;

/** True also while the frame's header is incomplete. */
function isSmall(bytes: Buffer | undefined, at: number): boolean {
  const header = bytes ? readFrameHeader(bytes, at) : 'short';
  return typeof header === 'string' || header.bodyBytes <= SMALL_FRAME_BYTES;
}

const EMPTY = Buffer.alloc(0);
const PINGRESP = Buffer.from([0xd0, 0]);

/**
 * Sits between a socket and aedes: passes only whole, well-formed MQTT 3.1.1 frames, and stops reading the socket while
 * too many bytes published by this lock (or by all locks, see Budget) wait for their acknowledgement. Each byte is read
 * once and copied at most twice, however the stream is cut.
 *
 * PINGREQ is answered here, at once: aedes takes nothing more from a lock until its publishes are acknowledged, so a lock
 * would close the connection while the database is away. For the same reason the keep-alive is checked here.
 *
 * States: `connect` (only a CONNECT passes) → `connack` (nothing is read until aedes has answered) → `open` → `over` (after
 * a DISCONNECT, or a CONNECT that is answered here: nothing is read any more).
 */
export class FrameGuard extends Duplex {
  /** Where the connection comes from: `networkOf` its address. */
  network = 'unknown';
  /** The client certificate that TLS has got, and whether its listener asks everybody for one. */
  certificate: Evidence['certificate'];
  certificateRequired = false;
  /** The access of its lock has ended: nothing of it is taken any more, a will neither. */
  revoked = false;
  readonly #socket: Duplex;
  readonly #limits: ConnectionLimits;
  readonly #budget: Budget;
  readonly #refused: (reason: string) => void;
  #state: 'connect' | 'connack' | 'open' | 'over' = 'connect';
  #held: Buffer[] = [];
  #ended = false;
  readonly #half = new HalfFrame();
  readonly #subacks = new SubackCodes();
  #halfTimer: NodeJS.Timeout | undefined;
  /** Bytes still to come of a PUBLISH that is too large; its first ones are in `#half`. */
  #skip = 0;
  #silenceTimer: NodeJS.Timeout | undefined;
  #readable = true;
  #inFlight = 0;
  #inFlightBytes = 0;

  constructor(socket: Duplex, limits: ConnectionLimits, budget: Budget, refused: (reason: string) => void) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#limits = limits;
    this.#budget = budget;
    this.#refused = refused;
    socket.on('data', (chunk: Buffer) => {
      this.#silenceTimer?.refresh();
      if (this.#state === 'over') return;
      this.#held.push(chunk);
      this.#pass();
    });
    socket.on('drain', () => this.#pass());
    socket.on('end', () => {
      this.#ended = true;
      this.#pass();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** To be called when aedes has accepted the lock: reads on. */
  opened(): void {
    if (this.#state === 'connack') this.#state = 'open';
    this.#pass();
  }

  /**
   * Closes the connection when nothing has arrived for one and a half keep-alives (MQTT 3.1.1 §3.1.2.10). Time during which
   * the socket is not read does not count.
   * @param keepAliveS from the lock's CONNECT, s; 0: never
   */
  keepAlive(keepAliveS: number): void {
    if (keepAliveS === 0) return;
    this.#silenceTimer = this.#whenSilent('keep-alive', keepAliveS * 1_500);
  }

  #whenSilent(reason: string, afterMs: number): NodeJS.Timeout {
    const timer = setTimeout(() => {
      if (this.#socket.isPaused()) timer.refresh();
      else this.#refuse(reason);
    }, afterMs);
    return timer.unref();
  }

  /** To be called when a publish of `bodyBytes` has been acknowledged or refused: frees its share of the limits. */
  release(bodyBytes: number): void {
    if (this.destroyed) return;
    this.#inFlight -= 1;
    this.#inFlightBytes -= bodyBytes;
    this.#budget.give(bodyBytes);
    if (this.#held.length > 0 || this.#socket.isPaused()) this.#pass();
  }

  override _read(): void {
    this.#readable = true;
    if (this.#held.length > 0 || this.#socket.isPaused()) this.#pass();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(this.#subacks.complete(chunk), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.write(this.#subacks.complete(Buffer.concat(chunks.map((entry) => entry.chunk))), done);
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#halfTimer);
    clearTimeout(this.#silenceTimer);
    this.#budget.leave(this.#waiter);
    this.#budget.give(this.#inFlightBytes);
    this.#held = [];
    this.#half.drop();
    this.#socket.destroy();
    done(error);
  }

  readonly #waiter = { resume: () => this.#pass() };

  /** Passes frames until it must wait; reads the socket exactly when no bytes are held. */
  #pass(): void {
    while (this.#held.length > 0 && !this.destroyed && this.#state !== 'over' && !this.#mustWait()) {
      const chunk = this.#held.shift() as Buffer;
      const used =
        this.#skip > 0
          ? this.#skipTooLarge(chunk)
          : this.#half.received
            ? this.#completeHalf(chunk)
            : this.#passWhole(chunk);
      if (used < chunk.length && !this.destroyed) this.#held.unshift(chunk.subarray(used));
    }
    if (this.destroyed) return;
    if (this.#state === 'over') this.#held = [];
    if (this.#held.length === 0 && this.#ended) this.push(null);
    else if (this.#held.length > 0 || this.#state === 'connack') this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #mustWait(): boolean {
    const half = this.#half.received;
    const first = half?.[0] ?? this.#held[0]?.[0] ?? 0;
    if (this.#state === 'open' && first >> 4 === PACKET.pingreq) return this.#socket.writableNeedDrain;
    return this.#blocked(half ?? this.#held[0], 0);
  }

  /** Whether the next frame must wait. @param bytes hold its beginning, at `at` */
  #blocked(bytes: Buffer | undefined, at: number): boolean {
    if (!this.#readable || this.#state === 'connack') return true;
    if (this.#inFlight >= this.#limits.inFlight || this.#inFlightBytes >= this.#limits.inFlightBytes) return true;
    if (this.#budget.isRoomy) return false;
    const small = this.#inFlight === 0 && isSmall(bytes, at);
    if (small && this.#budget.isOpenToSmall) return false;
    this.#budget.wait(this.#waiter, small);
    return true;
  }

  /** Passes the whole frames of a chunk in one piece, up to a PINGREQ. @returns bytes used */
  #passWhole(chunk: Buffer): number {
    let at = 0;
    let passed = 0;
    let ping = false;
    do {
      const header = readFrameHeader(chunk, at);
      if (header === 'malformed') return this.#refuse('remaining-length');
      if (header !== 'short' && this.#tooLarge(header)) {
        if (!this.#maySkip(header)) return this.#refuse('frame-too-large');
        this.#keepHalf(EMPTY);
        this.#skip = header.headerBytes + header.bodyBytes;
        break;
      }
      const length = header === 'short' ? Number.POSITIVE_INFINITY : header.headerBytes + header.bodyBytes;
      if (header === 'short' || at + length > chunk.length) {
        this.#keepHalf(chunk.subarray(at));
        at = chunk.length;
        break;
      }
      if (!this.#admit(chunk, at, header)) return 0;
      at += length;
      ping = header.type === PACKET.pingreq;
      if (!ping) passed = at;
    } while (at < chunk.length && !ping && !this.#isOver() && !this.#blocked(chunk, at));
    if (ping) this.#socket.write(PINGRESP);
    if (passed > 0) this.#readable = this.push(passed === chunk.length ? chunk : chunk.subarray(0, passed));
    return at;
  }

  /** Adds to a frame that began in an earlier chunk. @returns bytes used */
  #completeHalf(chunk: Buffer): number {
    const before = this.#half.length;
    const header = this.#half.header(chunk);
    if (header === 'malformed') return this.#refuse('remaining-length');
    if (header !== 'short' && this.#tooLarge(header)) {
      if (!this.#maySkip(header)) return this.#refuse('frame-too-large');
      this.#skip = header.headerBytes + header.bodyBytes - before;
      return 0;
    }
    const wanted = header === 'short' ? chunk.length : header.headerBytes + header.bodyBytes - before;
    const used = Math.min(wanted, chunk.length);
    this.#half.append(chunk, used);
    if (header === 'short' || used < wanted) return used;
    const frame = this.#takeHalf();
    if (!this.#admit(frame, 0, header)) return 0;
    if (header.type === PACKET.pingreq) this.#socket.write(PINGRESP);
    else this.#readable = this.push(frame);
    return used;
  }

  #maySkip({ type, headerBytes, bodyBytes }: FrameHeader): boolean {
    return this.#state === 'open' && type === PACKET.publish && headerBytes + bodyBytes <= this.#limits.skippedBytes;
  }

  /**
   * Keeps the beginning of a PUBLISH that is too large and drops the rest, then passes it with what was kept: it is
   * refused by its size, acknowledged, and the publishes behind it get through. @returns bytes used
   */
  #skipTooLarge(chunk: Buffer): number {
    const used = Math.min(this.#skip, chunk.length);
    const room = Math.max(0, this.#limits.frameBytes - this.#half.length);
    this.#half.append(chunk, Math.min(used, room));
    this.#skip -= used;
    if (this.#skip > 0) return used;
    const frame = cutPublish(this.#takeHalf());
    this.#refused('publish-too-large');
    const header = readFrameHeader(frame, 0) as FrameHeader;
    if (this.#admit(frame, 0, header)) this.#readable = this.push(frame);
    return used;
  }

  #keepHalf(rest: Buffer): void {
    this.#half.begin(rest);
    this.#halfTimer = this.#whenSilent('half-frame', this.#limits.halfFrameMs);
  }

  #takeHalf(): Buffer {
    clearTimeout(this.#halfTimer);
    return this.#half.take();
  }

  #tooLarge(header: FrameHeader): boolean {
    const most = this.#state === 'connect' ? this.#limits.firstFrameBytes : this.#limits.frameBytes;
    return header.headerBytes + header.bodyBytes > most;
  }

  #admit(bytes: Buffer, at: number, header: FrameHeader): boolean {
    if ((this.#state === 'connect') !== (header.type === PACKET.connect)) {
      this.#refuse(this.#state === 'connect' ? 'not-connect-first' : 'second-connect');
      return false;
    }
    const problem = wireProblem(bytes, at, header);
    if (problem) {
      this.#refuse(problem);
      return false;
    }
    if (header.type === PACKET.connect && !this.#admitConnect(bytes, at, header)) return false;
    if (header.type === PACKET.subscribe) this.#subacks.expect(bytes, at, header);
    if (header.type === PACKET.disconnect) this.#state = 'over';
    if (header.type === PACKET.publish) {
      this.#inFlight += 1;
      this.#inFlightBytes += header.bodyBytes;
      this.#budget.take(header.bodyBytes);
    }
    return true;
  }

  #isOver(): boolean {
    return this.#state === 'over';
  }

  /** A CONNECT that has a return code of its own is answered here. */
  #admitConnect(bytes: Buffer, at: number, header: FrameHeader): boolean {
    const refusal = connectRefusal(bytes, at, header);
    this.#state = refusal === undefined ? 'connack' : 'over';
    if (refusal === undefined) return true;
    this.#refused(refusal.reason);
    this.#socket.end(Buffer.from([0x20, 2, 0, refusal.code]), () => this.destroy());
    return false;
  }

  /** Closes the connection: MQTT 3.1.1 has no other answer to what it forbids. @returns bytes used: 0 */
  #refuse(reason: string): number {
    this.#refused(reason);
    this.destroy();
    return 0;
  }
}
