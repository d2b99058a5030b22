const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Standard Webhooks 1.0: waits before each attempt, from the one before it; ten attempts over some 75 h. */
export const WAITS_MS: readonly number[] = [
  0,
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];

/** Up to a tenth later, so that what failed together does not come back together. */
const JITTER = 0.1;

/** A receiver may ask for a longer pause, but not for one that makes an alarm useless. */
const MOST_RETRY_AFTER_MS = HOUR_MS;

/** Statuses whose `Retry-After` counts: too many requests, and not available. */
const RETRY_AFTER_STATUSES: readonly number[] = [429, 503];

/** Client errors that say nothing about the event: timeout, too early, too many requests. */
const PASSING_CLIENT_ERRORS: readonly number[] = [408, 425, 429];

/** Whether a status refuses the event itself, so that sending it again does not help. */
export const isRefusal = (status: number): boolean =>
  status >= 400 && status < 500 && !PASSING_CLIENT_ERRORS.includes(status);

/**
 * How long a receiver asks not to be sent the event again, ms; undefined: it does not say.
 * @param retryAfter the header: seconds, or an HTTP date
 * @returns in [0, one hour]
 */
export function retryAfterMs(status: number, retryAfter: string | undefined, nowMs: number): number | undefined {
  if (retryAfter === undefined || !RETRY_AFTER_STATUSES.includes(status)) return undefined;
  const text = retryAfter.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * SECOND_MS : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), MOST_RETRY_AFTER_MS);
}

/**
 * When to try again.
 * @param attempts made so far, at least 1
 * @param random in [0, 1)
 * @param notBeforeMs the least wait that the receiver asked for, ms
 * @returns epoch ms; undefined: there is no further attempt
 */
export function nextAttemptMs(attempts: number, nowMs: number, random: number, notBeforeMs = 0): number | undefined {
  const wait = WAITS_MS[attempts];
  if (wait === undefined) return undefined;
  return nowMs + Math.round(Math.max(wait, notBeforeMs) * (1 + JITTER * random));
}
