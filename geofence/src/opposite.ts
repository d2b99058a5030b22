import type { RouteParams } from './params.ts';
import type { Opposite } from './state.ts';

/**
 * Follows the direction of travel. It turns when the vehicle has come more than `oppositeM` back from the farthest point
 * reached, and ends when it is `forwardAgainM` forward from the lowest point since; distance, not a count of fixes, so
 * that every reporting interval judges alike.
 */
export function turnedBack(
  before: Opposite | undefined,
  timeMs: number,
  progressM: number,
  params: RouteParams,
): Opposite {
  if (before === undefined) return { peakM: progressM, peakMs: timeMs, lowestM: progressM };
  if (before.sinceMs === undefined) {
    if (progressM >= before.peakM) return { peakM: progressM, peakMs: timeMs, lowestM: progressM };
    if (before.peakM - progressM > params.oppositeM) return { ...before, sinceMs: before.peakMs, lowestM: progressM };
    return before;
  }
  if (progressM < before.lowestM) return { ...before, lowestM: progressM };
  if (progressM - before.lowestM <= params.forwardAgainM) return before;
  return { peakM: progressM, peakMs: timeMs, lowestM: progressM };
}
