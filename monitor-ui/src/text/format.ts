/** Formatting for people. Times are shown in the viewer's zone, which is named beside them once. */

const cache = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: string, zone: string | undefined, options: Intl.DateTimeFormatOptions, key: string) {
  const name = `${locale}|${zone ?? ''}|${key}`;
  let found = cache.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat(locale, { ...options, hourCycle: 'h23', ...(zone ? { timeZone: zone } : {}) });
    cache.set(name, found);
  }
  return found;
}

const CLOCK: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit' };
const DAY: Intl.DateTimeFormatOptions = { month: '2-digit', day: '2-digit' };

/** `09:41:07` */
export const clockTime = (atMs: number, locale: string, zone?: string): string =>
  formatter(locale, zone, CLOCK, 'clock').format(atMs);

/** Time of day, after the date if it is not today. */
export function whenTime(atMs: number, nowMs: number, locale: string, zone?: string): string {
  const day = formatter(locale, zone, DAY, 'day');
  const time = clockTime(atMs, locale, zone);
  return day.format(atMs) === day.format(nowMs) ? time : `${day.format(atMs)} ${time}`;
}

/** `2026年11月21日 星期六` */
export const longDate = (atMs: number, locale: string, zone?: string): string =>
  formatter(locale, zone, { year: 'numeric', month: 'long', day: 'numeric', weekday: 'long' }, 'long').format(atMs);

/** Short name of the viewer's zone, e.g. `GMT+8`. */
export function zoneName(locale: string, zone?: string): string {
  const parts = formatter(locale, zone, { timeZoneName: 'short' }, 'zone').formatToParts(0);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? zone ?? '';
}

/** `0:42`, `12:07`, `3:05:11`: a duration given in ms. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `86 m`, `640 m`, `1.8 km`, `229 km` */
export function distance(metres: number): string {
  if (metres < 995) return `${Math.round(metres)} m`;
  const km = metres / 1000;
  return `${km < 99.95 ? km.toFixed(1) : Math.round(km)} km`;
}

export const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** `0.2 s`, `12 s`: a duration given in ms. */
export const seconds = (ms: number): string =>
  ms < 9_950 ? `${(ms / 1000).toFixed(ms < 95 ? 3 : 1)} s` : `${Math.round(ms / 1000)} s`;

export const whole = (value: number, locale: string): string =>
  new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(value);
