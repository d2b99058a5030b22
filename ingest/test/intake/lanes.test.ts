import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lanes, type Publish } from '../../src/intake/lanes.ts';
import { peek } from '../../src/record/decode.ts';

let next = 0;
/** Its number is the time it came. */
function publish(lockId: string, kind: 'live' | 'backfill', count = 1): Publish {
  const raw = Buffer.alloc(0);
  return { lockId, raw, count, backfilled: kind === 'backfill', receivedMs: next++, done: () => undefined };
}
const numberOf = (one: Publish) => one.receivedMs;
const sum = (batch: Publish[]) => batch.reduce((all, one) => all + one.count, 0);

test('a publish is told by what it looks like: how many records it holds, and whether late ones are among them', () => {
  const told = (payload: unknown) => peek(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)));
  expect(told({ v: 1, boot: 1, seq: 7 })).toEqual({ count: 1, backfilled: false });
  expect(told({ v: 1, boot: 1, seq: 7, kind: 'backfill' })).toEqual({ count: 1, backfilled: true });
  expect(told([{ seq: 1 }, { seq: [2, 3], at: '],"' }, { seq: 3, kind: 'backfill' }])).toEqual({
    count: 3,
    backfilled: true,
  });
  // What is nonsense has its weight too: each element is a refusal to be kept.
  expect(told(Array(150).fill(1)).count).toBe(150);
  expect(told(`\n${JSON.stringify(Array.from({ length: 900 }, (_, seq) => ({ seq })))}`).count).toBe(200);
  for (const nonsense of ['', '[]', '{"', 'seq', '[[[[']) expect(told(nonsense).count).toBe(1);
});

test('while live publishes wait, a batch takes at most the stated share of back-filled records', () => {
  const lanes = new Lanes();
  for (let i = 0; i < 500; i++) lanes.add(publish(`LATE${i}`, 'backfill', 100));
  for (let i = 0; i < 50; i++) lanes.add(publish(`LIVE${i}`, 'live'));
  const batch = lanes.take({ records: 1_000, backfillShare: 0.25 });
  expect(batch.filter((one) => one.lockId.startsWith('LIVE'))).toHaveLength(50);
  const late = sum(batch.filter((one) => one.lockId.startsWith('LATE')));
  expect(late).toBeGreaterThan(0);
  expect(late).toBeLessThanOrEqual(250 + 100);
});

test('a batch stays small while the next live publish may come, and grows once none has come for a while', () => {
  const lanes = new Lanes();
  const size = { records: 1_000, backfillShare: 0.25 };
  for (let i = 0; i < 500; i++) lanes.add(publish(`LATE${i}`, 'backfill', 50));
  expect(sum(lanes.take(size))).toBe(1_000);
  lanes.add(publish('LIVE', 'live'));
  expect(sum(lanes.take(size))).toBe(251);
  const sizes = Array.from({ length: 17 }, () => sum(lanes.take(size)));
  expect(sizes.slice(0, 15)).toEqual(Array(15).fill(250));
  expect(sizes.at(-1)).toBe(1_000);
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
          const of = (list: Publish[]) => list.filter((one) => one.lockId === lockId).map(numberOf);
          expect(of(taken)).toEqual(of(added));
        }
      },
    ),
    { numRuns: 500 },
  );
});
