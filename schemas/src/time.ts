import { z } from 'zod';

/** RFC 3339: date, `T` or `t`, time with seconds, an optional fraction, `Z` or `z` or an offset. */
const WRITTEN = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:)(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
/** Finer than a microsecond is kept by nobody. */
const FRACTION_DIGITS = 9;
/** The greatest offset that PostgreSQL reads, hours. */
const MOST_OFFSET_H = 15;

const Strict = z.iso.datetime({ offset: true });
const LEAST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const MOST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * An RFC 3339 time in the form that JavaScript and PostgreSQL both read: capitals, and a leap second (second 60) as the
 * last millisecond of its minute. A text that is no such time is returned as it is.
 */
function plainTime(text: string): string {
  const parts = WRITTEN.exec(text);
  if (parts === null) return text;
  const [, day, minute, second, fraction = '', zone = ''] = parts;
  const seconds = second === '60' ? '59.999' : `${second}${fraction.slice(0, FRACTION_DIGITS + 1)}`;
  const plain = `${day}T${minute}${seconds}${zone.toUpperCase()}`;
  const ms = Number(zone.slice(1, 3)) > MOST_OFFSET_H ? Date.parse(plain) : Number.NaN;
  return Number.isNaN(ms) ? plain : new Date(ms).toISOString();
}

function isTime(text: string): boolean {
  const ms = Strict.safeParse(text).success ? Date.parse(text) : Number.NaN;
  return ms >= LEAST_MS && ms <= MOST_MS;
}

/**
 * RFC 3339 with a zone, from year 1 to 9999 in UTC; compared as epoch milliseconds. Taken as written, except that `t` and
 * `z` become capitals and second 60 becomes 59.999.
 */
export const Time = z
  .string()
  .overwrite(plainTime)
  .refine(isTime, { error: 'expected an RFC 3339 time, e.g. 2026-11-21T03:04:05.000Z' })
  .meta({ format: 'date-time' });

/** `CST`, `EST5EDT`: letters that stand for "… Time". Countries write the same letters for different times. */
const ABBREVIATION = /^[A-Z]{1,3}T([\d+-]|$)/i;
/** These letters mean the same everywhere. */
const UNIVERSAL = /^(UTC|GMT|UCT)$/i;

/**
 * Whether a name means one time zone to everybody: an IANA name of the form area/location, a name of UTC, or one that
 * names a country or a place (`PRC`, `Japan`). Offsets and abbreviations do not.
 */
function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Z0-9_+-]*(\/[A-Z0-9_+-]+)*$/i.test(name)) return false;
  if (ABBREVIATION.test(name) && !UNIVERSAL.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** A name of the IANA time zone database that cannot be mistaken for another zone. */
export const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, { error: 'expected an IANA name such as Asia/Shanghai, and no abbreviation or offset' });
