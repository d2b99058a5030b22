import { type FrameHeader, readFrameHeader } from './frame.ts';

/** The largest fixed header: a type, and a length of four bytes. */
const HEADER_BYTES = 5;

/** The beginning of a frame whose end has not been received. */
export class HalfFrame {
  #buffer: Buffer | undefined;
  #length = 0;

  /** What was received of it; undefined: no frame is half received. */
  get received(): Buffer | undefined {
    return this.#buffer?.subarray(0, this.#length);
  }

  /** Bytes received. */
  get length(): number {
    return this.#length;
  }

  begin(rest: Buffer): void {
    // A copy, because a few bytes kept of a chunk would keep the whole chunk.
    this.#buffer = Buffer.from(rest);
    this.#length = rest.length;
  }

  /** Adds the first `count` bytes of a chunk. */
  append(chunk: Buffer, count: number): void {
    let buffer = this.#buffer as Buffer;
    if (this.#length + count > buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(buffer.length * 2, this.#length + count));
      buffer.copy(grown, 0, 0, this.#length);
      buffer = grown;
    }
    chunk.copy(buffer, this.#length, 0, count);
    this.#buffer = buffer;
    this.#length += count;
  }

  /** The header of the frame, as far as it and the chunk behind it tell. */
  header(chunk: Buffer): FrameHeader | 'short' | 'malformed' {
    const begun = (this.#buffer as Buffer).subarray(0, Math.min(HEADER_BYTES, this.#length));
    return readFrameHeader(
      begun.length === HEADER_BYTES ? begun : Buffer.concat([begun, chunk.subarray(0, HEADER_BYTES)]),
      0,
    );
  }

  /** What was received of the frame, which is no longer kept. */
  take(): Buffer {
    const taken = this.received as Buffer;
    this.drop();
    return taken;
  }

  drop(): void {
    this.#buffer = undefined;
    this.#length = 0;
  }
}
