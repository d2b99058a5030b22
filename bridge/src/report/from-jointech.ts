import type { LockEvent, Position, SealState } from '@sealwatch/schemas';
import type { BinaryRecord } from '../jointech/binary.ts';
import type { P45 } from '../jointech/text.ts';
import { JT709, type SubLockRecord } from '../jointech/wlnet.ts';
import type { Profile } from '../profile/profile.ts';
import { uint } from '../wire/bytes.ts';
import { degreesOf, positionBcd, positionOf } from './position.ts';
import { type Context, type Mapped, reportOf } from './record.ts';
import { batteryOf, cardOf, rssiOf } from './tags.ts';
import { timeOf } from './time.ts';
import { bitEvents, caseOf, holds, sealOf, type Words } from './words.ts';

const ALARM = 2;
const BLIND = 3;
const NO_CHARGE_BIT = 0x0f;
const JT701D = 0x19;
/** Slower than this a lock stands, whatever its receiver says. */
const MOVES_KMH = 5;

/** A record of a `$` frame. */
export function fromBinary(record: BinaryRecord, profile: Profile, context: Context): Mapped {
  const { status, serial, satellites, ext2 } = record;
  const wake = record.wake === undefined ? undefined : record.wake & 15;
  const words: Words = { status, serial, wake, tags: [], isAlarm: record.data === ALARM };
  const isCell = profile.cellPosition !== undefined && holds(profile.cellPosition, words) === true;
  const position = positionBcd(record, { isBcd: false, isCell, satellites });
  const told = caseOf(profile.mode, words);
  const mode = told === 'sleep' && (position?.speedKmh ?? 0) > MOVES_KMH ? 'awake' : told;
  const battery = batteryOf(record.battery, profile.charging);
  const charges = record.version === JT701D && ext2 !== undefined && ext2 !== NO_CHARGE_BIT && (ext2 & 1) === 1;
  const events = bitEvents(profile, words);
  const rssiDbm = rssiOf(record.csq);
  const content = {
    kind: record.data === BLIND ? ('backfill' as const) : ('live' as const),
    mode: context.mode ?? mode,
    position,
    seal: sealOf(profile, words),
    battery: charges ? { ...battery, charging: true } : battery,
    network: rssiDbm === undefined ? undefined : { rssiDbm },
    events: events.length === 0 ? undefined : events,
  };
  const { data: _, serial: __, ...lasting } = record;
  const deviceMs = timeOf(record.time, 'DMY');
  const said = { of: 'position', deviceMs, record: lasting, wire: `${serial}` } as const;
  return { lockId: record.deviceId, report: reportOf(content, said) };
}

/** Degrees as written: decimal, or packed as degrees and minutes where they are beyond what degrees can be. */
function p45Degrees({ lat, lon }: P45): { lat: number | undefined; lon: number | undefined } {
  const number = (text: string) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined);
  const packed = (text: string, digits: 2 | 3) => {
    const [whole = '', fraction = ''] = text.split('.');
    return degreesOf(whole.padStart(digits + 2, '0') + fraction.padEnd(4, '0').slice(0, 4), digits);
  };
  const isPacked =
    /^\d{4}\./.test(lat) || /^\d{5}\./.test(lon) || Math.abs(number(lat) ?? 0) > 90 || Math.abs(number(lon) ?? 0) > 180;
  return isPacked ? { lat: packed(lat, 2), lon: packed(lon, 3) } : { lat: number(lat), lon: number(lon) };
}

function p45Position(event: P45, satellites?: number): Position | undefined {
  if (event.validity !== 'A') return undefined;
  const { lat, lon } = p45Degrees(event);
  const number = (text: string) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined);
  return positionOf({
    lat: lat !== undefined && event.northSouth === 'S' ? -lat : lat,
    lon: lon !== undefined && event.eastWest === 'W' ? -lon : lon,
    speedKmh: number(event.speedKmh),
    headingDeg: number(event.heading),
    satellites,
    isCell: false,
  });
}

const UNLOCK_SOURCES = new Map<string, 'card' | 'password' | 'dynamic-password' | 'bluetooth'>([
  ['1', 'card'],
  ['3', 'card'],
  ['4', 'password'],
  ['6', 'dynamic-password'],
  ['7', 'bluetooth'],
]);
const OUTSIDE = '99';
const IS_VERIFIED = /^[1-9]\d*$/;

function p45Events({ source, verification, card, passwordOk, wrongCount }: P45): LockEvent[] {
  const named = /^0*$/.test(card) ? {} : { card: card.slice(0, 64) };
  if (source === '2') return [{ type: 'illegal-card', ...named }];
  if (source === '5') return [{ type: 'lock', source: 'auto' }];
  const by = UNLOCK_SOURCES.get(source);
  if (by === undefined) return [];
  if (verification === OUTSIDE) {
    return [{ type: 'unlock', source: by, ...named, verified: false, reason: 'outside-area' }];
  }
  if (IS_VERIFIED.test(verification)) return [{ type: 'unlock', source: by, ...named, verified: true }];
  if ((by === 'password' || by === 'dynamic-password') && passwordOk === '0') {
    const count = /^\d{1,6}$/.test(wrongCount) ? { count: Number(wrongCount) } : {};
    return [{ type: 'wrong-password', ...count }];
  }
  return [{ type: 'unlock', source: by, ...named, verified: false, reason: 'refused' }];
}

const ROPE_PULLED = '8';

/** A record of P45. It tells what happened, and of the seal that its rope was pulled out, if it was. */
export function fromP45(deviceId: string, event: P45): Mapped {
  const events = p45Events(event);
  const content = {
    kind: 'live' as const,
    mode: undefined,
    position: p45Position(event),
    seal: event.source === ROPE_PULLED ? ({ rope: 'pulled' } as const) : undefined,
    battery: undefined,
    network: undefined,
    events: events.length === 0 ? undefined : events,
  };
  const { serial, ...lasting } = event;
  const deviceMs = timeOf(event.date + event.time, 'DMY');
  return { lockId: deviceId, report: reportOf(content, { of: 'event', deviceMs, record: lasting, wire: serial }) };
}

const bit = (word: number, at: number) => ((word >> at) & 1) === 1;

function subLockSeal({ events, status }: { events: number; status: number }): SealState {
  const pulled = bit(status, 0) || bit(events, 8);
  return {
    rope: bit(events, 4) ? 'cut' : pulled ? 'pulled' : 'inserted',
    motor: bit(status, 1) ? 'unlocked' : 'locked',
    cover: bit(status, 2) || bit(events, 2) ? 'opened' : 'closed',
  };
}

function subLockEvents(events: number, card: Uint8Array): LockEvent[] {
  const named = card.length >= 4 ? { card: cardOf(uint(card, 0, 4)) } : {};
  return [
    ...(bit(events, 1) ? [{ type: 'unlock', source: 'bluetooth', verified: true } as const] : []),
    ...(bit(events, 3) ? [{ type: 'unlock', source: 'remote', verified: true } as const] : []),
    ...(bit(events, 9) ? [{ type: 'unlock', source: 'card', ...named, verified: true } as const] : []),
    ...(bit(events, 0) ? [{ type: 'lock' } as const] : []),
  ];
}

/** A place of the hub is the place of a record of its sub-lock only if both are of about the same time. */
const SAME_TIME_MS = 60_000;

const IS_REPLAY = 1 << 15;
const GATEWAY_REPLAYS = 1;

/** What a sub-lock itself says: nothing of its hub, no number, no bits that say that it is sent once more. */
function lastingOf({ sensorTime, id, voltage, percent, kind, lock, rest }: SubLockRecord): object {
  const own = { sensorTime, id, voltage, percent, kind, rest };
  return lock === undefined
    ? own
    : { ...own, events: lock.events & ~IS_REPLAY, status: lock.status, cycles: lock.cycles };
}

/** The record of the hub, which has no seal, and that of its sub-lock. */
export function fromSubLock(hubId: string, serial: string, record: SubLockRecord, context: Context): Mapped[] {
  const hubMs = timeOf(record.time, 'DMY');
  const sensorMs = timeOf(record.sensorTime, 'DMY');
  const position = positionBcd(record, { isBcd: false, isCell: false });
  const nothing = { mode: undefined, seal: undefined, battery: undefined, network: undefined, events: undefined };
  const isReplay =
    record.lock !== undefined && ((record.lock.events & IS_REPLAY) | (record.lock.gateway & GATEWAY_REPLAYS)) !== 0;
  const kind = isReplay ? ('backfill' as const) : ('live' as const);
  const { time, lat, lon, flags, speed, heading2 } = record;
  const hub = reportOf(
    { ...nothing, kind, mode: context.mode, position },
    { of: 'position', deviceMs: hubMs, record: { time, lat, lon, flags, speed, heading2 }, wire: serial },
  );
  const isNear = hubMs !== undefined && sensorMs !== undefined && Math.abs(hubMs - sensorMs) <= SAME_TIME_MS;
  const lock = record.kind === JT709 ? record.lock : undefined;
  const events = lock === undefined ? [] : subLockEvents(lock.events, record.rest);
  const charging = lock !== undefined && bit(lock.status, 3) ? { charging: true } : {};
  const own = reportOf(
    {
      ...nothing,
      kind,
      position: isNear ? position : undefined,
      seal: lock === undefined ? undefined : subLockSeal(lock),
      battery: record.percent <= 100 ? { percent: record.percent, ...charging } : undefined,
      network: record.rssi === 0 || record.rssi > 200 ? undefined : { rssiDbm: -record.rssi },
      events: events.length === 0 ? undefined : events,
    },
    { of: 'subLock', deviceMs: sensorMs, record: lastingOf(record), wire: `${record.sensorSerial}` },
  );
  return [
    { lockId: hubId, report: hub },
    { lockId: record.id, report: own },
  ];
}
