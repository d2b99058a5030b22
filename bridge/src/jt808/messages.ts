import { type Fault, Reader, ShortError, toHex, uint, Writer } from '../wire/bytes.ts';
import { fixedText, fromGbk, toGbk } from '../wire/gbk.ts';
import type { Shape } from './frame.ts';
import { readJt705, writeJt705 } from './jt705.ts';
import { readLocation, writeLocation } from './location.ts';
import type { AnyCodec, Codec, Message, Parameter, Registration } from './message.ts';

export type { Message };

const CODECS: AnyCodec[] = [];
const codec = <T extends Message['type']>(id: number, type: T, own: Pick<Codec<T>, 'read' | 'write'>) =>
  CODECS.push({ id, type, ...own });

const FORMS = {
  '2011': { maker: 5, model: 8, terminalId: 7 },
  '2013': { maker: 5, model: 20, terminalId: 7 },
  '2019': { maker: 11, model: 30, terminalId: 30 },
} as const;

/** The forms of a registration differ in length alone. */
const formOf = (length: number): Registration['form'] => (length >= 76 ? '2019' : length >= 37 ? '2013' : '2011');

codec(0x0100, 'register', {
  read(reader, _, length) {
    const form = formOf(length);
    const widths = FORMS[form];
    return {
      form,
      province: reader.u16(),
      city: reader.u16(),
      maker: fixedText(reader.take(widths.maker)),
      model: fixedText(reader.take(widths.model)),
      terminalId: fixedText(reader.take(widths.terminalId)),
      plateColour: reader.u8(),
      plate: fixedText(reader.rest()),
    };
  },
  write(writer, message) {
    const widths = FORMS[message.form];
    return writer
      .u16(message.province)
      .u16(message.city)
      .fixed(toGbk(message.maker), widths.maker)
      .fixed(toGbk(message.model), widths.model)
      .fixed(toGbk(message.terminalId), widths.terminalId)
      .u8(message.plateColour)
      .raw(toGbk(message.plate));
  },
});

codec(0x8100, 'registered', {
  read(reader) {
    const [serial, result] = [reader.u16(), reader.u8()];
    return reader.left === 0 ? { serial, result } : { serial, result, code: fromGbk(reader.rest()) };
  },
  // A code beside a refusal makes locks register for ever.
  write: (writer, { serial, result, code }) =>
    writer
      .u16(serial)
      .u8(result)
      .raw(toGbk(code ?? '')),
});

const IMEI = 15;
const SOFTWARE = 20;
codec(0x0102, 'authenticate', {
  read(reader, shape, length) {
    const body = reader.rest();
    const code = 1 + (body[0] ?? 0);
    const is2019 = length === code + IMEI + SOFTWARE || (shape === '2019' && code <= length);
    if (!is2019) return { form: '2013', code: fixedText(body) };
    const behind = new Reader(body.subarray(code));
    return {
      form: '2019',
      code: fromGbk(body.subarray(1, code)),
      ...(behind.left >= IMEI ? { imei: fixedText(behind.take(IMEI)) } : {}),
      ...(behind.left > 0 ? { software: fixedText(behind.rest()) } : {}),
    };
  },
  write(writer, { form, code, imei, software }) {
    const bytes = toGbk(code);
    if (form === '2013') return writer.raw(bytes);
    writer.u8(bytes.length).raw(bytes);
    if (imei !== undefined) writer.fixed(toGbk(imei), IMEI);
    return software === undefined ? writer : writer.fixed(toGbk(software), SOFTWARE);
  },
});

type Empty = 'heartbeat' | 'logout' | 'query-parameters' | 'locate' | 'time-request' | 'clock-request' | 'zone-sync';
const empty = (id: number, type: Empty) =>
  codec(id, type, { read: (reader) => ({ rest: reader.rest() }), write: (writer, { rest }) => writer.raw(rest) });
empty(0x0002, 'heartbeat');
empty(0x0003, 'logout');
empty(0x8104, 'query-parameters');
empty(0x8201, 'locate');
empty(0x0004, 'time-request');
empty(0x0109, 'clock-request');
empty(0x1007, 'zone-sync');

const reply = (id: number, type: 'terminal-reply' | 'platform-reply') =>
  codec(id, type, {
    read: (reader) => ({ serial: reader.u16(), id: reader.u16(), result: reader.u8() }),
    write: (writer, { serial, id: of, result }) => writer.u16(serial).u16(of).u8(result),
  });
reply(0x0001, 'terminal-reply');
reply(0x8001, 'platform-reply');
codec(0x4401, 'jt705-reply', {
  read: (reader) => ({ id: reader.u16(), result: reader.u8() }),
  write: (writer, { id, result }) => writer.u16(id).u8(result),
});

codec(0x0200, 'location', {
  read: (reader) => ({ location: readLocation(reader.rest()) }),
  write: (writer, { location }) => writer.raw(writeLocation(location)),
});
const located = (id: number, type: 'locate-reply' | 'control-reply') =>
  codec(id, type, {
    read: (reader) => ({ serial: reader.u16(), location: readLocation(reader.rest()) }),
    write: (writer, { serial, location }) => writer.u16(serial).raw(writeLocation(location)),
  });
located(0x0201, 'locate-reply');
located(0x0500, 'control-reply');

/** Items {length, location}; one whose length reaches beyond the end is kept in `rest`, and ends the list. */
function readItems(reader: Reader, width: 1 | 2): { items: Uint8Array[]; rest: Uint8Array } {
  const items: Uint8Array[] = [];
  const body = reader.rest();
  let at = 0;
  while (at + width <= body.length) {
    const length = uint(body, at, width);
    if (at + width + length > body.length) break;
    items.push(body.slice(at + width, at + width + length));
    at += width + length;
  }
  return { items, rest: body.slice(at) };
}
codec(0x0704, 'batch', {
  read(reader) {
    const [count, kind] = [reader.u16(), reader.u8()];
    return { count, kind, isBlind: kind === 1, ...readItems(reader, 2) };
  },
  write(writer, { count, kind, items, rest }) {
    writer.u16(count).u8(kind);
    for (const item of items) writer.u16(item.length).raw(item);
    return writer.raw(rest);
  },
});
codec(0x0210, 'batch-hhd', {
  read: (reader) => readItems(reader, 1),
  write(writer, { items, rest }) {
    for (const item of items) writer.u8(item.length).raw(item);
    return writer.raw(rest);
  },
});
for (const [id, isBlind] of [
  [0x5501, false],
  [0x5502, true],
] as const) {
  codec(id, 'jt705', {
    read: (reader) => ({ isBlind, record: readJt705(reader.rest()) }),
    write: (writer, { record }) => writer.raw(writeJt705(record)),
  });
}

function readParameters(reader: Reader, idBytes: 1 | 4): Parameter[] {
  const parameters: Parameter[] = [];
  for (let left = reader.u8(); left > 0; left--) {
    const id = idBytes === 1 ? reader.u8() : reader.u32();
    parameters.push({ id, value: reader.take(reader.u8()) });
  }
  return parameters;
}
function writeParameters(writer: Writer, parameters: readonly Parameter[], idBytes: 1 | 4): Writer {
  writer.u8(parameters.length);
  for (const { id, value } of parameters) writer.put(id, idBytes).u8(value.length).raw(value);
  return writer;
}
codec(0x8103, 'set-parameters', {
  read: (reader) => ({ parameters: readParameters(reader, 4) }),
  write: (writer, { parameters }) => writeParameters(writer, parameters, 4),
});
codec(0x0310, 'set-vendor-parameters', {
  read: (reader) => ({ parameters: readParameters(reader, 1) }),
  write: (writer, { parameters }) => writeParameters(writer, parameters, 1),
});
codec(0x0104, 'parameters', {
  read: (reader) => ({ serial: reader.u16(), parameters: readParameters(reader, 4) }),
  write: (writer, { serial, parameters }) => writeParameters(writer.u16(serial), parameters, 4),
});
codec(0x8106, 'query-these', {
  read: (reader) => ({ ids: Array.from({ length: reader.u8() }, () => reader.u32()) }),
  write(writer, { ids }) {
    writer.u8(ids.length);
    for (const id of ids) writer.u32(id);
    return writer;
  },
});
codec(0x8105, 'terminal-control', {
  read: (reader) => ({ command: reader.u8(), text: fromGbk(reader.rest()) }),
  write: (writer, { command, text }) => writer.u8(command).raw(toGbk(text)),
});
codec(0x8202, 'track', {
  read: (reader) => ({ intervalS: reader.u16(), validS: reader.u32() }),
  write: (writer, { intervalS, validS }) => writer.u16(intervalS).u32(validS),
});
codec(0x8203, 'confirm-alarm', {
  read: (reader) => ({ serial: reader.u16(), alarms: reader.u32() }),
  write: (writer, { serial, alarms }) => writer.u16(serial).u32(alarms),
});
codec(0x8300, 'text', {
  read: (reader, shape) => ({
    flag: reader.u8(),
    ...(shape === '2019' ? { kind: reader.u8() } : {}),
    text: fromGbk(reader.rest()),
  }),
  write(writer, { flag, kind, text }) {
    writer.u8(flag);
    if (kind !== undefined) writer.u8(kind);
    return writer.raw(toGbk(text));
  },
});
codec(0x8500, 'control', {
  read(reader, shape, length) {
    if (shape !== '2019' && length === 1) return { form: '2013', bits: reader.u8() };
    const items = Array.from({ length: reader.u16() }, () => ({ type: reader.u16(), value: reader.u8() }));
    return { form: '2019', items };
  },
  write(writer, message) {
    if (message.form === '2013') return writer.u8(message.bits);
    writer.u16(message.items.length);
    for (const { type, value } of message.items) writer.u16(type).u8(value);
    return writer;
  },
});
codec(0x8004, 'server-time', {
  read: (reader) => ({ time: reader.hex(6) }),
  write: (writer, { time }) => writer.hex(time, 6),
});
codec(0x8109, 'clock', {
  read: (reader) => ({
    year: reader.u16(),
    digits: [...reader.take(5)],
    result: reader.left > 0 ? reader.u8() : 0,
  }),
  write(writer, { year, digits, result }) {
    writer.u16(year);
    for (let i = 0; i < 5; i++) writer.u8(digits[i] ?? 0);
    return writer.u8(result);
  },
});
const passed = (id: number, type: 'pass-up' | 'pass-down') =>
  codec(id, type, {
    read: (reader) => ({ kind: reader.u8(), data: reader.rest() }),
    write: (writer, { kind, data }) => writer.u8(kind).raw(data),
  });
passed(0x0900, 'pass-up');
passed(0x8900, 'pass-down');

const BY_ID = new Map(CODECS.map((one) => [one.id, one]));

export const messageName = (id: number): string => BY_ID.get(id)?.type ?? 'unknown';
/** Ids of every message that is read. */
export const messageIds = (): number[] => [...BY_ID.keys()];

/** Reads a body. One that is no message of its id is `raw`, with a fault. */
export function readMessage(id: number, body: Uint8Array, shape: Shape): { message: Message; faults: Fault[] } {
  const one = BY_ID.get(id);
  if (!one) return { message: { type: 'raw', body }, faults: [] };
  const reader = new Reader(body);
  try {
    const message = { type: one.type, ...one.read(reader, shape, body.length) } as Message;
    if (reader.left === 0) return { message, faults: [] };
    const expected = `a ${one.type} of ${body.length - reader.left} bytes`;
    return { message, faults: [{ field: 'body', value: toHex(body), expected }] };
  } catch (error) {
    if (!(error instanceof ShortError)) throw error;
    const expected = `a whole ${one.type}: ${error.message}`;
    return { message: { type: 'raw', body }, faults: [{ field: 'body', value: toHex(body), expected }] };
  }
}

/** @throws where no message of this id is of this type: that is a defect of the caller */
export function writeMessage(id: number, message: Message, shape: Shape): Uint8Array {
  if (message.type === 'raw') return message.body;
  const one = BY_ID.get(id);
  if (one?.type !== message.type) throw new Error(`0x${id.toString(16)} is no ${message.type}`);
  return one.write(new Writer(), message as never, shape).done();
}
