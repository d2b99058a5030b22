/**
 * Whole numbers in few bits: the form of a column in a block of reports. A list is written as what is the same in all of it, or
 * by its differences from the least one or from one to the next, whichever is smaller; each difference in as many bits as the
 * greatest one takes, after their common divisor is taken out. One value may be marked absent; where it occurs, a bit for each
 * place says so.
 */

const CONSTANT = 0;
const FROM_LEAST = 1;
const FROM_LAST = 2;
const HAS_ABSENT = 4;

/** Bits are written and read this many at a time, so that 32-bit arithmetic holds them. */
const CHUNK = 24;
const CHUNK_VALUES = 2 ** CHUNK;

export class ByteWriter {
  readonly #bytes: number[] = [];

  byte(value: number): void {
    this.#bytes.push(value);
  }

  /** A whole number of 0 to 2^53, small ones in few bytes. */
  natural(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }

  /** A whole number of -2^52 to 2^52. */
  whole(value: number): void {
    this.natural(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** Their number, then the bytes. */
  bytes(values: Uint8Array): void {
    this.natural(values.length);
    for (const value of values) this.#bytes.push(value);
  }

  /** Each value in `width` bits, the least significant first. */
  bits(values: readonly number[], width: number): void {
    let [held, holds] = [0, 0];
    const put = (value: number, bits: number) => {
      held += value * 2 ** holds;
      for (holds += bits; holds >= 8; holds -= 8) {
        this.#bytes.push(held % 256);
        held = Math.floor(held / 256);
      }
    };
    for (const value of values) {
      if (width > CHUNK) put(value % CHUNK_VALUES, CHUNK);
      put(width > CHUNK ? Math.floor(value / CHUNK_VALUES) : value, width > CHUNK ? width - CHUNK : width);
    }
    if (holds > 0) this.#bytes.push(held);
  }

  end(): Buffer {
    return Buffer.from(this.#bytes);
  }
}

/** @throws where the bytes end too early */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  skip(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new Error('a block of reports ends too early');
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new Error('a block of reports ends too early');
    return value;
  }

  natural(): number {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }

  whole(): number {
    const value = this.natural();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  bytes(): Uint8Array {
    const length = this.natural();
    this.skip(length);
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Of `count` values of `width` bits those in [first, end); all are passed. */
  bits(count: number, width: number, first = 0, end = count): number[] {
    const values = new Array<number>(Math.max(0, end - first));
    if (width === 0) return values.fill(0);
    const bytes = this.#bytes;
    const skipped = (first * width) % 8;
    let at = this.#at + Math.floor((first * width) / 8);
    this.skip(Math.ceil((count * width) / 8));
    let [held, holds] = skipped === 0 ? [0, 0] : [bytes[at++]! >> skipped, 8 - skipped];
    for (let i = 0; i < values.length; i++) {
      let [value, scale] = [0, 1];
      for (let left = width; left > 0; left -= CHUNK) {
        const wanted = left < CHUNK ? left : CHUNK;
        while (holds < wanted) {
          held |= bytes[at++]! << holds;
          holds += 8;
        }
        value += (held & (2 ** wanted - 1)) * scale;
        held >>>= wanted;
        holds -= wanted;
        scale *= CHUNK_VALUES;
      }
      values[i] = value;
    }
    return values;
  }
}

const widthOf = (most: number): number => (most === 0 ? 0 : Math.floor(Math.log2(most)) + 1);

function divisorOf(values: readonly number[]): number {
  let divisor = 0;
  for (const value of values) {
    let [a, b] = [divisor, value];
    while (b !== 0) [a, b] = [b, a % b];
    divisor = a;
    if (divisor === 1) break;
  }
  return Math.max(1, divisor);
}

interface Spread {
  least: number;
  divisor: number;
  width: number;
  values: number[];
}

function spreadOf(values: readonly number[]): Spread {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const above = values.map((value) => value - least);
  const divisor = divisorOf(above);
  return {
    least,
    divisor,
    width: values.length === 0 ? 0 : widthOf((most - least) / divisor),
    values: divisor === 1 ? above : above.map((value) => value / divisor),
  };
}

/**
 * @param values whole numbers, none further than 2^48 from another
 * @param absent the value that stands for none
 */
export function writeNumbers(into: ByteWriter, values: readonly number[], absent?: number): void {
  const isAbsent = absent !== undefined && values.includes(absent);
  const present = isAbsent ? values.filter((value) => value !== absent) : values;
  const writePlaces = () => {
    const places = values.map((value) => (value === absent ? 0 : 1));
    if (isAbsent) into.bits(places, 1);
  };
  const flag = isAbsent ? HAS_ABSENT : 0;
  const own = spreadOf(present);
  if (own.width === 0) {
    into.byte(CONSTANT | flag);
    writePlaces();
    into.whole(present[0] ?? 0);
    return;
  }
  const steps = spreadOf(present.slice(1).map((value, i) => value - present[i]!));
  const isBySteps = steps.width < own.width;
  into.byte((isBySteps ? FROM_LAST : FROM_LEAST) | flag);
  writePlaces();
  if (isBySteps) into.whole(present[0]!);
  const { least, divisor, width, values: differences } = isBySteps ? steps : own;
  into.whole(least);
  into.natural(divisor);
  into.byte(width);
  into.bits(differences, width);
}

/**
 * Of what `writeNumbers` wrote the places in [first, end).
 * @param count of all places
 */
export function readNumbers(from: ByteReader, count: number, first = 0, end = count, absent = 0): number[] {
  const head = from.byte();
  if (!(head & HAS_ABSENT)) return readPresent(from, count, head, first, end);
  const places = from.bits(count, 1);
  let [before, until, present] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    if (i === first) before = present;
    present += places[i]!;
    if (i < end) until = present;
  }
  const values = readPresent(from, present, head & ~HAS_ABSENT, before, until);
  let next = 0;
  return places.slice(first, end).map((place) => (place === 1 ? values[next++]! : absent));
}

function readPresent(from: ByteReader, count: number, form: number, first: number, end: number): number[] {
  if (form === CONSTANT) return new Array<number>(Math.max(0, end - first)).fill(from.whole());
  const start = form === FROM_LAST ? from.whole() : 0;
  const [least, divisor, width] = [from.whole(), from.natural(), from.byte()];
  if (form === FROM_LEAST) {
    const values = from.bits(count, width, first, end);
    for (let i = 0; i < values.length; i++) values[i] = least + values[i]! * divisor;
    return values;
  }
  const steps = from.bits(count - 1, width, 0, Math.max(0, end - 1));
  const values = new Array<number>(Math.max(0, end - first));
  let last = start;
  for (let i = 0; i < end; i++) {
    if (i > 0) last += least + steps[i - 1]! * divisor;
    if (i >= first) values[i - first] = last;
  }
  return values;
}
