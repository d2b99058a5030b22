/** Packet types of MQTT 3.1.1 (table 2.1), the ones a client may send. */
export const PACKET = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const;

export interface FrameHeader {
  type: number;
  flags: number;
  /** Bytes of the fixed header: 2 to 5. */
  headerBytes: number;
  /** The remaining length: bytes after the fixed header. */
  bodyBytes: number;
}

/** The beginning of a PUBLISH, made a whole frame: its remaining length says what is there. */
export function cutPublish(beginning: Buffer): Buffer {
  const header = readFrameHeader(beginning, 0);
  if (typeof header === 'string') return beginning;
  const body = beginning.subarray(header.headerBytes);
  const length: number[] = [];
  for (let rest = body.length; rest > 0 || length.length === 0; rest = Math.floor(rest / 128)) {
    length.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  }
  return Buffer.concat([beginning.subarray(0, 1), Buffer.from(length), body]);
}

/**
 * Reads a fixed header (MQTT 3.1.1 §2.2).
 * @returns `short` if more bytes are needed, `malformed` if the remaining length has more than 4 bytes
 */
export function readFrameHeader(bytes: Uint8Array, at: number): FrameHeader | 'short' | 'malformed' {
  let bodyBytes = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + 1 + i];
    if (byte === undefined) return 'short';
    bodyBytes += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) {
      const first = bytes[at] ?? 0;
      return { type: first >> 4, flags: first & 0x0f, headerBytes: 2 + i, bodyBytes };
    }
  }
  return 'malformed';
}
