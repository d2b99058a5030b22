import { type FrameHeader, readFrameHeader } from './frame.ts';

const SUBACK = 9;
const REFUSED = 0x80;

interface Asked {
  /** For each filter as sent, its place among the different ones. */
  places: number[];
  qos: number[];
}

/**
 * A SUBACK has a return code for each filter of its SUBSCRIBE (MQTT 3.1.1 §3.9.3); aedes answers equal filters once. What
 * aedes writes begins and ends with whole frames.
 */
export class SubackCodes {
  /** SUBSCRIBEs with equal filters that are not answered yet, by packet id. */
  readonly #asked = new Map<number, Asked>();

  /** @param bytes hold the whole frame of a well-formed SUBSCRIBE, at `at` */
  expect(bytes: Buffer, at: number, header: FrameHeader): void {
    const end = at + header.headerBytes + header.bodyBytes;
    let next = at + header.headerBytes;
    const packetId = bytes.readUInt16BE(next);
    next += 2;
    const different = new Map<string, number>();
    const asked: Asked = { places: [], qos: [] };
    while (next < end) {
      const to = next + 2 + bytes.readUInt16BE(next);
      const filter = bytes.toString('latin1', next + 2, to);
      const place = different.get(filter) ?? different.size;
      different.set(filter, place);
      asked.places.push(place);
      asked.qos.push(bytes[to] ?? 0);
      next = to + 1;
    }
    if (different.size < asked.places.length) this.#asked.set(packetId, asked);
  }

  /** What is to be sent instead of whole frames that aedes has written. */
  complete(frames: Buffer): Buffer {
    if (this.#asked.size === 0) return frames;
    const sent: Buffer[] = [];
    for (let at = 0; at < frames.length; ) {
      const header = readFrameHeader(frames, at);
      const to = typeof header === 'string' ? frames.length : at + header.headerBytes + header.bodyBytes;
      const frame = frames.subarray(at, to);
      sent.push(typeof header === 'string' ? frame : this.#completed(frame, header));
      at = to;
    }
    return Buffer.concat(sent);
  }

  #completed(frame: Buffer, header: FrameHeader): Buffer {
    if (header.type !== SUBACK) return frame;
    const packetId = frame.readUInt16BE(header.headerBytes);
    const asked = this.#asked.get(packetId);
    if (asked === undefined) return frame;
    this.#asked.delete(packetId);
    const granted = frame.subarray(header.headerBytes + 2);
    const codes = asked.places.map((place, i) => (granted[place] === REFUSED ? REFUSED : (asked.qos[i] ?? 0)));
    return Buffer.from([SUBACK << 4, ...lengthOf(2 + codes.length), packetId >> 8, packetId & 0xff, ...codes]);
  }
}

/** A remaining length as MQTT writes it. */
function lengthOf(bytes: number): number[] {
  return bytes < 128 ? [bytes] : [(bytes % 128) | 0x80, ...lengthOf(Math.floor(bytes / 128))];
}
