import { type FramePosition, WALL_STATUS, type WallStatus } from '@sealwatch/schemas';
import { areWithin, latOf, lonOf, unitX, unitY } from './mercator.ts';

/** Statuses drawn red; an alarm that is not confirmed yet is among them. */
export const RED_STATUSES: readonly WallStatus[] = ['red', 'provisional'];

/** One lock in the GPU's buffer: i32 from x, y, to x, y; f32 from and to time; u8 status, moving, u16 heading. */
export const STRIDE_BYTES = 28;
const WORDS = STRIDE_BYTES / 4;

const ABSENT = 255;
const STATUS_BYTE = 24;
const MOVING_BYTE = 25;
const HEADING_U16 = 13;

/** A move is drawn over the lock's own interval between reports, within these bounds, ms. */
const SHORTEST_MOVE_MS = 400;
const LONGEST_MOVE_MS = 10_000;
/** A move longer than this is not animated: the lock is drawn at its new position at once, m. */
const LONGEST_MOVE_M = 5_000;
/** A truck slower than this is drawn as parked, km/h. */
const STANDING_KMH = 3;
/** Times are float32 since an epoch that is moved this often: below 2²¹ ms a float32 resolves 0.13 ms. */
const EPOCH_SPAN_MS = 30 * 60_000;

/** Statuses of which a crowd is made: drawn below all others, and as lights where they are many. */
const CROWD: readonly number[] = [WALL_STATUS.indexOf('green'), WALL_STATUS.indexOf('idle')];
const RED: readonly number[] = RED_STATUSES.map((status) => WALL_STATUS.indexOf(status));

/** Copies of the locks that are drawn above the crowd, each in the form of `bytes`: calm ones, then red ones. */
export interface Front {
  bytes: Uint8Array;
  calm: number;
  red: number;
  /** Where the selected lock is among them; -1: there is none. */
  selected: number;
}

export interface FleetPlace {
  lon: number;
  lat: number;
}

/**
 * All locks on the wall, in one buffer that is uploaded to the GPU unchanged. Slots are the indices of the feed. Locks
 * are neither objects nor reactive for Vue, so that 10,000 changes a second cost little.
 */
export class Fleet {
  /** Slots in use (highest index + 1). */
  count = 0;
  /** Client time that float times are relative to, ms. */
  epochMs: number;
  bytes: Uint8Array;
  /** Range of slots changed since the last `takeDirty`. */
  #dirtyFrom = Number.POSITIVE_INFINITY;
  #dirtyTo = -1;
  #i32: Int32Array;
  #f32: Float32Array;
  #u16: Uint16Array;
  #heardMs: Float64Array;
  #speedKmh: Float32Array;
  #battery: Uint8Array;
  /** Locks by status. */
  #held = new Uint32Array(WALL_STATUS.length);

  constructor(nowMs: number, capacity = 1024) {
    this.epochMs = nowMs;
    this.bytes = new Uint8Array(capacity * STRIDE_BYTES);
    this.#i32 = new Int32Array(this.bytes.buffer);
    this.#f32 = new Float32Array(this.bytes.buffer);
    this.#u16 = new Uint16Array(this.bytes.buffer);
    this.#heardMs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY);
    this.#speedKmh = new Float32Array(capacity);
    this.#battery = new Uint8Array(capacity).fill(255);
    for (let slot = 0; slot < capacity; slot++) this.bytes[slot * STRIDE_BYTES + STATUS_BYTE] = ABSENT;
  }

  get capacity(): number {
    return this.#heardMs.length;
  }

  /** Applies a frame of the feed. With `whole`, locks that are not in it are removed. */
  apply(positions: FramePosition[], nowMs: number, whole = false): void {
    this.rebase(nowMs);
    if (whole) this.clear();
    for (const position of positions) this.#set(position, nowMs);
  }

  clear(): void {
    for (let slot = 0; slot < this.count; slot++) {
      this.bytes[slot * STRIDE_BYTES + STATUS_BYTE] = ABSENT;
      this.#heardMs[slot] = Number.NEGATIVE_INFINITY;
    }
    if (this.count > 0) this.#touch(0, this.count - 1);
    this.count = 0;
    this.#held.fill(0);
  }

  /** Moves the epoch forward before float32 times lose precision. */
  rebase(nowMs: number): void {
    const shift = nowMs - this.epochMs;
    if (shift < EPOCH_SPAN_MS) return;
    this.epochMs = nowMs;
    for (let slot = 0, word = 0; slot < this.count; slot++, word += WORDS) {
      this.#f32[word + 4] = this.#f32[word + 4]! - shift;
      this.#f32[word + 5] = this.#f32[word + 5]! - shift;
    }
    if (this.count > 0) this.#touch(0, this.count - 1);
  }

  /** The slots changed since the last call, inclusive, or undefined. */
  takeDirty(): [from: number, to: number] | undefined {
    if (this.#dirtyTo < 0) return undefined;
    const range: [number, number] = [this.#dirtyFrom, this.#dirtyTo];
    this.#dirtyFrom = Number.POSITIVE_INFINITY;
    this.#dirtyTo = -1;
    return range;
  }

  /** Marks everything as changed, because the GPU has lost its buffer. */
  touchAll(): void {
    if (this.count > 0) this.#touch(0, this.count - 1);
  }

  /** @param selectedSlot drawn above the crowd whatever its status; -1: none */
  front(selectedSlot: number): Front {
    const most = this.heldRed() + this.held('amber') + this.held('silent') + 1;
    const bytes = new Uint8Array(most * STRIDE_BYTES);
    const slots: [calm: number[], red: number[]] = [[], []];
    for (let slot = 0, byte = STATUS_BYTE; slot < this.count; slot++, byte += STRIDE_BYTES) {
      const status = this.bytes[byte]!;
      if (status === ABSENT || (CROWD.includes(status) && slot !== selectedSlot)) continue;
      slots[RED.includes(status) ? 1 : 0].push(slot);
    }
    const all = slots.flat();
    all.forEach((slot, i) => {
      bytes.set(this.bytes.subarray(slot * STRIDE_BYTES, (slot + 1) * STRIDE_BYTES), i * STRIDE_BYTES);
    });
    return { bytes, calm: slots[0].length, red: slots[1].length, selected: all.indexOf(selectedSlot) };
  }

  has(slot: number): boolean {
    return slot >= 0 && slot < this.count && this.bytes[slot * STRIDE_BYTES + STATUS_BYTE] !== ABSENT;
  }

  /** Number of locks with a status. */
  held(status: WallStatus): number {
    return this.#held[WALL_STATUS.indexOf(status)]!;
  }

  heldRed(): number {
    return RED_STATUSES.reduce((sum, status) => sum + this.held(status), 0);
  }

  /** Visits every lock at its last reported position, in Mercator units. */
  each(visit: (x: number, y: number, status: WallStatus) => void): void {
    for (let slot = 0, word = 0; slot < this.count; slot++, word += WORDS) {
      const status = this.bytes[slot * STRIDE_BYTES + STATUS_BYTE]!;
      if (status !== ABSENT) visit(this.#i32[word + 2]!, this.#i32[word + 3]!, WALL_STATUS[status]!);
    }
  }

  status(slot: number): WallStatus | undefined {
    return this.has(slot) ? WALL_STATUS[this.bytes[slot * STRIDE_BYTES + STATUS_BYTE]!] : undefined;
  }

  speedKmh(slot: number): number | undefined {
    return this.has(slot) ? this.#speedKmh[slot] : undefined;
  }

  batteryPercent(slot: number): number | undefined {
    const battery = this.#battery[slot];
    return this.has(slot) && battery !== 255 ? battery : undefined;
  }

  /** Where a lock is drawn now, in Mercator units; the same interpolation as in the shader. */
  drawnUnits(slot: number, nowMs: number): [x: number, y: number] {
    const word = slot * WORDS;
    const [fromX, fromY] = [this.#i32[word]!, this.#i32[word + 1]!];
    const [toX, toY] = [this.#i32[word + 2]!, this.#i32[word + 3]!];
    const [start, end] = [this.#f32[word + 4]!, this.#f32[word + 5]!];
    const share = end > start ? Math.max(0, Math.min(1, (nowMs - this.epochMs - start) / (end - start))) : 1;
    return [(fromX + ((toX - fromX) | 0) * share) | 0, (fromY + (toY - fromY) * share) | 0];
  }

  drawn(slot: number, nowMs: number): FleetPlace | undefined {
    if (!this.has(slot)) return undefined;
    const [x, y] = this.drawnUnits(slot, nowMs);
    return { lon: lonOf(x), lat: latOf(y) };
  }

  /** The last reported position, towards which the drawn one moves. */
  reported(slot: number): FleetPlace | undefined {
    if (!this.has(slot)) return undefined;
    return { lon: lonOf(this.#i32[slot * WORDS + 2]!), lat: latOf(this.#i32[slot * WORDS + 3]!) };
  }

  /** Slot of the lock drawn nearest to a place, within `radiusUnits`; of several, red ones are preferred. */
  pick(lon: number, lat: number, radiusUnits: number, nowMs: number): number | undefined {
    const [x, y] = [unitX(lon), unitY(lat)];
    let best: number | undefined;
    let bestScore = Number.POSITIVE_INFINITY;
    for (let slot = 0; slot < this.count; slot++) {
      if (!this.has(slot)) continue;
      const [atX, atY] = this.drawnUnits(slot, nowMs);
      const distance = Math.hypot((atX - x) | 0, atY - y);
      if (distance > radiusUnits) continue;
      const score = this.isRed(slot) ? distance / 4 : distance;
      if (score < bestScore) [best, bestScore] = [slot, score];
    }
    return best;
  }

  isRed(slot: number): boolean {
    const status = this.status(slot);
    return status !== undefined && RED_STATUSES.includes(status);
  }

  #set(position: FramePosition, nowMs: number): void {
    const { index } = position;
    if (index >= this.capacity) this.#grow(index + 1);
    const known = this.has(index);
    if (index >= this.count) this.count = index + 1;
    const word = index * WORDS;
    const [x, y] = [unitX(position.lon), unitY(position.lat)];
    const [fromX, fromY] = known ? this.drawnUnits(index, nowMs) : [x, y];
    const sinceMs = nowMs - this.#heardMs[index]!;
    const drive = known && areWithin(fromX, fromY, x, y, LONGEST_MOVE_M);
    const lastsMs = drive ? Math.max(SHORTEST_MOVE_MS, Math.min(LONGEST_MOVE_MS, sinceMs)) : 0;
    this.#i32[word] = drive ? fromX : x;
    this.#i32[word + 1] = drive ? fromY : y;
    this.#i32[word + 2] = x;
    this.#i32[word + 3] = y;
    this.#f32[word + 4] = nowMs - this.epochMs;
    this.#f32[word + 5] = nowMs - this.epochMs + lastsMs;
    const byte = index * STRIDE_BYTES;
    const status = WALL_STATUS.indexOf(position.status);
    if (known) this.#held[this.bytes[byte + STATUS_BYTE]!]!--;
    this.#held[status]!++;
    this.bytes[byte + STATUS_BYTE] = status;
    this.bytes[byte + MOVING_BYTE] = position.speedKmh >= STANDING_KMH ? 1 : 0;
    this.#u16[word * 2 + HEADING_U16] = Math.round((position.headingDeg % 360) * 100);
    this.#heardMs[index] = nowMs;
    this.#speedKmh[index] = position.speedKmh;
    this.#battery[index] = position.batteryPercent ?? 255;
    this.#touch(index, index);
  }

  #touch(from: number, to: number): void {
    if (from < this.#dirtyFrom) this.#dirtyFrom = from;
    if (to > this.#dirtyTo) this.#dirtyTo = to;
  }

  #grow(needed: number): void {
    const grown = new Fleet(this.epochMs, 2 ** Math.ceil(Math.log2(needed)));
    grown.bytes.set(this.bytes);
    grown.#heardMs.set(this.#heardMs);
    grown.#speedKmh.set(this.#speedKmh);
    grown.#battery.set(this.#battery);
    this.bytes = grown.bytes;
    this.#i32 = grown.#i32;
    this.#f32 = grown.#f32;
    this.#u16 = grown.#u16;
    this.#heardMs = grown.#heardMs;
    this.#speedKmh = grown.#speedKmh;
    this.#battery = grown.#battery;
    this.touchAll();
  }
}
