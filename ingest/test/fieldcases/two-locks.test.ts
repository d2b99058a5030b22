import fc from 'fast-check';
import { expect, test } from 'vitest';
import { showsTwoLocks, type Turns, turnsAfter } from '../../src/record/turns.ts';
import { fieldCase } from './fieldcase.ts';

/* Sources: mqttjs/MQTT.js#684 and #1585; emqx/emqx#151; Orange-OpenSource/its-client#443 (two devices with one client id). */
const field = fieldCase();

test.each([
  ['boots far apart', { boot: 5, seq: 100 }, { boot: 900, seq: 1 }],
  ['the same boot', { boot: 5, seq: 100 }, { boot: 5, seq: 4_000 }],
  ['the newer one a boot behind', { boot: 5, seq: 4_000 }, { boot: 4, seq: 100 }],
])('two locks that report under one id in turns, %s, make the trip red', async (_, a, b) => {
  const tripId = await field.trip();
  for (let i = 0; i < 6; i++) {
    const { boot, seq } = i % 2 === 0 ? a : b;
    await field.say(seq + Math.floor(i / 2), field.nowMs + 10_000, { boot, lon: 120.22 + i * 0.0001 }, 10_000);
  }
  expect(await field.rules(tripId)).toContain('seal.identity-mismatch');
  expect(await field.risk(tripId)).toBe(2);
});

test('a serial number of 16 bits that begins again under way is no second lock', async () => {
  const tripId = await field.trip();
  for (const [i, seq] of [65_533, 65_534, 65_535, 0, 1, 2, 3, 4].entries()) {
    await field.say(seq, field.nowMs + 30_000, { boot: 5, lon: 120.22 + i * 0.006 });
  }
  expect(await field.rules(tripId)).toEqual(['comms.clock']);
});

const STEP = fc.record({ up: fc.integer({ min: 1, max: 5 }), afterMs: fc.integer({ min: 1_000, max: 120_000 }) });

/** How often two locks are found in these numbers, received in this order. */
function found(records: { boot: number; seq: number; receivedMs: number }[]): number {
  let [turns, highest, times]: [Turns | undefined, number, number] = [undefined, -1, 0];
  for (const record of records) {
    const next = turnsAfter(turns, record, record.seq > highest);
    if (showsTwoLocks(turns, next)) times += 1;
    highest = Math.max(highest, record.seq);
    turns = next;
  }
  return times;
}

test('one lock is never taken for two while its counter rises, nor if it begins again once in ten minutes', () => {
  fc.assert(
    fc.property(fc.array(STEP, { minLength: 5, maxLength: 60 }), fc.nat(60), (steps, resetAt) => {
      let [seq, receivedMs] = [1_000, 0];
      const records = steps.map(({ up, afterMs }, i) => {
        seq = i === resetAt ? 0 : seq + up;
        receivedMs += afterMs;
        return { boot: 1, seq, receivedMs };
      });
      expect(found(records)).toBe(0);
    }),
  );
});

test('two locks whose numbers lie apart are found by the fifth change at the latest', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 20, maxLength: 60 }), fc.nat(5_000), (turns, from) => {
      const next = { true: from, false: from + 10_000 };
      const records = turns.map((isFirst, i) => ({ boot: 1, seq: next[`${isFirst}`]++, receivedMs: i * 5_000 }));
      const changes = turns.filter((isFirst, i) => i > 0 && isFirst !== turns[i - 1]).length;
      if (changes >= 5) expect(found(records)).toBeGreaterThanOrEqual(1);
    }),
  );
});
