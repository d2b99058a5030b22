import type { LockEvent, SealState } from '@sealwatch/schemas';
import type { Tag } from '../jt808/location.ts';
import type { Condition, Profile } from '../profile/profile.ts';
import { uint } from '../wire/bytes.ts';

/** The numbers of a record that a profile gives a meaning. */
export interface Words {
  status?: number;
  alarms?: number;
  wake?: number | undefined;
  serial?: number;
  tags: readonly Tag[];
  /** The lock sent it for an alarm. */
  isAlarm: boolean;
}

/** @returns undefined where the record does not have the number */
function numberOf(condition: Condition, words: Words): number | undefined {
  const { word, tag, byte } = condition;
  if (word !== undefined) return words[word];
  const value = words.tags.find(({ id }) => id === Number.parseInt(tag ?? '', 16))?.value;
  return value === undefined || byte >= value.length ? undefined : uint(value, byte, Math.min(2, value.length - byte));
}

/** @returns undefined where nothing can be said */
export function holds(condition: Condition, words: Words): boolean | undefined {
  const value = numberOf(condition, words);
  if (value === undefined) return undefined;
  const [from, to] = condition.bits ?? [condition.bit, condition.bit];
  if (from === undefined || to === undefined) return value === condition.equals;
  return Math.floor(value / 2 ** from) % 2 ** (to - from + 1) === condition.equals;
}

/** The first case that holds. Where one cannot be told, none is, for the next one may hold wrongly. */
export function caseOf<T>(
  cases: readonly { when?: Condition | undefined; is: T }[] | undefined,
  words: Words,
): T | undefined {
  for (const { when, is } of cases ?? []) {
    const held = when === undefined ? true : holds(when, words);
    if (held === undefined) return undefined;
    if (held) return is;
  }
  return undefined;
}

/** What the profile reads of the seal; undefined where it is nothing. */
export function sealOf({ seal }: Profile, words: Words): SealState | undefined {
  const [rope, motor, cover] = [caseOf(seal.rope, words), caseOf(seal.motor, words), caseOf(seal.cover, words)];
  if (rope === undefined && motor === undefined && cover === undefined) return undefined;
  return { ...(rope ? { rope } : {}), ...(motor ? { motor } : {}), ...(cover ? { cover } : {}) };
}

/** Events that the profile reads off bits. */
export function bitEvents({ events }: Profile, words: Words): LockEvent[] {
  return events
    .filter(({ frame, when }) => (frame === 'any' || words.isAlarm) && when.every((one) => holds(one, words) === true))
    .map(({ type, count }) => (type === 'wrong-password' && count !== undefined ? { type, count } : { type }));
}
