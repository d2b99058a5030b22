import type { JudgedFix } from '../src/index.ts';
import { seeded } from '../test/random.ts';

/** A dirty episode begins at this share of the records, and lasts for three records in the mean: 5 % of them are dirty. */
const BEGINS = 0.05 / 3;
/** Where the firmware of a receiver is known to place itself without a fix. */
const FACTORY = { lon: 113.83058, lat: 22.607593 };
const KINDS = ['no satellites', '0/0', 'cell', 'factory', 'spike', 'frozen'] as const;

/**
 * The same records with positions that are no fixes: the last place with no satellites, 0/0, a cell 0.5–2 km off, the
 * maker's factory, jumps of 20–120 km there and back, and a frozen place at speed. Times and numbers stay.
 */
export function soiled(fixes: readonly JudgedFix[], seed: number): JudgedFix[] {
  const random = seeded(seed);
  let left = 0;
  let kind: (typeof KINDS)[number] = 'cell';
  let held = { lon: 0, lat: 0 };
  let aside = 0;
  return fixes.map((fix) => {
    if (left === 0 && random() < BEGINS) {
      left = 1 + Math.floor(random() * 5);
      kind = KINDS[Math.floor(random() * KINDS.length)]!;
      aside = (random() < 0.5 ? -1 : 1) * (kind === 'cell' ? 0.005 + 0.013 * random() : 0.2 + 0.9 * random());
      if (kind === 'spike') held = { lon: fix.lon, lat: fix.lat + aside };
    }
    if (left === 0 || Number.isNaN(fix.lon)) {
      if (!Number.isNaN(fix.lon)) held = { lon: fix.lon, lat: fix.lat };
      return fix;
    }
    left--;
    if (kind === 'no satellites') return { ...fix, ...held, satellites: 0, speedKmh: 0 };
    if (kind === '0/0') return { ...fix, lon: 0, lat: 0 };
    if (kind === 'cell') return { ...fix, lat: fix.lat + aside, source: 'cell', accuracyM: 1_500 };
    if (kind === 'factory') return { ...fix, ...FACTORY };
    return { ...fix, ...held, speedKmh: kind === 'frozen' ? 60 : 0 };
  });
}
