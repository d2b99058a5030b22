const IS_DIGITS = /^\d{12}$/;
const MINUTE_MS = 60_000;

/** @param zone such as `+08:00` */
export function zoneMs(zone: string): number {
  const [hours = 0, minutes = 0] = zone.slice(1).split(':').map(Number);
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS;
}

/**
 * Epoch ms of twelve digits; a year is one of this century.
 * @returns undefined where they are no date: other than digits, month 13, day 00, 30 February
 */
export function timeOf(digits: string, order: 'YMD' | 'DMY', zone = '+00:00'): number | undefined {
  if (!IS_DIGITS.test(digits)) return undefined;
  const [a = 0, month = 0, c = 0, hour = 0, minute = 0, second = 0] = (digits.match(/../g) ?? []).map(Number);
  const [year, day] = order === 'YMD' ? [2000 + a, c] : [2000 + c, a];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  if (at.getUTCMonth() !== month - 1 || at.getUTCDate() !== day) return undefined;
  return at.getTime() - zoneMs(zone);
}

/**
 * No receiver has given a clock that says an earlier time: it runs from its own beginning, and no position beside it is of
 * now. What a GPS week rollover makes of the years from 2024 is later than this, and the platform puts it right.
 */
const NO_CLOCK_BEFORE_MS = Date.UTC(2005, 0, 1);

export const hasClock = (ms: number | undefined): ms is number => ms !== undefined && ms >= NO_CLOCK_BEFORE_MS;
