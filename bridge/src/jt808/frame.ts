import { concat, type Fault, toHex, uint, Writer } from '../wire/bytes.ts';

/** Begins and ends a frame. */
export const FLAG = 0x7e;
const ESCAPE = 0x7d;

/** Which header a frame has: `short` is that of Jointech's 0x5501, whose serial is one byte. */
export type Shape = '2013' | '2019' | 'short';

export interface Header {
  id: number;
  /** Bits 10–15 of the attributes as sent; the length is counted anew when a frame is written. */
  flags: number;
  shape: Shape;
  /** Of 2019 alone. */
  version?: number;
  /** The digits as sent: 12, of 2019 20. Some locks send other than decimal ones. */
  phone: string;
  serial: number;
  part?: { total: number; index: number };
}

export const IS_ENCRYPTED = 0x1c00;
const IS_PART = 0x2000;
const IS_2019 = 0x4000;
/** Jointech 0x5501, 0x5502 and the acknowledgement 0x4401. */
export const SHORT_IDS: ReadonlySet<number> = new Set([0x5501, 0x5502, 0x4401]);

/** Everything that a frame of 0x7e holds; with faults it is what could be read nevertheless. */
export interface Frame808 {
  header: Header;
  body: Uint8Array;
  faults: Fault[];
}

/** Doubles the flags and escapes within; the checksum is escaped like all else. */
export function escapeBytes(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const byte of bytes) {
    if (byte === FLAG) out.push(ESCAPE, 2);
    else if (byte === ESCAPE) out.push(ESCAPE, 1);
    else out.push(byte);
  }
  return Uint8Array.from(out);
}

/** Undoes escaping. After 7D only 01 and 02 are valid: another byte is kept as it is, and is a fault. */
export function unescapeBytes(bytes: Uint8Array): { bytes: Uint8Array; faults: Fault[] } {
  if (!bytes.includes(ESCAPE)) return { bytes: bytes.slice(), faults: [] };
  const out: number[] = [];
  const faults: Fault[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const next = bytes[i + 1];
    if (byte !== ESCAPE) out.push(byte);
    else if (next === 1 || next === 2) {
      out.push(next === 1 ? ESCAPE : FLAG);
      i++;
    } else {
      out.push(byte);
      const value = toHex(bytes.subarray(i, i + 2));
      faults.push({ field: 'escape', value, expected: '7D01 for 7D, 7D02 for 7E' });
    }
  }
  return { bytes: Uint8Array.from(out), faults };
}

/** XOR of all bytes from the message id to the last one of the body. */
export function checksumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum ^= bytes[i] ?? 0;
  return sum;
}

interface Layout {
  shape: Shape;
  isPart: boolean;
}

const LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  [12, { shape: '2013', isPart: false }],
  [16, { shape: '2013', isPart: true }],
  [17, { shape: '2019', isPart: false }],
  [21, { shape: '2019', isPart: true }],
]);
const lengthOf = ({ shape, isPart }: Layout): number =>
  (shape === 'short' ? 11 : shape === '2013' ? 12 : 17) + (isPart ? 4 : 0);

/**
 * The layout of a header follows from its length, which is what the declared body leaves of the frame. Bit 14 lies in the
 * field, both ways; where no layout fits, the bits are all there is.
 */
function layoutOf(id: number, attributes: number, headBytes: number): Layout & { fits: boolean } {
  if (SHORT_IDS.has(id)) return { shape: 'short', isPart: false, fits: headBytes === 11 };
  const layout = LAYOUTS.get(headBytes);
  if (layout) return { ...layout, fits: true };
  return { shape: attributes & IS_2019 ? '2019' : '2013', isPart: (attributes & IS_PART) !== 0, fits: false };
}

function headerOf(bytes: Uint8Array, { shape, isPart }: Layout): Header {
  const phoneAt = shape === '2019' ? 5 : 4;
  const serialAt = phoneAt + (shape === '2019' ? 10 : 6);
  const serialBytes = shape === 'short' ? 1 : 2;
  const partAt = serialAt + serialBytes;
  return {
    id: uint(bytes, 0, 2),
    flags: uint(bytes, 2, 2) & 0xfc00,
    shape,
    ...(shape === '2019' ? { version: bytes[4] ?? 0 } : {}),
    phone: toHex(bytes.subarray(phoneAt, serialAt)),
    serial: uint(bytes, serialAt, serialBytes),
    ...(isPart ? { part: { total: uint(bytes, partAt, 2), index: uint(bytes, partAt + 2, 2) } } : {}),
  };
}

/**
 * Reads a frame of 0x7e with its flags. It never throws: a checksum, length or escape that is wrong is a fault beside what
 * could be read.
 * @returns undefined where the frame is too short for a header, with the faults that say so
 */
export function decodeFrame(raw: Uint8Array): Frame808 | { faults: Fault[] } {
  const start = raw[0] === FLAG ? 1 : 0;
  const end = raw.length > start && raw[raw.length - 1] === FLAG ? raw.length - 1 : raw.length;
  const { bytes, faults } = unescapeBytes(raw.subarray(start, end));
  const content = bytes.subarray(0, Math.max(0, bytes.length - 1));
  const id = uint(content, 0, 2);
  const attributes = uint(content, 2, 2);
  const declared = attributes & 0x3ff;
  const layout = layoutOf(id, attributes, content.length - declared);
  const head = lengthOf(layout);
  if (content.length < head) {
    const expected = `at least ${head + 1} bytes between the flags: a header and a checksum`;
    return { faults: [...faults, { field: 'frame', value: toHex(bytes), expected }] };
  }
  const sent = bytes[bytes.length - 1] ?? 0;
  const counted = checksumOf(content);
  if (sent !== counted) {
    faults.push({ field: 'checksum', value: toHex(Uint8Array.of(sent)), expected: toHex(Uint8Array.of(counted)) });
  }
  if (!layout.fits) {
    faults.push({ field: 'length', value: String(declared), expected: `${content.length - head} bytes of body` });
  }
  return { header: headerOf(content, layout), body: content.slice(head), faults };
}

/** Writes a frame with its flags: header and body, then the checksum, then the escapes. */
export function encodeFrame(header: Header, body: Uint8Array): Uint8Array {
  const { id, flags, shape, phone, serial, part } = header;
  const writer = new Writer().u16(id).u16((flags & 0xfc00) | (body.length & 0x3ff));
  if (shape === '2019') writer.u8(header.version ?? 1);
  writer.hex(phone, shape === '2019' ? 10 : 6).put(serial, shape === 'short' ? 1 : 2);
  if (part && shape !== 'short') writer.u16(part.total).u16(part.index);
  const content = writer.raw(body).done();
  const whole = concat([content, Uint8Array.of(checksumOf(content))]);
  return concat([Uint8Array.of(FLAG), escapeBytes(whole), Uint8Array.of(FLAG)]);
}

/** The header of a message to a lock: its own layout and number. @param serial of the platform, per connection */
export function answerHeader(to: Header, id: number, serial: number): Header {
  const shape = SHORT_IDS.has(id) ? 'short' : to.shape === 'short' ? '2013' : to.shape;
  const flags = shape === '2019' ? IS_2019 : 0;
  return { id, flags, shape, ...(shape === '2019' ? { version: to.version ?? 1 } : {}), phone: to.phone, serial };
}
