import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeTimes, type KnownLock } from '../../src/intake/judge-times.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import { at, Ledger, LOCK, onRoad, planOf, reporter, SHUT } from '../tracker/trip.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = at('08:05');

/** What a faulty clock says instead of the true time. */
const DIRT = {
  fast: (ms: number) => ms + 45_000,
  'zone ahead': (ms: number) => ms + 8 * HOUR,
  'zone behind': (ms: number) => ms - 8 * HOUR,
  'days ahead': (ms: number) => ms + 3 * DAY + 1_234_567,
  'days behind': (ms: number) => ms - 3 * DAY - 1_234_567,
  rollover: (ms: number) => ms - 7_168 * DAY,
  epoch: (ms: number) => ms - START,
};

const SEALS = [
  SHUT,
  SHUT,
  SHUT,
  { ...SHUT, rope: 'cut' },
  { ...SHUT, motor: 'unlocked' },
  { ...SHUT, cover: 'opened' },
];

const trips = fc.record({
  dirt: fc.constantFrom(...Object.keys(DIRT)) as fc.Arbitrary<keyof typeof DIRT>,
  faultyFrom: fc.integer({ min: 1, max: 15 }),
  restarts: fc.boolean(),
  seals: fc.array(fc.constantFrom(...SEALS), { minLength: 16, maxLength: 30 }),
});

function sealAlarms(records: TrackedReport[]): string[] {
  const ledger = new Ledger(planOf());
  for (const record of records) ledger.take(record);
  return ledger.rules().filter((rule) => rule.startsWith('seal.'));
}

test('a live trip with any faulty clock has the seal alarms of the same trip with a clean one', () => {
  fc.assert(
    fc.property(trips, ({ dirt, faultyFrom, restarts, seals }) => {
      const make = reporter();
      const clean = seals.map((seal, i) =>
        make(START + i * 30_000, onRoad(5 + i * 0.6), {
          seal: seal as NonNullable<TrackedReport['seal']>,
          boot: restarts && i >= faultyFrom ? 2 : 1,
        }),
      );
      let lock: KnownLock = { clock: {}, numbered: true, inServiceMs: START - DAY, windows: [] };
      const dirty = clean.map((record, i) => {
        const sent = { ...record, timeMs: i < faultyFrom ? record.timeMs : DIRT[dirt](record.timeMs) };
        const publish = { lockId: LOCK, records: [sent], refusals: [], partial: [], raw: Buffer.alloc(0) };
        const { clocks } = judgeTimes([publish], () => lock);
        lock = { ...lock, highest: sent, clock: clocks.get(LOCK) ?? lock.clock };
        expect(sent.timeMs).toBeLessThanOrEqual(sent.receivedMs);
        expect(sent.receivedMs - sent.timeMs).toBeLessThanOrEqual(60_000);
        return sent;
      });
      expect(sealAlarms(dirty)).toEqual(sealAlarms(clean));
    }),
    { seed: 1_980, numRuns: 300 },
  );
});

const spell = fc.record({
  /** Records each of which may be said by a clock that is days ahead. */
  ahead: fc.array(fc.boolean(), { minLength: 2, maxLength: 40 }),
  /** How many records come in one publish. */
  together: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40, maxLength: 40 }),
  isLate: fc.boolean(),
  newestFirst: fc.boolean(),
});

test('of a lock without numbers a clock that was days ahead for a while moves no record whose own time is true', () => {
  fc.assert(
    fc.property(spell, ({ ahead, together, isLate, newestFirst }) => {
      const make = reporter();
      const lateMs = isLate ? 3 * HOUR : 1_000;
      const sent = ahead.map((wrong, i) => {
        const trueMs = START + i * 30_000;
        const timeMs = wrong ? DIRT['days ahead'](trueMs) : trueMs;
        const record = make(trueMs, onRoad(5), { boot: timeMs / 1_000, kind: isLate ? 'backfill' : 'live' });
        return { ...record, timeMs, receivedMs: isLate ? START + 3 * HOUR : trueMs + lateMs };
      });
      const queue = newestFirst && isLate ? sent.toReversed() : [...sent];
      let lock: KnownLock = { clock: {}, numbered: false, inServiceMs: START - DAY, windows: [] };
      for (const many of together) {
        const records = queue.splice(0, isLate ? many : 1).sort((a, b) => a.timeMs - b.timeMs);
        if (records.length === 0) break;
        const before = records.map(({ timeMs }) => timeMs);
        const publish = { lockId: LOCK, records, refusals: [], partial: [], raw: Buffer.alloc(0) };
        const { clocks } = judgeTimes([publish], () => lock);
        const highest = records.reduce((top, one) => (top.boot >= one.boot ? top : one), lock.highest ?? records[0]!);
        lock = { ...lock, highest, clock: clocks.get(LOCK) ?? lock.clock };
        for (const [i, { timeMs, receivedMs }] of records.entries()) {
          if (before[i]! <= receivedMs) expect(timeMs).toBe(before[i]);
          else expect(timeMs).toBeLessThanOrEqual(receivedMs);
        }
      }
    }),
    { numRuns: 500 },
  );
});
