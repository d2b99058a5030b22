import { type BcdFix, readFix, writeFix } from '../jt808/jt705.ts';
import { type Fault, Reader, ShortError, toHex, Writer } from '../wire/bytes.ts';

/** A record of a sub-lock that a JT701D relays (WLNET,5). `time` and the position are those of the JT701D. */
export interface SubLockRecord extends BcdFix {
  /** DDMMYYhhmmss, UTC: when the sub-lock made the record. */
  sensorTime: string;
  /** Ten hexadecimal digits. */
  id: string;
  sensorSerial: number;
  /** 0.01 V. */
  voltage: number;
  percent: number;
  /** −dBm, at the hub. */
  rssi: number;
  /** 1 JT126, 4 JT709, 9 JT802. */
  kind: number;
  /** Of JT709. */
  lock?: { events: number; status: number; cycles: number; gateway: number };
  /** What follows: of JT709 after an unlock the card. */
  rest: Uint8Array;
}

export const JT709 = 4;
const ESCAPE = 0x3d;
const ESCAPED: ReadonlyMap<number, number> = new Map([
  [0x15, 0x28],
  [0x14, 0x29],
  [0x11, 0x2c],
  [0x00, 0x3d],
]);
const BY_PLAIN = new Map([...ESCAPED].map(([code, plain]) => [plain, code]));

function unescapeWlnet(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const plain = byte === ESCAPE ? ESCAPED.get(bytes[i + 1] ?? -1) : undefined;
    out.push(plain ?? byte);
    if (plain !== undefined) i++;
  }
  return Uint8Array.from(out);
}

function escapeWlnet(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const byte of bytes) {
    const code = BY_PLAIN.get(byte);
    if (code === undefined) out.push(byte);
    else out.push(ESCAPE, code);
  }
  return Uint8Array.from(out);
}

/** Reads the binary part, as escaped; never throws. */
export function decodeWlnet(payload: Uint8Array): { record: SubLockRecord } | { faults: Fault[] } {
  const reader = new Reader(unescapeWlnet(payload));
  try {
    const record: SubLockRecord = {
      ...readFix(reader),
      sensorTime: reader.hex(6),
      id: reader.hex(5),
      sensorSerial: reader.u8(),
      voltage: reader.u16(),
      percent: reader.u8(),
      rssi: reader.u8(),
      kind: reader.u8(),
      rest: new Uint8Array(0),
    };
    if (record.kind === JT709 && reader.left >= 7) {
      record.lock = { events: reader.u16(), status: reader.u16(), cycles: reader.u16(), gateway: reader.u8() };
    }
    return { record: { ...record, rest: reader.rest() } };
  } catch (error) {
    if (!(error instanceof ShortError)) throw error;
    return { faults: [{ field: 'WLNET', value: toHex(payload), expected: `a whole record: ${error.message}` }] };
  }
}

export function encodeWlnet(record: SubLockRecord): Uint8Array {
  const writer = writeFix(new Writer(), record)
    .hex(record.sensorTime, 6)
    .hex(record.id, 5)
    .u8(record.sensorSerial)
    .u16(record.voltage)
    .u8(record.percent)
    .u8(record.rssi)
    .u8(record.kind);
  if (record.lock) {
    const { events, status, cycles, gateway } = record.lock;
    writer.u16(events).u16(status).u16(cycles).u8(gateway);
  }
  return escapeWlnet(writer.raw(record.rest).done());
}
