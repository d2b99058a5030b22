import type { LockEvent } from '@sealwatch/schemas';
import type { Tag } from '../jt808/location.ts';
import type { Profile } from '../profile/profile.ts';
import { Reader, uint } from '../wire/bytes.ts';

const NO_SIGNAL = 99;

/** @returns dBm, undefined where the value is none */
export const rssiOf = (csq: number | undefined): number | undefined =>
  csq === undefined || csq > 31 ? undefined : -113 + 2 * csq;

/** @returns undefined where the byte says neither a percentage nor that it charges */
export function batteryOf(byte: number | undefined, charging: readonly number[]) {
  if (byte === undefined) return undefined;
  if (charging.includes(byte)) return { charging: true };
  return byte <= 100 ? { percent: byte } : undefined;
}

const idsOf = new WeakMap<Profile, Map<string, number[]>>();

/** The items of a record that the profile reads as this kind. */
function ids(profile: Profile, kind: string): readonly number[] {
  let byKind = idsOf.get(profile);
  if (byKind === undefined) {
    byKind = new Map();
    for (const [id, { as }] of Object.entries(profile.tags)) {
      byKind.set(as, [...(byKind.get(as) ?? []), Number.parseInt(id, 16)]);
    }
    idsOf.set(profile, byKind);
  }
  return byKind.get(kind) ?? [];
}

/** A value by what the profile calls its item; the first of them if there are several. */
export function tagAs(profile: Profile, tags: readonly Tag[], kind: string): Uint8Array | undefined {
  const wanted = ids(profile, kind);
  return tags.find(({ id }) => wanted.includes(id))?.value;
}

export function everyTagAs(profile: Profile, tags: readonly Tag[], kind: string): Uint8Array[] {
  const wanted = ids(profile, kind);
  return tags.filter(({ id }) => wanted.includes(id)).map(({ value }) => value);
}

const PASSWORD_TAKEN = new Set([0x01, 0x02, 0x03, 0x05, 0x1e, 0x1f]);
const PASSWORD_WRONG = new Set([0x06, 0x07, 0x08, 0x10, 0x11, 0x18, 0x19, 0x20, 0x28, 0x29]);
const CARD_TAKEN = 0x22;
const CARD_WRONG = new Set([0x23, 0x2a, 0x2b]);
const REFUSED = 0xff;

/** The ten digits that stand on a card. */
export const cardOf = (number: number): string => String(number).padStart(10, '0');

/** Jointech's item 0B: a type, then by its length a card or a password, and how it ended. */
export function lockEventOf(value: Uint8Array): LockEvent[] {
  const type = value[0] ?? 0;
  const hasCard = value.length >= 5 && value.length <= 6;
  const result = value.length === 6 ? value[5] : value.length >= 8 ? value[7] : undefined;
  const outcome = result === REFUSED ? { verified: false, reason: 'refused' } : { verified: true };
  const card = hasCard ? { card: cardOf(uint(value, 1, 4)) } : {};
  if (PASSWORD_TAKEN.has(type)) return [{ type: 'unlock', source: 'password', ...outcome }];
  if (PASSWORD_WRONG.has(type)) return [{ type: 'wrong-password' }];
  if (type === CARD_TAKEN) return [{ type: 'unlock', source: 'card', ...card, ...outcome }];
  return CARD_WRONG.has(type) ? [{ type: 'illegal-card', ...card }] : [];
}

/** A lock behind a hub, as its hub lists it. */
export interface SubLock {
  id: string;
  isClosed: boolean;
  percent?: number;
}

const HUABAO_BYTES = 13;
const HUABAO_IS_OPEN = 1 << 5;

/** Huabao A1L, item D5; entries that are not whole are left out. */
export function huabaoSubLocks(value: Uint8Array): SubLock[] {
  const reader = new Reader(value.subarray(1));
  const found: SubLock[] = [];
  for (let left = value[0] ?? 0; left > 0 && reader.left >= HUABAO_BYTES; left--) {
    const id = reader.hex(5);
    reader.take(5);
    const percent = reader.u8();
    const isClosed = (reader.u16() & HUABAO_IS_OPEN) === 0;
    found.push({ id, isClosed, ...(percent <= 100 ? { percent } : {}) });
  }
  return found;
}

const HHD_BYTES = 11;
const HHD_CLOSED = 0x31;

/** HHD, item 63; entries that are not whole are left out. */
export function hhdSeals(value: Uint8Array): SubLock[] {
  const reader = new Reader(value);
  const found: SubLock[] = [];
  while (reader.left >= HHD_BYTES) {
    const id = reader.hex(6);
    reader.take(2);
    const isClosed = reader.u8() === HHD_CLOSED;
    reader.take(2);
    found.push({ id, isClosed });
  }
  return found;
}

export const csqOf = (value: Uint8Array | undefined): number | undefined =>
  value?.[0] === NO_SIGNAL ? undefined : value?.[0];
