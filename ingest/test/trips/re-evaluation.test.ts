import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { ReEvaluationQueue } from '../../src/trips/re-evaluation.ts';

/** @returns what the intake was asked to read again, and whose plans were known then */
function rig(isBroken: (tripId: string) => boolean = () => false) {
  const turns: string[][] = [];
  const known: string[] = [];
  const judging = {
    ask: async () => undefined,
    reevaluate: async (tripIds: string[]) => {
      turns.push(tripIds);
      if (tripIds.some(isBroken)) throw new Error('cannot be folded');
    },
  };
  const queue = new ReEvaluationQueue({ judging, log: pino({ level: 'silent' }) });
  const changed = (tripId: string) => queue.changed(tripId, () => known.push(tripId));
  return { turns, known, changed };
}

test('the first truck of a row is seen to at once, those behind it together, twenty at most', async () => {
  const { turns, known, changed } = rig();
  const row = Array.from({ length: 30 }, (_, i) => `trip ${i}`);
  for (const tripId of row) changed(tripId);
  expect(turns).toEqual([row.slice(0, 1)]);
  await vi.waitFor(() => expect(known).toEqual(row));
  expect(turns).toEqual([row.slice(0, 1), row.slice(1, 21), row.slice(21)]);
});

test('what changes again while its plan is read is read once more', async () => {
  const { turns, known, changed } = rig();
  changed('a');
  changed('a');
  await vi.waitFor(() => expect(known).toEqual(['a', 'a']));
  expect(turns).toEqual([['a'], ['a']]);
});

test('a trip that cannot be judged keeps no other from it, and its locks are told all the same', async () => {
  const { turns, known, changed } = rig((tripId) => tripId === 'broken');
  for (const tripId of ['first', 'broken', 'last']) changed(tripId);
  await vi.waitFor(() => expect(known).toEqual(['first', 'broken', 'last']));
  expect(turns).toEqual([['first'], ['broken', 'last'], ['broken'], ['last']]);
});
