import type { LockEvent, Report } from '@sealwatch/schemas';
import type { Header } from '../jt808/frame.ts';
import type { Jt705Record } from '../jt808/jt705.ts';
import { type Location, readLocation, type Tag } from '../jt808/location.ts';
import type { Message } from '../jt808/messages.ts';
import type { Profile } from '../profile/profile.ts';
import { type Fault, ShortError, toHex, uint } from '../wire/bytes.ts';
import { position808, positionBcd } from './position.ts';
import { type Context, lockIdOf, type Mapped, type Mapping, reportOf, sorted } from './record.ts';
import {
  batteryOf,
  csqOf,
  everyTagAs,
  hhdSeals,
  huabaoSubLocks,
  lockEventOf,
  rssiOf,
  type SubLock,
  tagAs,
} from './tags.ts';
import { timeOf } from './time.ts';
import { bitEvents, caseOf, holds, sealOf, type Words } from './words.ts';

interface Source {
  lockId: string;
  profile: Profile;
  context: Context;
  kind: Report['kind'];
  wire: string;
}

/** Jointech's lock event: of one second it comes behind the positions. */
const EVENT_ITEM = 0x0b;
const classOf = (tags: readonly Tag[]) => (tags.some(({ id }) => id === EVENT_ITEM) ? 'event' : 'position');

const some = <T>(list: T[]): T[] | undefined => (list.length === 0 ? undefined : list);
const network = (csq: number | undefined) => {
  const rssiDbm = rssiOf(csq);
  return rssiDbm === undefined ? undefined : { rssiDbm };
};

function subLocksOf(profile: Profile, location: Location): SubLock[] {
  return [
    ...everyTagAs(profile, location.tags, 'huabao-sub-locks').flatMap(huabaoSubLocks),
    ...everyTagAs(profile, location.tags, 'hhd-seals').flatMap(hhdSeals),
  ];
}

function batteryIn(profile: Profile, tags: readonly Tag[]) {
  const hundredths = tagAs(profile, tags, 'battery-hundredths');
  const percent = hundredths === undefined ? Number.NaN : uint(hundredths) / 100;
  return percent <= 100 ? { percent } : batteryOf(tagAs(profile, tags, 'battery-percent')?.[0], profile.charging);
}

/** A record of the lock itself, and of each seal that it lists as its hub. */
function fromLocation(location: Location, source: Source): Mapped[] {
  const { profile, context, kind, wire } = source;
  const { tags, status, alarms } = location;
  const words: Words = { status, alarms, tags, isAlarm: false };
  const deviceMs = timeOf(location.time, 'YMD', profile.timeZone);
  const isCell = profile.cellPosition !== undefined && holds(profile.cellPosition, words) === true;
  const position = position808(location, isCell, tagAs(profile, tags, 'satellites')?.[0]);
  const ofTags: LockEvent[] = everyTagAs(profile, tags, 'lock-event').flatMap(lockEventOf);
  const events = [...ofTags, ...bitEvents(profile, words)].slice(0, 50);
  const own = reportOf(
    {
      kind,
      mode: context.mode ?? caseOf(profile.mode, words),
      position,
      seal: sealOf(profile, words),
      battery: batteryIn(profile, tags),
      network: network(csqOf(tagAs(profile, tags, 'csq'))),
      events: some(events),
    },
    { of: classOf(tags), deviceMs, record: location, wire },
  );
  const { subLocks } = profile;
  const listed = subLocks === undefined ? [] : subLocksOf(profile, location);
  const others = listed.map((entry) => ({
    lockId: entry.id,
    report: reportOf(
      {
        kind: kind === 'roll-call' ? 'live' : kind,
        mode: undefined,
        position,
        seal: entry.isClosed ? subLocks?.closed : subLocks?.open,
        battery: entry.percent === undefined ? undefined : { percent: entry.percent },
        network: undefined,
        events: undefined,
      },
      { of: 'subLock', deviceMs, record: { location, entry }, wire },
    ),
  }));
  return [{ lockId: source.lockId, report: own }, ...others];
}

/** A record of 0x5501 or 0x5502. */
function fromJt705(record: Jt705Record, source: Source): Mapped {
  const { profile, context, kind, wire } = source;
  const { status, alarms, tags, satellites } = record;
  const words: Words = { status, alarms, tags, isAlarm: false };
  const isCell = profile.cellPosition !== undefined && holds(profile.cellPosition, words) === true;
  const ofTags = everyTagAs(profile, tags, 'lock-event').flatMap(lockEventOf);
  const content = {
    kind,
    mode: context.mode ?? caseOf(profile.mode, words),
    position: positionBcd(record, { isBcd: true, isCell, satellites }),
    seal: sealOf(profile, words),
    battery: batteryOf(record.battery, profile.charging),
    network: network(record.csq),
    events: some([...ofTags, ...bitEvents(profile, words)].slice(0, 50)),
  };
  const deviceMs = timeOf(record.time, 'DMY');
  return { lockId: source.lockId, report: reportOf(content, { of: classOf(tags), deviceMs, record, wire }) };
}

function fromItems(items: readonly Uint8Array[], source: Source): Mapping {
  const records: Mapped[] = [];
  const notes: Fault[] = [];
  items.forEach((item, i) => {
    try {
      records.push(...fromLocation(readLocation(item), { ...source, wire: `${source.wire}.${i}` }));
    } catch (error) {
      if (!(error instanceof ShortError)) throw error;
      notes.push({ field: `items.${i}`, value: toHex(item), expected: 'a location of 28 bytes or more' });
    }
  });
  return { records: sorted(records), notes };
}

const LEAST_LOCATION = 28;

/**
 * The items of a batch. Of one whose length reaches beyond the end, time, place and state are taken: they stand at its
 * beginning; what its length would make of the bytes behind them is nothing.
 */
function itemsOf(items: readonly Uint8Array[], rest: Uint8Array, width: 1 | 2): readonly Uint8Array[] {
  return rest.length < width + LEAST_LOCATION ? items : [...items, rest.slice(width, width + LEAST_LOCATION)];
}

/** Bytes behind the last whole item, or another count than said, are noted; the items that can be read are taken. */
function batchNotes(count: number | undefined, found: number, rest: Uint8Array): Fault[] {
  const notes: Fault[] = [];
  if (rest.length > 0) notes.push({ field: 'items', value: toHex(rest), expected: 'items that end with the body' });
  if (count !== undefined && count !== found) {
    notes.push({ field: 'count', value: String(count), expected: `${found}, the items in the body` });
  }
  return notes;
}

/** @returns no records for a message that tells nothing of a lock */
export function fromJt808(header: Header, message: Message, profile: Profile, context: Context): Mapping {
  const lockId = lockIdOf(header.phone);
  const wire = `${header.serial}`;
  if (lockId === undefined) {
    const fault = { field: 'phone', value: header.phone, expected: 'a lock id of 6 to 20 capital letters and digits' };
    return { records: [], notes: [fault] };
  }
  const source: Source = { lockId, profile, context, kind: 'live', wire };
  switch (message.type) {
    case 'location':
    case 'control-reply':
      return { records: fromLocation(message.location, source), notes: [] };
    case 'locate-reply':
      return { records: fromLocation(message.location, { ...source, kind: 'roll-call' }), notes: [] };
    case 'batch': {
      const { records, notes } = fromItems(itemsOf(message.items, message.rest, 2), {
        ...source,
        kind: message.isBlind ? 'backfill' : 'live',
      });
      return { records, notes: [...notes, ...batchNotes(message.count, message.items.length, message.rest)] };
    }
    case 'batch-hhd': {
      const { records, notes } = fromItems(itemsOf(message.items, message.rest, 1), source);
      return { records, notes: [...notes, ...batchNotes(undefined, message.items.length, message.rest)] };
    }
    case 'jt705':
      return {
        records: [fromJt705(message.record, { ...source, kind: message.isBlind ? 'backfill' : 'live' })],
        notes: [],
      };
    default:
      return { records: [], notes: [] };
  }
}
