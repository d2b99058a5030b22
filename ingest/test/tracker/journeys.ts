import fc from 'fast-check';
import type { TrackedReport } from '../../src/tracker/index.ts';
import { at, LOCK, OTHER_LOCK, onRoad, SHUT } from './trip.ts';

/** One stretch of a journey. */
export interface Stretch {
  count: number;
  everyS: number;
  kmh: number;
  offM: number;
  what: 'drive' | 'cell' | 'no-fix' | 'jump' | 'open' | 'reseal' | 'stuck' | 'jam' | 'card' | 'flat' | 'lost' | 'swap';
}

export interface Journey {
  locks: number;
  stretches: Stretch[];
}

const stretch: fc.Arbitrary<Stretch> = fc.record({
  count: fc.integer({ min: 1, max: 14 }),
  everyS: fc.constantFrom(5, 10, 30, 60, 240, 1_800),
  kmh: fc.constantFrom(80, 80, 60, 0, 3, -70),
  offM: fc.constantFrom(0, 0, 0, 50, 190, 260, 400, 2_000),
  what: fc.constantFrom<Stretch['what']>(
    ...(['drive', 'drive', 'drive', 'drive', 'drive', 'cell', 'no-fix', 'jump', 'open', 'reseal', 'stuck'] as const),
    ...(['jam', 'card', 'flat', 'lost', 'swap'] as const),
  ),
});

export const journey: fc.Arbitrary<Journey> = fc.record({
  locks: fc.constantFrom(1, 1, 2),
  stretches: fc.array(stretch, { minLength: 2, maxLength: 9 }),
});

/** The records of a journey, in the order in which the locks made them. */
export function recordsOf({ locks, stretches }: Journey): TrackedReport[] {
  const reports: TrackedReport[] = [];
  let timeMs = at('08:00');
  let km = 0.2;
  let seq = 0;
  let useCount = 381;
  for (const part of stretches) {
    if (part.what === 'reseal') useCount++;
    for (let i = 0; i < part.count; i++) {
      timeMs += part.everyS * 1_000;
      km = Math.min(99.9, Math.max(0, km + (part.kmh * part.everyS) / 3_600));
      seq++;
      if (part.what === 'lost') continue;
      for (let lock = 0; lock < locks; lock++) reports.push(recordOf(part, { timeMs, km, seq, useCount, i, lock }));
    }
  }
  return reports;
}

interface Now {
  timeMs: number;
  km: number;
  seq: number;
  useCount: number;
  i: number;
  lock: number;
}

function recordOf({ what, offM }: Stretch, { timeMs, km, seq, useCount, i, lock }: Now): TrackedReport {
  const jumped = what === 'jump' && i % 3 === 1;
  const parted = what === 'swap' && lock === 1;
  const place = onRoad(km, jumped ? 9_000 : offM + (parted ? 4_000 : 0));
  const source = what === 'cell' ? 'cell' : 'gnss';
  const opened = what === 'open';
  return {
    lockId: lock === 0 ? LOCK : OTHER_LOCK,
    boot: 3,
    seq,
    // Two locks may well speak in the same millisecond.
    timeMs: timeMs + (seq % 3 === 0 ? 0 : lock * 700),
    receivedMs: timeMs + 1_500,
    kind: 'live',
    ...(what === 'no-fix' ? {} : { position: { ...place, accuracyM: 8, source } }),
    seal: {
      ...SHUT,
      motor: opened ? 'unlocked' : what === 'stuck' ? 'stuck' : 'locked',
      useCount: what === 'swap' ? useCount - 5 : useCount,
    },
    battery: { percent: what === 'flat' ? 12 : 80 },
    ...(what === 'jam' ? { events: [{ type: 'jamming' as const }] } : {}),
    ...(what === 'card' ? { events: [{ type: 'illegal-card' as const, card: '0001' }] } : {}),
  };
}

/** How the records reach the platform. */
export interface Delivery {
  /** Sort keys: the order of arrival. */
  order: number[];
  batches: number[];
  /** Records sent twice. */
  twice: number[];
  /** Records told to be back-filled. */
  late: number[];
}

export const delivery: fc.Arbitrary<Delivery> = fc.record({
  order: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 130 }),
  batches: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }),
  twice: fc.array(fc.nat(200), { maxLength: 8 }),
  late: fc.array(fc.nat(200), { maxLength: 30 }),
});

/** The same records, those that the delivery tells as back-filled ones: made in the dark and sent after it. */
export function backfilled(reports: TrackedReport[], { late }: Delivery): TrackedReport[] {
  const chosen = new Set(late);
  return reports.map((report, i) => (chosen.has(i) ? { ...report, kind: 'backfill' } : report));
}

/** Batches as they arrive. `disorder` 0: nearly as made; 1: any order. */
export function deliver(
  reports: TrackedReport[],
  { order, batches, twice }: Delivery,
  disorder: number,
): TrackedReport[][] {
  const keyed = reports.map((report, i) => ({
    report,
    key: (1 - disorder) * (i / reports.length) + disorder * ((order[i % order.length] ?? 0) + i * 1e-9),
  }));
  const arriving = keyed.sort((a, b) => a.key - b.key).map(({ report }) => report);
  for (const i of twice) {
    const again = reports[i % Math.max(1, reports.length)];
    if (again) arriving.splice((i * 7) % (arriving.length + 1), 0, again);
  }
  const result: TrackedReport[][] = [];
  for (let from = 0, n = 0; from < arriving.length; n++) {
    const size = batches[n % batches.length] ?? 1;
    result.push(arriving.slice(from, from + size));
    from += size;
  }
  return result;
}
