import type { BcdFix } from '../jt808/jt705.ts';
import { type Location, readLocation, type Tag } from '../jt808/location.ts';
import { messageName } from '../jt808/messages.ts';
import type { Profile } from '../profile/profile.ts';
import { ShortError, toHex, uint } from '../wire/bytes.ts';
import type { Decoded } from '../wire/decode.ts';
import type { RawFrame } from '../wire/splitter.ts';
import { isSound, lockOf, reportsOf } from './map.ts';
import { bcdDegrees } from './position.ts';
import { cardOf, hhdSeals, huabaoSubLocks } from './tags.ts';

/** What JSON can hold. */
export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
const HIDDEN = '******';

/** Bytes become hexadecimal digits, absent members go. */
function plain(value: unknown): Plain {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value as Plain;
  const members = Object.entries(value).filter(([, own]) => own !== undefined);
  return Object.fromEntries(members.map(([key, own]) => [key, plain(own)]));
}

const PASSWORD_FROM = 7;

function lockEvent(value: Uint8Array): Plain {
  const type = hex(value[0] ?? 0, 2);
  if (value.length >= PASSWORD_FROM) {
    return { type, password: HIDDEN, ...(value.length > PASSWORD_FROM ? { result: value[PASSWORD_FROM] ?? 0 } : {}) };
  }
  if (value.length < 5) return { type };
  return { type, card: cardOf(uint(value, 1, 4)), ...(value.length > 5 ? { result: value[5] ?? 0 } : {}) };
}

/** HHD, item 60: event, one byte, id, card. */
function hhdEvent(value: Uint8Array): Plain {
  const card = String.fromCharCode(...value.subarray(9, 17));
  return { event: toHex(value.subarray(0, 2)), id: toHex(value.subarray(3, 9)), card };
}

/** BSJ and others: {length WORD, id WORD, value}, the id counted; anything else is left as bytes. */
function nested(value: Uint8Array): Plain | undefined {
  const found: Plain[] = [];
  let at = 0;
  while (at + 4 <= value.length) {
    const length = uint(value, at, 2);
    if (length < 2 || at + 2 + length > value.length) return undefined;
    found.push({ id: toHex(value.subarray(at + 2, at + 4)), value: toHex(value.subarray(at + 4, at + 2 + length)) });
    at += 2 + length;
  }
  return at === value.length && found.length > 0 ? found : undefined;
}

function tagOf({ id, value }: Tag, profile: Profile): Plain {
  const key = hex(id, 2);
  const known = Object.hasOwn(profile.tags, key) ? profile.tags[key] : undefined;
  const readers = new Map<string, (bytes: Uint8Array) => Plain>([
    ['lock-event', lockEvent],
    ['huabao-sub-locks', (bytes) => plain(huabaoSubLocks(bytes))],
    ['hhd-seals', (bytes) => plain(hhdSeals(bytes))],
    ['hhd-event', hhdEvent],
  ]);
  const read = readers.get(known?.as ?? '')?.(value) ?? (key === 'EB' ? nested(value) : undefined);
  const isSecret = known?.as === 'lock-event' && value.length >= PASSWORD_FROM;
  return {
    id: key,
    ...(known ? { name: known.name } : {}),
    value: isSecret ? HIDDEN : toHex(value),
    ...(known?.as === 'other' && value.length > 0 && value.length <= 4 ? { number: uint(value) } : {}),
    ...(read === undefined ? {} : { read }),
  };
}

const WEST = 8;
const SOUTH = 4;
const FIX = 2;

function locationOf(location: Location, profile: Profile): Plain {
  const { status, alarms, tags, overrun } = location;
  return {
    alarms: hex(alarms, 8),
    status: hex(status, 8),
    fix: (status & FIX) !== 0,
    lat: (status & SOUTH ? -location.latE6 : location.latE6) / 1e6,
    lon: (status & WEST ? -location.lonE6 : location.lonE6) / 1e6,
    altitudeM: location.altitudeM,
    speedKmh: location.speedTenthKmh / 10,
    headingDeg: location.headingDeg,
    time: location.time,
    tags: tags.map((tag) => tagOf(tag, profile)),
    ...(overrun ? { overrun: toHex(overrun) } : {}),
  };
}

function itemOf(item: Uint8Array, profile: Profile): Plain {
  try {
    return locationOf(readLocation(item), profile);
  } catch (error) {
    if (!(error instanceof ShortError)) throw error;
    return { unreadable: toHex(item) };
  }
}

/** Degrees of a Jointech frame, to seven places; null where its digits are none. */
function degrees(fix: BcdFix): { [key: string]: Plain } {
  const { lat, lon } = bcdDegrees(fix);
  const rounded = (value: number | undefined) => (value === undefined ? null : Math.round(value * 1e7) / 1e7);
  return { fix: (fix.flags & 1) !== 0, lat: rounded(lat), lon: rounded(lon) };
}

/** A line that carries a password says it to nobody who reads the screen. */
const SECRET_WORDS = new Map([
  ['P43', 1],
  ['P44', 1],
  ['P52', 2],
  ['ELOCK', 2],
]);
function hideSecrets(words: readonly string[]): string[] {
  const at = words.findIndex((word) => SECRET_WORDS.has(word));
  const from = at + (SECRET_WORDS.get(words[at] ?? '') ?? 0);
  return words.map((word, i) => (at >= 0 && i >= from && /^\d{4,}$/.test(word) ? HIDDEN : word));
}

function contentOf(decoded: Decoded, profile: Profile): { [key: string]: Plain } {
  if ('unreadable' in decoded) return {};
  if (decoded.family === 'jointech-binary') {
    const { status } = decoded.record;
    return { record: { ...(plain(decoded.record) as object), status: hex(status, 4), ...degrees(decoded.record) } };
  }
  if (decoded.family === 'jointech-text') {
    const { line } = decoded;
    if (line.type === 'line') return { line: { ...(plain(line) as object), words: hideSecrets(line.words) } };
    if (line.type === 'p45') return { line: plain(line) };
    return {
      line: { ...(plain(line) as object), record: { ...(plain(line.record) as object), ...degrees(line.record) } },
    };
  }
  const { header, message } = decoded;
  const head = { ...(plain(header) as object), id: hex(header.id, 4), name: messageName(header.id) };
  if ('location' in message) {
    return {
      header: head,
      message: { ...(plain(message) as object), location: locationOf(message.location, profile) },
    };
  }
  if (message.type === 'batch' || message.type === 'batch-hhd') {
    const items = message.items.map((item) => itemOf(item, profile));
    return { header: head, message: { ...(plain(message) as object), items } };
  }
  if (message.type === 'jt705') {
    const { record } = message;
    const tags = record.tags.map((tag) => tagOf(tag, profile));
    const words = { status: hex(record.status, 4), alarms: hex(record.alarms, 4) };
    return {
      header: head,
      message: {
        ...(plain(message) as object),
        record: { ...(plain(record) as object), ...words, ...degrees(record), tags },
      },
    };
  }
  return { header: head, message: plain(message) };
}

/** A frame for people to read: what it holds, by names, and the reports that come of it. Passwords are hidden. */
export function describe(frame: RawFrame, decoded: Decoded, profile: Profile): { [key: string]: Plain } {
  const { records, notes } = reportsOf(decoded, profile);
  const lockId = lockOf(decoded);
  return {
    family: frame.family,
    bytes: frame.bytes.length,
    ...(lockId === undefined ? {} : { lockId }),
    ...contentOf(decoded, profile),
    faults: plain(decoded.faults),
    believed: isSound(decoded, profile) && !('unreadable' in decoded),
    notes: plain(notes.filter((note) => !decoded.faults.includes(note))),
    reports: plain(records),
  };
}
