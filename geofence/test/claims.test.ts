import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileRoute,
  DEFAULT_ROUTE_PARAMS,
  distanceM,
  type JudgedFix,
  judge,
  positionAt,
  startRoute,
} from '../src/index.ts';
import { beyondM } from '../src/locate.ts';
import { firstZone } from '../src/zones.ts';
import { drive } from './drive.ts';
import { readLine, routeOf } from './traces.ts';

const corridor = compileRoute(
  routeOf(readLine('road-yiwu-beilun').slice(0, 300), {
    halfWidthM: 200,
    legs: [{ fromM: 3_000, toM: 9_000, halfWidthM: 80 }],
    allowedStops: [{ name: 'stop', center: [120.02, 29.235], radiusM: 500 }],
  }),
);

interface Step {
  waitS: number;
  advanceM: number;
  besideM: number;
  skip: number;
  accuracyM: number | undefined;
  lock: number;
  source: JudgedFix['source'];
  reboot: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  waitS: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 5, max: 70 }), fc.integer({ min: 60, max: 2_000 })),
  advanceM: fc.integer({ min: -300, max: 900 }),
  besideM: fc.oneof(
    fc.constant(0),
    fc.integer({ min: -150, max: 150 }),
    fc.integer({ min: 150, max: 600 }),
    fc.integer({ min: -9_000, max: 9_000 }),
    fc.constantFrom(40_000, -2_000_000),
  ),
  skip: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 3 })),
  accuracyM: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 400 })),
  lock: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.constant(2)),
  source: fc.oneof({ weight: 9, arbitrary: fc.constant('gnss' as const) }, fc.constant('cell' as const)),
  reboot: fc.oneof({ weight: 20, arbitrary: fc.constant(false) }, fc.constant(true)),
});

/** Records of a trip in the order of time; numbers rise with time, as a lock writes them. */
function recordsOf(steps: Step[]): JudgedFix[] {
  let timeMs = 0;
  let alongM = 500;
  const seq: Record<number, number> = { 1: 0, 2: 0 };
  const boot: Record<number, number> = { 1: 1, 2: 1 };
  return steps.map((s) => {
    timeMs += s.waitS * 1_000;
    alongM = Math.max(0, alongM + s.advanceM);
    seq[s.lock] = s.reboot ? 0 : seq[s.lock]! + 1 + s.skip;
    if (s.reboot) boot[s.lock]!++;
    const at = positionAt(corridor, alongM);
    return {
      lockId: `LOCK0${s.lock}`,
      boot: boot[s.lock]!,
      seq: seq[s.lock]!,
      timeMs,
      lon: at.lon,
      lat: at.lat + s.besideM / 111_195,
      source: s.source,
      ...(s.accuracyM === undefined ? {} : { accuracyM: s.accuracyM }),
    };
  });
}

interface Known {
  fix: JudgedFix;
  /** Place among all records of the lock, also those without a usable fix. */
  index: number;
  depthM: number;
  outside: boolean;
  leapt: boolean;
  fromMs: number;
  paired: boolean;
}

/** Time of the fix that completes the first proof, by trying every two records of a lock. */
function firstProof(records: JudgedFix[]): number | undefined {
  const known: Known[] = [];
  for (const [index, fix] of records.entries()) {
    const depthM = beyondM(corridor, fix.lon, fix.lat) - errorOf(fix);
    if (fix.source !== 'gnss' || depthM > 500_000) continue;
    const outside = depthM > 0 && firstZone(corridor.stopZones, fix.lon, fix.lat) === undefined;
    const now: Known = { fix, index, depthM, outside, leapt: false, fromMs: fix.timeMs, paired: false };
    const isUnbroken = (a: Known) => a.fix.boot === fix.boot && fix.seq - a.fix.seq === index - a.index;
    const isNext = (a: Known) => isUnbroken(a) && a === known.at(-1);
    const isPair = (a: Known) => {
      const apartMs = fix.timeMs - a.fix.timeMs;
      if (!a.outside || !outside || apartMs < 4_000 || isCovered(a) || isCovered(now)) return false;
      if (a.depthM >= 40 && depthM >= 40) return isNext(a) || apartMs <= 60_000;
      if (isNext(a) && (a.depthM >= 120 || depthM >= 40)) return true;
      const newest = known.at(-1)!;
      if (a !== newest && a !== known.at(-2) && a.fix.timeMs < newest.fix.timeMs - 60_000) return false;
      return isUnbroken(a) && known.slice(known.indexOf(a)).every((one) => one.outside) && apartMs >= 20_000;
    };
    const driven = known.filter((a) => {
      const near = isNext(a) || (a.outside && fix.timeMs - a.fix.timeMs <= 60_000);
      const reachM = 75 + errorOf(a.fix) + errorOf(fix) + (fix.timeMs - a.fix.timeMs) * 0.05;
      return near && distanceM(a.fix.lon, a.fix.lat, fix.lon, fix.lat) <= reachM;
    });
    if (outside && depthM > 2_000 && driven.every((a) => a.leapt)) {
      now.fromMs = Math.min(fix.timeMs, ...driven.map((a) => a.fromMs));
      now.paired = driven.some((a) => a.paired || isPair(a));
      now.leapt = fix.timeMs - now.fromMs < 300_000;
    }
    if (!now.leapt && known.some((a) => !a.leapt && isPair(a))) return fix.timeMs;
    if (!now.leapt && driven.some((a) => a.leapt && (a.paired || isPair(a)))) return fix.timeMs;
    known.push(now);
  }
  return undefined;
}

const errorOf = ({ accuracyM = 0 }: JudgedFix) => Math.min(accuracyM, 150);
const isCovered = ({ fix, depthM }: Known) => (fix.accuracyM ?? 0) >= depthM + errorOf(fix);

describe('a confirmed excursion is a claim that records exist', () => {
  it('adding records never takes one away', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { minLength: 3, maxLength: 60 }), (drawn) => {
        const all = recordsOf(drawn.map(([s]) => s));
        const some = all.filter((_, i) => drawn[i]![1]);
        const after = drive(corridor, all).confirmed;
        for (const claim of drive(corridor, some).confirmed) {
          const kept = after.some(
            (e) =>
              e.lockId === claim.lockId &&
              e.firstOutsideMs <= claim.lastOutsideMs &&
              e.lastOutsideMs >= claim.firstOutsideMs,
          );
          expect(kept).toBe(true);
        }
      }),
      { numRuns: 1_500 },
    );
  });

  it('time going on never takes one away, and the state survives JSON at every step', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 3, maxLength: 40 }), (steps) => {
        let state = startRoute();
        let claimed = 0;
        for (const fix of recordsOf(steps)) {
          const before = JSON.stringify(state);
          const next = judge(corridor, JSON.parse(before), fix, DEFAULT_ROUTE_PARAMS);
          expect(next).toEqual(judge(corridor, state, fix, DEFAULT_ROUTE_PARAMS));
          expect(JSON.stringify(state)).toBe(before);
          state = next.state;
          const spans = state.locks.flatMap((l) => l.excursions.filter((e) => e.confirmedMs !== undefined));
          const covered = spans.reduce((sum, e) => sum + e.lastOutsideMs - e.firstOutsideMs, 0);
          expect(covered).toBeGreaterThanOrEqual(claimed);
          claimed = covered;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is confirmed first by the fix that completes the first proof, as slow search finds it', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 2, maxLength: 50 }), (steps) => {
        const all = recordsOf(steps);
        const { confirmed } = drive(corridor, all);
        for (const lockId of ['LOCK01', 'LOCK02']) {
          const own = confirmed.filter((excursion) => excursion.lockId === lockId);
          const first = firstProof(all.filter((fix) => fix.lockId === lockId));
          expect(own[0]?.confirmedMs).toBe(first);
        }
      }),
      { numRuns: 1_500 },
    );
  });

  it('never throws, whatever the numbers', () => {
    const any = fc.oneof(
      fc.double(),
      fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0, 180, -180, 90, -90, 1e308),
    );
    const junk = fc.record({
      timeMs: any,
      lon: any,
      lat: any,
      accuracyM: any,
      speedKmh: any,
      headingDeg: any,
      boot: any,
      seq: any,
    });
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 20 }), (list) => {
        const told = drive(
          corridor,
          list.map((j) => ({ ...j, lockId: 'LOCK01', source: 'gnss' as const })),
        );
        expect(told.changes.length).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 1_000 },
    );
  });
});
