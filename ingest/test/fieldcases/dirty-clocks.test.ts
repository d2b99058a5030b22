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
