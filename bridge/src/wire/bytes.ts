/** Upper-case hexadecimal digits, two a byte. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex').toUpperCase();
}

/** @returns undefined where the text is not whole bytes in hexadecimal digits */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A big-endian whole number of up to four bytes; bytes beyond the end count as absent. */
export function uint(bytes: Uint8Array, at = 0, length = bytes.length - at): number {
  let value = 0;
  for (let i = at; i < Math.min(at + length, bytes.length); i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/** Latin-1: every byte is one character. */
export function toLatin(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export const fromLatin = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);

/** What a reader throws beyond the end; the decoder of a body catches it, nobody else sees it. */
export class ShortError extends Error {}

/** Reads big-endian values in order. @throws ShortError beyond the end, in every method */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new ShortError(`${length} bytes wanted, ${this.left} left`);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  rest = () => this.take(this.left);
  u8 = () => uint(this.take(1));
  u16 = () => uint(this.take(2));
  u32 = () => uint(this.take(4));
  hex = (length: number) => toHex(this.take(length));
}

/** Collects big-endian values in order; what does not fit is cut to its low bits. */
export class Writer {
  readonly #bytes: number[] = [];

  put(value: number, length: number): this {
    for (let i = length - 1; i >= 0; i--) this.#bytes.push(Math.floor(value / 256 ** i) % 256);
    return this;
  }

  u8 = (value: number) => this.put(value, 1);
  u16 = (value: number) => this.put(value, 2);
  u32 = (value: number) => this.put(value, 4);

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  /** Digits as bytes, padded on the left with 0 to `length` bytes. */
  hex(digits: string, length: number): this {
    const padded = digits.padStart(2 * length, '0').slice(-2 * length);
    return this.raw(fromHex(padded) ?? new Uint8Array(length));
  }

  /** Cut or padded behind with zero bytes. */
  fixed(bytes: Uint8Array, length: number): this {
    for (let i = 0; i < length; i++) this.#bytes.push(bytes[i] ?? 0);
    return this;
  }

  done = (): Uint8Array => Uint8Array.from(this.#bytes);
}

/** What a frame says that cannot be so. */
export interface Fault {
  field: string;
  value: string;
  expected: string;
}
