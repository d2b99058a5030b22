/** Chance that can be repeated: mulberry32, numbers in [0, 1) from a seed. */
export function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeds of a proof: a few in `npm test`, many in `npm run test:deep`. */
export function seeds(short: number, deep: number): number[] {
  return Array.from({ length: process.env.SEALWATCH_DEEP ? deep : short }, (_, i) => i + 1);
}
