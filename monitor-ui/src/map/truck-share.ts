/** A picture may take so long: a truck that turns red while one is drawn stands in the next one. */
const LONGEST_MS = 200;
/** Below this cost twice as many trucks may be tried: they would take at most half of the longest. */
const SPARE_MS = 50;
const FEWEST = 64;

/**
 * Of how many lights of a crowd one is drawn, where a machine without a graphics card cannot draw all of them in time. The
 * lights that are drawn shine so much brighter, so that the density stays.
 * @param before what it is now, a power of two
 * @param costMs time that the last picture took
 */
export function oneOf(before: number, costMs: number): number {
  if (costMs > LONGEST_MS) return Math.min(FEWEST, before * 2 ** Math.ceil(Math.log2(costMs / LONGEST_MS)));
  return costMs < SPARE_MS ? Math.max(1, before / 2) : before;
}
