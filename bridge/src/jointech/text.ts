import { concat, type Fault, fromLatin, toLatin } from '../wire/bytes.ts';
import { decodeWlnet, encodeWlnet, type SubLockRecord } from './wlnet.ts';

/** An event of a lock by P45, its fields as sent. */
export interface P45 {
  date: string;
  time: string;
  lat: string;
  northSouth: string;
  lon: string;
  eastWest: string;
  /** `A`: a fix, `V`: none. */
  validity: string;
  speedKmh: string;
  heading: string;
  /** 1 card, 2 illegal card, 3 vehicle card, 4 password, 5 locked by itself, 6 dynamic password, 7 Bluetooth, 8 rope pulled. */
  source: string;
  verification: string;
  card: string;
  passwordOk: string;
  wrongCount: string;
  /** What the acknowledgement names. */
  serial: string;
  /** Mileage, and what P94 adds: IMEI, fence, cell. */
  more: string[];
}

/** A line in brackets. `deviceId` is absent in lines to a lock. */
export type Line =
  | { type: 'p45'; deviceId: string; event: P45 }
  | { type: 'sub-lock'; deviceId: string; protocol: string; serial: string; record: SubLockRecord }
  | { type: 'line'; deviceId?: string; words: string[] };

const P45_FIELDS = [
  'date',
  'time',
  'lat',
  'northSouth',
  'lon',
  'eastWest',
  'validity',
  'speedKmh',
  'heading',
  'source',
  'verification',
  'card',
  'passwordOk',
  'wrongCount',
  'serial',
] as const;
const COMMA = 0x2c;
/** Commas before the binary part of `(id,1,serial,WLNET,5,2,`. */
const WLNET_COMMAS = 6;
const IS_DEVICE = /^\d{6,20}$/;

/** Where the binary part of WLNET,5 begins; undefined in any other line. */
function binaryAt(content: Uint8Array): number | undefined {
  let at = -1;
  for (let i = 0; i < WLNET_COMMAS; i++) {
    at = content.indexOf(COMMA, at + 1);
    if (at < 0) return undefined;
  }
  return /^[^,]+,[^,]*,[^,]*,WLNET,5,[^,]*,$/.test(toLatin(content.subarray(0, at + 1))) ? at + 1 : undefined;
}

function p45Of(words: readonly string[]): { event: P45 } | { faults: Fault[] } {
  if (words.length < P45_FIELDS.length) {
    return { faults: [{ field: 'P45', value: words.join(','), expected: `${P45_FIELDS.length} fields or more` }] };
  }
  const named = Object.fromEntries(P45_FIELDS.map((name, i) => [name, words[i] ?? '']));
  return { event: { ...named, more: words.slice(P45_FIELDS.length) } as P45 };
}

/** Reads a line with its brackets; never throws. Zero bytes occur inside of texts, and are no part of them. */
export function decodeLine(raw: Uint8Array): { line?: Line; faults: Fault[] } {
  const content = raw.subarray(1, raw.length - 1);
  const at = binaryAt(content);
  if (at !== undefined) {
    const [deviceId = '', protocol = '', serial = '', , , kind = ''] = toLatin(content.subarray(0, at)).split(',');
    const read = kind === '2' ? decodeWlnet(content.subarray(at)) : { faults: [] };
    if (!('record' in read)) {
      const words = toLatin(content.subarray(0, at)).split(',').slice(1);
      return {
        line: { type: 'line', deviceId, words: [...words.slice(0, -1), toLatin(content.subarray(at))] },
        ...read,
      };
    }
    return { line: { type: 'sub-lock', deviceId, protocol, serial, record: read.record }, faults: [] };
  }
  const words = toLatin(content.filter((byte) => byte !== 0)).split(',');
  const [first = ''] = words;
  if (!IS_DEVICE.test(first)) return { line: { type: 'line', words }, faults: [] };
  const line = { type: 'line' as const, deviceId: first, words: words.slice(1) };
  if (words[1] !== 'P45') return { line, faults: [] };
  const read = p45Of(words.slice(2));
  return 'event' in read
    ? { line: { type: 'p45', deviceId: first, event: read.event }, faults: [] }
    : { line, ...read };
}

export function encodeLine(line: Line): Uint8Array {
  const bracketed = (content: Uint8Array) => concat([fromLatin('('), content, fromLatin(')')]);
  if (line.type === 'sub-lock') {
    const { deviceId, protocol, serial, record } = line;
    return bracketed(concat([fromLatin(`${deviceId},${protocol},${serial},WLNET,5,2,`), encodeWlnet(record)]));
  }
  const head = line.deviceId === undefined ? [] : [line.deviceId];
  const words =
    line.type === 'p45' ? ['P45', ...P45_FIELDS.map((name) => line.event[name]), ...line.event.more] : line.words;
  return bracketed(fromLatin([...head, ...words].join(',')));
}

/** A line to a lock, e.g. `(P69,0,86)`. */
export const lineTo = (...words: (string | number)[]): Uint8Array =>
  encodeLine({ type: 'line', words: words.map(String) });
