import { type BcdFix, readFix, writeFix } from '../jt808/jt705.ts';
import { type Fault, Reader, toHex, uint, Writer } from '../wire/bytes.ts';

/** A frame of `$`, as sent. What the shorter forms lack is absent. */
export interface BinaryRecord extends BcdFix {
  /** Ten digits. */
  deviceId: string;
  /** 0x19 JT701D, 0x17 and 0x16 JT701, 0x01 GL600. */
  version: number;
  /** High nibble: device. */
  device: number;
  /** Low nibble: 1 live, 2 alarm, 3 blind, 4 live and seconds old. */
  data: number;
  mileageKm: number;
  satellites: number;
  bindId: string;
  status: number;
  /** Percent; 0xFF: charging. */
  battery: number;
  cell: number;
  lac: number;
  csq: number;
  serial: number;
  fence?: number;
  /** Low nibble: what woke the lock. */
  wake?: number;
  mncHigh?: number;
  ext2?: number;
  imei?: string;
  cellHigh?: number;
  mcc?: number;
  mncLow?: number;
}

/** Lengths of a body, without and with what later versions added. */
const SHORT = 35;
const MIDDLE = 39;
const LONG = 52;
const HEAD = 10;

function readTail(reader: Reader, length: number): Partial<BinaryRecord> {
  if (length < MIDDLE) return {};
  const middle = { fence: reader.u8(), wake: reader.u8(), mncHigh: reader.u8(), ext2: reader.u8() };
  if (length < LONG) return middle;
  const long = { imei: reader.hex(8), cellHigh: reader.u16(), mcc: reader.u16(), mncLow: reader.u8() };
  return { ...middle, ...long };
}

/** Reads a frame of `$`; never throws. A length that no version has makes a fault, and so does a frame that is cut. */
export function decodeBinary(raw: Uint8Array): { record?: BinaryRecord; faults: Fault[] } {
  const fault = (field: string, value: string, expected: string) => ({ faults: [{ field, value, expected }] });
  if (raw.length < HEAD || raw[0] !== 0x24) return fault('frame', toHex(raw), '$ and a header of nine bytes');
  if (raw[8] !== 0) return fault('length', toHex(raw.subarray(7, 9)), 'the long header (JT600 is not read)');
  const length = uint(raw, 8, 2);
  if (raw.length !== HEAD + length) return fault('length', String(length), `${raw.length - HEAD} bytes of body`);
  if (![SHORT, MIDDLE, LONG].includes(length)) return fault('length', String(length), '35, 39 or 52');
  const reader = new Reader(raw.subarray(1));
  const deviceId = reader.hex(5);
  const version = reader.u8();
  const nibbles = reader.u8();
  reader.u16();
  const fixed = {
    ...readFix(reader),
    mileageKm: reader.u32(),
    satellites: reader.u8(),
    bindId: reader.hex(4),
    status: reader.u16(),
    battery: reader.u8(),
    cell: reader.u16(),
    lac: reader.u16(),
    csq: reader.u8(),
  };
  const tail = readTail(reader, length);
  const serial = reader.u8();
  const record = { deviceId, version, device: nibbles >> 4, data: nibbles & 15, ...fixed, ...tail, serial };
  return { record, faults: [] };
}

/** Writes the longest form of which all members are present. */
export function encodeBinary(record: BinaryRecord): Uint8Array {
  const { fence, imei } = record;
  const length = fence === undefined ? SHORT : imei === undefined ? MIDDLE : LONG;
  const writer = new Writer()
    .u8(0x24)
    .hex(record.deviceId, 5)
    .u8(record.version)
    .u8((record.device << 4) | record.data)
    .u16(length);
  writeFix(writer, record)
    .u32(record.mileageKm)
    .u8(record.satellites)
    .hex(record.bindId, 4)
    .u16(record.status)
    .u8(record.battery)
    .u16(record.cell)
    .u16(record.lac)
    .u8(record.csq);
  if (fence !== undefined) {
    writer
      .u8(fence)
      .u8(record.wake ?? 0)
      .u8(record.mncHigh ?? 0)
      .u8(record.ext2 ?? 0);
  }
  if (length === LONG) {
    writer
      .hex(imei ?? '', 8)
      .u16(record.cellHigh ?? 0)
      .u16(record.mcc ?? 0)
      .u8(record.mncLow ?? 0);
  }
  return writer.u8(record.serial).done();
}
