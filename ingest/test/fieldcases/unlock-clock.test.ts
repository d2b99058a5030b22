import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { at, Ledger, onRoad, planOf, reporter, SHUT } from '../tracker/trip.ts';

/* Sources: openhab/openhab-android#2677 (an alarm is cancelled because two clocks differ); Kpa-clawbot/CoreScope#769. */
const UNLOCK = at('09:00');
const OPEN = { ...SHUT, motor: 'unlocked' };

/** A truck at its destination whose lock reports each 30 s and is opened once. */
const STORY = fc.record({
  /** Positive: the lock's clock is behind. */
  slowMs: fc.integer({ min: -40_000, max: 29_000 }),
  /** Of the opening from the unlock. */
  openedMs: fc.oneof(fc.integer({ min: -100_000, max: -1_500 }), fc.integer({ min: 200, max: 100_000 })),
  delaysMs: fc.array(fc.integer({ min: 50, max: 900 }), { minLength: 12, maxLength: 12 }),
});

function sealAlarms({ slowMs, openedMs, delaysMs }: { slowMs: number; openedMs: number; delaysMs: number[] }) {
  const make = reporter();
  const ledger = new Ledger(planOf({ unlockAuthorisedAtMs: UNLOCK }));
  const record = (trueMs: number, i: number, seal: object) => {
    const receivedMs = trueMs + (delaysMs[i] ?? 0);
    // Times used are never after the receipt (`judgeTime`).
    ledger.take(make(Math.min(trueMs - slowMs, receivedMs), onRoad(100), { receivedMs, seal: seal as typeof SHUT }));
  };
  const opened = UNLOCK + openedMs;
  for (let i = 0; i < 8; i++) record(opened - (8 - i) * 30_000, i, SHUT);
  for (let i = 0; i < 3; i++) record(opened + i * 30_000, 8 + i, OPEN);
  return ledger.rules().filter((rule) => rule.startsWith('seal.'));
}

describe('an opening around the time at which it is authorised', () => {
  test('is authorised if it came after, whatever the clock of the lock says', () => {
    fc.assert(
      fc.property(STORY, (story) => {
        fc.pre(story.openedMs > 0);
        expect(sealAlarms(story)).toEqual([]);
      }),
    );
  });

  test('is an opening in transit if its record was received before, whatever the clock of the lock says', () => {
    fc.assert(
      fc.property(STORY, (story) => {
        fc.pre(story.openedMs < 0);
        expect(sealAlarms(story)).toContain('seal.opened-in-transit');
      }),
    );
  });
});
