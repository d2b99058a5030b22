import { LockEvent } from '@sealwatch/schemas';
import { z } from 'zod';
import { type LeftOut, leaveOut } from './left-out.ts';
import type { RecordedEvent } from './report.ts';
import { isStorable, isWord } from './storable.ts';

/** Events of one record that are kept. */
const MOST_EVENTS = 50;
/** An event of an unknown type is kept whole up to so many characters of JSON, beyond them with its type alone. */
const MOST_CHARACTERS = 1_024;

const OBJECT = 'expected an object with a type';

/** The members that the schema knows of each type of event, `type` left out. */
const MEMBERS: ReadonlyMap<string, Record<string, z.ZodType>> = new Map(
  LockEvent.options.map(({ shape: { type, ...members } }) => [type.value, members]),
);

/**
 * Reads the events of a report one by one. An event of an unknown type is kept as it came, an unlock by an unknown source
 * is an unlock; members that cannot be are left out, and so are items that are no events.
 * @returns undefined where nothing is left
 */
export function readEvents(value: unknown, leftOut: LeftOut[]): RecordedEvent[] | undefined {
  if (!Array.isArray(value)) {
    leaveOut(leftOut, 'events', value, 'expected a list');
    return undefined;
  }
  const items: unknown[] = value;
  const events: RecordedEvent[] = [];
  for (const [i, item] of items.slice(0, MOST_EVENTS).entries()) {
    const event = readEvent(item, `events.${i}`, leftOut);
    if (event) events.push(event);
  }
  if (items.length > MOST_EVENTS) {
    leaveOut(leftOut, 'events', items.length, `expected at most ${MOST_EVENTS}: the later ones are`);
    // An opening is never among what is left out.
    for (const [i, item] of items.entries()) {
      if (i < MOST_EVENTS || events.some(({ type }, at) => at >= MOST_EVENTS && type === 'unlock')) continue;
      const event = readEvent(item, `events.${i}`, leftOut);
      if (event?.type === 'unlock' && event.verified !== false) events.push(event);
    }
  }
  return events.length > 0 ? events : undefined;
}

function readEvent(item: unknown, path: string, leftOut: LeftOut[]): RecordedEvent | undefined {
  const type = typeof item === 'object' && item !== null && 'type' in item ? item.type : undefined;
  if (!isWord(type)) {
    leaveOut(leftOut, path, item, OBJECT);
    return undefined;
  }
  const given = item as Record<string, unknown>;
  const members = MEMBERS.get(type);
  if (!members) return unknownEvent(given, type, path, leftOut);
  const event: Record<string, unknown> = { type };
  for (const [key, schema] of Object.entries(members)) {
    const value = Object.hasOwn(given, key) ? given[key] : undefined;
    if (value === undefined || value === null) continue;
    const issue = key === 'source' && isWord(value) ? undefined : z.safeParse(schema, value).error?.issues[0];
    if (!issue && isStorable(value)) event[key] = value;
    else leaveOut(leftOut, `${path}.${key}`, value, issue?.message ?? 'expected text without U+0000');
  }
  return event as unknown as RecordedEvent;
}

function unknownEvent(given: Record<string, unknown>, type: string, path: string, leftOut: LeftOut[]): RecordedEvent {
  const text = JSON.stringify(given);
  if (text.length <= MOST_CHARACTERS && isStorable(given) && Object.keys(given).every(isStorable)) {
    return given as unknown as RecordedEvent;
  }
  leaveOut(
    leftOut,
    path,
    given,
    `expected at most ${MOST_CHARACTERS} characters without U+0000: its type alone is kept, the rest is`,
  );
  return { type };
}
