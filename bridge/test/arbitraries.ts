import fc from 'fast-check';
import type { BinaryRecord } from '../src/jointech/binary.ts';
import type { Header } from '../src/jt808/frame.ts';
import type { Jt705Record } from '../src/jt808/jt705.ts';
import type { Location } from '../src/jt808/location.ts';
import type { Message } from '../src/jt808/messages.ts';

export const u8 = fc.integer({ min: 0, max: 0xff });
export const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
/** Flags and escapes are as likely as all other bytes together. */
export const bytes = (maxLength: number, minLength = 0) =>
  fc
    .array(fc.oneof(u8, fc.constantFrom(0x7e, 0x7d, 0x01, 0x02, 0x24, 0x28, 0x29, 0x3d)), { minLength, maxLength })
    .map((list) => Uint8Array.from(list));
const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789ABCDEF'), { minLength: 2 * length, maxLength: 2 * length })
    .map((d) => d.join(''));
const digits = (length: number) =>
  fc.array(fc.constantFrom(...'0123456789'), { minLength: length, maxLength: length }).map((d) => d.join(''));
const text = (maxLength: number) => fc.array(fc.constantFrom(...'aZ0-'), { maxLength }).map((chars) => chars.join(''));
const gbk = (maxLength: number) =>
  fc.array(fc.constantFrom(...'aZ0粤甘哈'), { maxLength }).map((chars) => chars.join(''));
const tags = fc.array(fc.record({ id: u8, value: bytes(12) }), { maxLength: 5 });

export const location: fc.Arbitrary<Location> = fc.record({
  alarms: u32,
  status: u32,
  latE6: u32,
  lonE6: u32,
  altitudeM: u16,
  speedTenthKmh: u16,
  headingDeg: u16,
  time: hex(6),
  tags,
});

const fix = {
  time: hex(6),
  lat: hex(4),
  lon: hex(5).map((one) => one.slice(1)),
  flags: fc.integer({ min: 0, max: 15 }),
  speed: u8,
  heading2: u8,
};
const jt705: fc.Arbitrary<Jt705Record> = fc.record({
  ...fix,
  csq: u8,
  satellites: u8,
  mileageKm: u32,
  battery: u8,
  cell: u32,
  lac: u16,
  product: u8,
  status: u16,
  alarms: u16,
  tags,
});

const binaryHead = {
  deviceId: digits(10),
  version: u8,
  device: fc.integer({ min: 0, max: 15 }),
  data: fc.integer({ min: 0, max: 15 }),
  ...fix,
  mileageKm: u32,
  satellites: u8,
  bindId: hex(4),
  status: u16,
  battery: u8,
  cell: u16,
  lac: u16,
  csq: u8,
  serial: u8,
};
const binaryMiddle = { fence: u8, wake: u8, mncHigh: u8, ext2: u8 };
const binaryLong = { imei: hex(8), cellHigh: u16, mcc: u16, mncLow: u8 };
export const binary: fc.Arbitrary<BinaryRecord> = fc.oneof(
  fc.record(binaryHead),
  fc.record({ ...binaryHead, ...binaryMiddle }),
  fc.record({ ...binaryHead, ...binaryMiddle, ...binaryLong }),
);

export const subLock = fc.record({
  ...fix,
  sensorTime: hex(6),
  id: hex(5),
  sensorSerial: u8,
  voltage: u16,
  percent: u8,
  rssi: u8,
  kind: fc.constant(4),
  lock: fc.record({ events: u16, status: u16, cycles: u16, gateway: u8 }),
  rest: bytes(6),
});

const c = fc.constant;
const parameters = (id: fc.Arbitrary<number>) => fc.array(fc.record({ id, value: bytes(6) }), { maxLength: 6 });
const one = <T extends Message>(id: number, shape: fc.Arbitrary<T>) => shape.map((message) => ({ id, message }));
const empty = (id: number, type: 'heartbeat' | 'logout' | 'query-parameters' | 'locate' | 'time-request') =>
  one(id, fc.record({ type: c(type), rest: bytes(3) }));

/** Widths of the texts in a registration, by form. */
const register = (form: '2011' | '2013' | '2019', widths: [number, number, number], plate: fc.Arbitrary<string>) =>
  one(
    0x0100,
    fc.record({
      type: c('register' as const),
      form: c(form),
      province: u16,
      city: u16,
      maker: text(widths[0]),
      model: text(widths[1]),
      terminalId: text(widths[2]),
      plateColour: u8,
      plate,
    }),
  );

/** Messages of every kind that the bridge reads, each with its id. */
export const message: fc.Arbitrary<{ id: number; message: Message }> = fc.oneof(
  register('2011', [5, 8, 7], gbk(4)),
  register('2013', [5, 20, 7], gbk(8)),
  register('2019', [11, 30, 30], gbk(8)),
  one(0x8100, fc.record({ type: c('registered' as const), serial: u16, result: c(4) })),
  one(
    0x8100,
    fc.record({ type: c('registered' as const), serial: u16, result: c(0), code: gbk(9).map((code) => `x${code}`) }),
  ),
  one(0x0102, fc.record({ type: c('authenticate' as const), form: c('2013' as const), code: text(20) })),
  empty(0x0002, 'heartbeat'),
  empty(0x0003, 'logout'),
  empty(0x8104, 'query-parameters'),
  empty(0x8201, 'locate'),
  empty(0x0004, 'time-request'),
  one(0x0109, fc.record({ type: c('clock-request' as const), rest: bytes(3) })),
  one(0x1007, fc.record({ type: c('zone-sync' as const), rest: bytes(3) })),
  one(0x0001, fc.record({ type: c('terminal-reply' as const), serial: u16, id: u16, result: u8 })),
  one(0x8001, fc.record({ type: c('platform-reply' as const), serial: u16, id: u16, result: u8 })),
  one(0x0200, fc.record({ type: c('location' as const), location })),
  one(0x0201, fc.record({ type: c('locate-reply' as const), serial: u16, location })),
  one(0x0500, fc.record({ type: c('control-reply' as const), serial: u16, location })),
  one(
    0x0704,
    fc
      .record({ kind: u8, count: u16, items: fc.array(bytes(40), { maxLength: 5 }), rest: bytes(1) })
      .map((rest) => ({ type: 'batch' as const, isBlind: rest.kind === 1, ...rest })),
  ),
  one(
    0x0210,
    fc.record({
      type: c('batch-hhd' as const),
      items: fc.array(bytes(40), { maxLength: 5 }),
      rest: c(new Uint8Array(0)),
    }),
  ),
  one(0x8103, fc.record({ type: c('set-parameters' as const), parameters: parameters(u32) })),
  one(0x0310, fc.record({ type: c('set-vendor-parameters' as const), parameters: parameters(u8) })),
  one(0x0104, fc.record({ type: c('parameters' as const), serial: u16, parameters: parameters(u32) })),
  one(0x8106, fc.record({ type: c('query-these' as const), ids: fc.array(u32, { maxLength: 9 }) })),
  one(0x8105, fc.record({ type: c('terminal-control' as const), command: u8, text: gbk(9) })),
  one(0x8202, fc.record({ type: c('track' as const), intervalS: u16, validS: u32 })),
  one(0x8203, fc.record({ type: c('confirm-alarm' as const), serial: u16, alarms: u32 })),
  one(0x8004, fc.record({ type: c('server-time' as const), time: hex(6) })),
  one(
    0x8109,
    fc.record({
      type: c('clock' as const),
      year: u16,
      digits: fc.array(u8, { minLength: 5, maxLength: 5 }),
      result: u8,
    }),
  ),
  one(0x0900, fc.record({ type: c('pass-up' as const), kind: u8, data: bytes(20) })),
  one(0x8900, fc.record({ type: c('pass-down' as const), kind: u8, data: bytes(20) })),
  one(0x0fff, fc.record({ type: c('raw' as const), body: bytes(20) })),
);

/** Messages whose form follows from the header. */
export const shaped: fc.Arbitrary<{ id: number; shape: Header['shape']; message: Message }> = fc.oneof(
  fc
    .record({ type: c('text' as const), flag: u8, text: gbk(9) })
    .map((m) => ({ id: 0x8300, shape: '2013' as const, message: m })),
  fc
    .record({ type: c('text' as const), flag: u8, kind: u8, text: gbk(9) })
    .map((m) => ({ id: 0x8300, shape: '2019' as const, message: m })),
  u8.map((bits) => ({
    id: 0x8500,
    shape: '2013' as const,
    message: { type: 'control' as const, form: '2013' as const, bits },
  })),
  fc.array(fc.record({ type: u16, value: u8 }), { maxLength: 5 }).map((items) => ({
    id: 0x8500,
    shape: '2019' as const,
    message: { type: 'control' as const, form: '2019' as const, items },
  })),
  fc
    .record({ code: text(20), imei: text(15), software: text(20) })
    .map((rest) => ({
      id: 0x0102,
      shape: '2019' as const,
      message: { type: 'authenticate' as const, form: '2019' as const, ...rest },
    }))
    .filter(({ message: { software } }) => software !== ''),
  fc.record({ isBlind: fc.boolean(), record: jt705 }).map(({ isBlind, record }) => ({
    id: isBlind ? 0x5502 : 0x5501,
    shape: 'short' as const,
    message: { type: 'jt705' as const, isBlind, record },
  })),
  fc.record({ type: c('jt705-reply' as const), id: u16, result: u8 }).map((m) => ({
    id: 0x4401,
    shape: 'short' as const,
    message: m,
  })),
);

/** A header of this shape for a message. */
export const header = (id: number, shape: Header['shape']): fc.Arbitrary<Header> =>
  fc.record({ serial: u16, phone: digits(shape === '2019' ? 20 : 12), bit14: fc.boolean(), version: u8 }).map((h) => ({
    id,
    // Bit 14 lies in the field, both ways: it must make no difference.
    flags: h.bit14 ? 0x4000 : 0,
    shape,
    ...(shape === '2019' ? { version: h.version } : {}),
    phone: h.phone,
    serial: shape === 'short' ? h.serial & 0xff : h.serial,
  }));
