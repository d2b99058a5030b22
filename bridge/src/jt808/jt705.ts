import { Reader, Writer } from '../wire/bytes.ts';
import { readTags, type Tag, writeTags } from './location.ts';

/** Time and place as Jointech writes them in binary frames, all digits as sent. */
export interface BcdFix {
  /** DDMMYYhhmmss, UTC. */
  time: string;
  /** DDMMMMMM: degrees, minutes with four decimals. */
  lat: string;
  /** DDDMMMMMM. */
  lon: string;
  /** Bit 0 fix, 1 north, 2 east. */
  flags: number;
  /** As sent: knots, in 0x5501 as two decimal digits. */
  speed: number;
  /** Half degrees: 0–179. */
  heading2: number;
}

/** @throws ShortError below 17 bytes */
export function readFix(reader: Reader): BcdFix {
  const time = reader.hex(6);
  const lat = reader.hex(4);
  const lon = reader.hex(5);
  return {
    time,
    lat,
    lon: lon.slice(0, 9),
    flags: Number.parseInt(lon.slice(9), 16),
    speed: reader.u8(),
    heading2: reader.u8(),
  };
}

export function writeFix(writer: Writer, fix: BcdFix): Writer {
  return writer
    .hex(fix.time, 6)
    .hex(fix.lat, 4)
    .hex(fix.lon + fix.flags.toString(16), 5)
    .u8(fix.speed)
    .u8(fix.heading2);
}

/** The body of 0x5501 (live) and 0x5502 (blind). */
export interface Jt705Record extends BcdFix {
  csq: number;
  satellites: number;
  mileageKm: number;
  /** Percent; 0xAA and 0xAB: charging. */
  battery: number;
  cell: number;
  lac: number;
  product: number;
  status: number;
  alarms: number;
  tags: Tag[];
  overrun?: Uint8Array;
}

/** @throws ShortError below 35 bytes */
export function readJt705(body: Uint8Array): Jt705Record {
  const reader = new Reader(body);
  return {
    ...readFix(reader),
    csq: reader.u8(),
    satellites: reader.u8(),
    mileageKm: reader.u32(),
    battery: reader.u8(),
    cell: reader.u32(),
    lac: reader.u16(),
    product: reader.u8(),
    status: reader.u16(),
    alarms: reader.u16(),
    ...readTags(reader.rest()),
  };
}

export function writeJt705(record: Jt705Record): Uint8Array {
  const writer = writeFix(new Writer(), record)
    .u8(record.csq)
    .u8(record.satellites)
    .u32(record.mileageKm)
    .u8(record.battery)
    .u32(record.cell)
    .u16(record.lac)
    .u8(record.product)
    .u16(record.status)
    .u16(record.alarms);
  return writeTags(writer, record).done();
}
