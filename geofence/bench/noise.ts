import { seeded } from '../test/random.ts';

/**
 * GNSS error as seen on a large set of road traces against the true road: median 3.4 m, 90 % 11 m, 99 % 36 m, largest
 * 161 m, in runs (correlation 0.81 from one fix to the next), not as white noise.
 */
const QUANTILES: readonly [share: number, metres: number][] = [
  [0, 0],
  [0.5, 3.4],
  [0.9, 11],
  [0.99, 36],
  [1, 161],
];
const CORRELATION = 0.81;

export interface Noise {
  next(): { eastM: number; northM: number };
}

export function correlatedNoise(seed: number): Noise {
  const random = seeded(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const fresh = Math.sqrt(1 - CORRELATION ** 2);
  let size = normal();
  let east = normal();
  let north = normal();
  return {
    next() {
      size = CORRELATION * size + fresh * normal();
      east = CORRELATION * east + fresh * normal();
      north = CORRELATION * north + fresh * normal();
      const metres = quantile(normalShare(size));
      const length = Math.hypot(east, north) || 1;
      return { eastM: (metres * east) / length, northM: (metres * north) / length };
    },
  };
}

function quantile(share: number): number {
  for (let i = 1; i < QUANTILES.length; i++) {
    const [high, top] = QUANTILES[i]!;
    const [low, bottom] = QUANTILES[i - 1]!;
    if (share > high) continue;
    // The tail is drawn out evenly in the logarithm of what remains, so that the largest is as rare as it was.
    if (high === 1) return Math.min(top, bottom * (top / bottom) ** (-Math.log10((1 - share) / (1 - low)) / 3));
    return bottom + ((share - low) / (high - low)) * (top - bottom);
  }
  return 0;
}

/** The normal distribution's share below z (Abramowitz & Stegun 26.2.17, error < 7.5e-8). */
function normalShare(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z > 0 ? 1 - tail : tail;
}
