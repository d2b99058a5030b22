import { isNumberedAbove, type Numbers } from './numbers.ts';

/** What is kept while a lock's live records are not numbered in the order of their times. */
export interface Turns extends Numbers {
  /** Receipt of the record that began it, epoch ms. */
  sinceMs: number;
  /** How often a later record bore a lower number than the one before it. */
  backs: number;
}

const WITHIN_MS = 10 * 60_000;
/** Counters that start again fall once; two locks that report in turns fall at every second change. */
const BACKS_OF_TWO = 2;

/**
 * Follows the numbers of a lock's live records, in the order received.
 * @param record a live record whose time is after that of all others
 * @param isAbove whether it is numbered above all others of its lock
 * @returns undefined while the numbers rise
 */
export function turnsAfter(
  was: Turns | undefined,
  { boot, seq, receivedMs }: Numbers & { receivedMs: number },
  isAbove: boolean,
): Turns | undefined {
  const turns = was && receivedMs - was.sinceMs <= WITHIN_MS ? was : undefined;
  if (!turns) return isAbove ? undefined : { boot, seq, sinceMs: receivedMs, backs: 1 };
  const isBack = isNumberedAbove(turns, { boot, seq });
  return { boot, seq, sinceMs: turns.sinceMs, backs: turns.backs + (isBack ? 1 : 0) };
}

/** Whether a record has just shown that two locks report under one name. */
export function showsTwoLocks(was: Turns | undefined, now: Turns | undefined): boolean {
  return now?.backs === BACKS_OF_TWO && (was?.backs !== BACKS_OF_TWO || was.sinceMs !== now.sinceMs);
}
