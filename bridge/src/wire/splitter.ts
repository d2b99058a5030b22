import { decodeFrame, FLAG } from '../jt808/frame.ts';
import { concat, uint } from './bytes.ts';

/** By the first byte: 0x7e, `$` or `(`. */
export type Family = 'jt808' | 'jointech-binary' | 'jointech-text';

/** One frame as it stood in the stream, with its flags or brackets. */
export interface RawFrame {
  family: Family;
  bytes: Uint8Array;
}

const DOLLAR = 0x24;
const OPEN = 0x28;
const CLOSE = 0x29;
/** The longest frame with every byte escaped takes 2,092 bytes; locks that lie about lengths stay below this. */
export const MAX_FRAME_BYTES = 4_096;
const HEAD = 10;
const LEAST_JT808 = 5;

const isDigits = (byte = 0xff) => byte >> 4 <= 9 && (byte & 15) <= 9;
const isWord = (byte = 0) => /[0-9A-Za-z@]/.test(String.fromCharCode(byte));

type Found = { is: 'frame'; frame: RawFrame; next: number } | { is: 'noise'; next: number } | { is: 'wait' };

/** Bytes behind the declared end within which the flag of a frame is looked for, if it has a flag inside. */
const ESCAPES_BYTES = 64;
const LEAST_HEAD = 11;

/**
 * Some firmware does not escape a flag inside of its frame. Where a frame is shorter than it declares, a later flag ends it if
 * length and checksum agree with that one; where the next frame begins at once, it was cut.
 * @returns where it ends, `wait` while that cannot be told, undefined where no flag fits
 */
function laterEnd(bytes: Uint8Array, at: number, end: number): number | 'wait' | undefined {
  if (end - at < 5) return undefined;
  const least = at + (uint(bytes, at + 3, 2) & 0x3ff) + LEAST_HEAD + 2;
  if (end >= least) return undefined;
  const next = bytes[end + 1];
  if (next === undefined) return 'wait';
  if (STARTS.has(next)) return undefined;
  for (let i = bytes.indexOf(FLAG, least); i >= 0 && i <= least + ESCAPES_BYTES; i = bytes.indexOf(FLAG, i + 1)) {
    if (decodeFrame(bytes.subarray(at, i + 1)).faults.length === 0) return i;
  }
  return bytes.length <= least + ESCAPES_BYTES ? 'wait' : undefined;
}

/** A frame of 0x7e. The flag that ends it may begin the next one too, so the next one is looked for from there. */
function flagged(bytes: Uint8Array, at: number, isEnd: boolean): Found {
  const end = bytes.indexOf(FLAG, at + 1);
  if (end < 0 || end - at >= MAX_FRAME_BYTES) {
    return bytes.length - at >= MAX_FRAME_BYTES ? { is: 'noise', next: at + 1 } : { is: 'wait' };
  }
  if (end - at - 1 < LEAST_JT808) return { is: 'noise', next: end };
  const later = laterEnd(bytes, at, end);
  if (later === 'wait' && !isEnd) return { is: 'wait' };
  const to = typeof later === 'number' ? later : end;
  const frame = { family: 'jt808' as const, bytes: bytes.slice(at, to + 1) };
  return { is: 'frame', frame, next: to };
}

/** A frame of `$`: cut by its length, never at the next `$`. */
function dollar(bytes: Uint8Array, at: number): Found {
  for (let i = 1; i <= 5 && at + i < bytes.length; i++) {
    if (!isDigits(bytes[at + i])) return { is: 'noise', next: at + 1 };
  }
  if (bytes.length - at < HEAD) return { is: 'wait' };
  const isLong = bytes[at + 8] === 0;
  // The older JT600 has its length one byte earlier.
  if (!isLong && bytes[at + 7] !== 0) return { is: 'noise', next: at + 1 };
  const length = HEAD + (bytes[at + (isLong ? 9 : 8)] ?? 0);
  if (bytes.length - at < length) return { is: 'wait' };
  return { is: 'frame', frame: { family: 'jointech-binary', bytes: bytes.slice(at, at + length) }, next: at + length };
}

/** A frame of `(`: a bracket within stands escaped, so a second one begins another frame. */
function bracketed(bytes: Uint8Array, at: number): Found {
  if (bytes.length - at > 1 && !isWord(bytes[at + 1])) return { is: 'noise', next: at + 1 };
  const most = Math.min(bytes.length, at + MAX_FRAME_BYTES);
  for (let i = at + 1; i < most; i++) {
    if (bytes[i] === OPEN) return { is: 'noise', next: i };
    if (bytes[i] === CLOSE) {
      return { is: 'frame', frame: { family: 'jointech-text', bytes: bytes.slice(at, i + 1) }, next: i + 1 };
    }
  }
  return most < at + MAX_FRAME_BYTES ? { is: 'wait' } : { is: 'noise', next: at + 1 };
}

const STARTS: ReadonlyMap<number, (bytes: Uint8Array, at: number, isEnd: boolean) => Found> = new Map([
  [FLAG, flagged],
  [DOLLAR, dollar],
  [OPEN, bracketed],
]);

/**
 * Cuts the bytes of one connection into frames, whatever way they are divided or joined. It holds no more than
 * `MAX_FRAME_BYTES` between calls, and drops what begins no frame.
 */
export class Splitter {
  #held: Uint8Array = new Uint8Array(0);
  /** The first byte held is the flag that ended a frame. */
  #isClosing = false;
  /** Bytes that belonged to no frame. */
  dropped = 0;

  get heldBytes(): number {
    return this.#held.length;
  }

  push(chunk: Uint8Array): RawFrame[] {
    return this.#cut(this.#held.length === 0 ? chunk : concat([this.#held, chunk]), false);
  }

  /** No more bytes come: what waited for them is cut as it is. */
  end(): RawFrame[] {
    const frames = this.#cut(this.#held, true);
    this.dropped += this.#isClosing ? 0 : this.#held.length;
    this.#isClosing = false;
    this.#held = new Uint8Array(0);
    return frames;
  }

  #cut(bytes: Uint8Array, isEnd: boolean): RawFrame[] {
    const frames: RawFrame[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.#isClosing) {
        // The flag that ended a frame begins the next one, unless that has a start of its own.
        const next = bytes[at + 1];
        if (next === undefined) break;
        this.#isClosing = false;
        if (STARTS.has(next)) at++;
      }
      const found: Found = STARTS.get(bytes[at] ?? 0)?.(bytes, at, isEnd) ?? { is: 'noise', next: at + 1 };
      if (found.is === 'wait') break;
      if (found.is === 'frame') {
        frames.push(found.frame);
        this.#isClosing = found.frame.family === 'jt808';
      } else this.dropped += found.next - at;
      at = found.next;
    }
    this.#held = bytes.slice(at);
    return frames;
  }
}
