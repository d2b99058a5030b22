import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lanes, type Publish } from '../../src/intake/lanes.ts';
import type { IntakeRecord } from '../../src/intake/record.ts';

let next = 0;
function publish(lockId: string, kind: IntakeRecord['kind'], records = 1): Publish {
  const seq = next++;
  const record = (): IntakeRecord => ({ lockId, boot: 1, seq, timeMs: 0, receivedMs: 0, kind });
  return {
    lockId,
    records: Array.from({ length: records }, record),
    refusals: [],
    raw: Buffer.alloc(0),
    receivedMs: 0,
    done: () => undefined,
  };
}
const seqOf = (one: Publish) => one.records[0]?.seq ?? -1;

test('while live publishes wait, a batch takes at most the stated share of back-filled records', () => {
  const lanes = new Lanes();
  for (let i = 0; i < 500; i++) lanes.add(publish(`LATE${i}`, 'backfill', 100));
  for (let i = 0; i < 50; i++) lanes.add(publish(`LIVE${i}`, 'live'));
  const batch = lanes.take({ records: 1_000, backfillShare: 0.25 });
  expect(batch.filter((one) => one.lockId.startsWith('LIVE'))).toHaveLength(50);
  const late = batch.filter((one) => one.lockId.startsWith('LATE')).reduce((sum, one) => sum + one.records.length, 0);
  expect(late).toBeGreaterThan(0);
  expect(late).toBeLessThanOrEqual(250 + 100);
  expect(lanes.take({ records: 1_000, backfillShare: 0.25 }).reduce((sum, one) => sum + one.records.length, 0)).toBe(
    1_000,
  );
});

test('every publish leaves once, those of one lock in the order they came, whatever the lanes and batch sizes', () => {
  const step = fc.oneof(
    fc.record({ lock: fc.integer({ min: 0, max: 4 }), late: fc.boolean(), records: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 12 }) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, backfillShare) => {
        const lanes = new Lanes();
        const added: Publish[] = [];
        const taken: Publish[] = [];
        for (const one of steps) {
          if ('take' in one) taken.push(...lanes.take({ records: one.take, backfillShare }));
          else {
            const made = publish(`LOCK${one.lock}`, one.late ? 'backfill' : 'live', one.records);
            added.push(made);
            lanes.add(made);
          }
        }
        for (let i = 0; lanes.publishes > 0 && i < 1_000; i++) taken.push(...lanes.take({ records: 3, backfillShare }));
        expect(lanes.records).toBe(0);
        for (const lockId of new Set(added.map((one) => one.lockId))) {
          const of = (list: Publish[]) => list.filter((one) => one.lockId === lockId).map(seqOf);
          expect(of(taken)).toEqual(of(added));
        }
      },
    ),
    { numRuns: 500 },
  );
});
