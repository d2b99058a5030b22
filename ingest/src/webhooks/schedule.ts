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

/**
 * When to try again.
 * @param attempts made so far, at least 1
 * @param random in [0, 1)
 * @returns epoch ms; undefined: there is no further attempt
 */
export function nextAttemptMs(attempts: number, nowMs: number, random: number): number | undefined {
  const wait = WAITS_MS[attempts];
  return wait === undefined ? undefined : nowMs + Math.round(wait * (1 + JITTER * random));
}
