import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { wireForm } from '../../src/record/record.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import { insertLocks } from '../../src/store/locks/locks.ts';
import { holdLocks, type LockUpdate, updateLocks } from '../../src/store/reports/batch.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { firstPlaceOf } from './first-place.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const BEGIN_MS = Date.UTC(2026, 10, 21, 8);

/** A record of second `atS`, with or without a position. */
function recordOf(lockId: string, atS: number, seq: number, fixed: boolean): TrackedReport {
  const timeMs = BEGIN_MS + atS * 1_000;
  const position = { lon: 120 + seq / 1_000, lat: 30, source: 'gnss' as const };
  return { lockId, boot: 1, seq, timeMs, receivedMs: timeMs, kind: 'live', ...(fixed ? { position } : {}) };
}

/** What a batch says of a lock: its newest record, and its newest with a position. */
function updateOf(records: TrackedReport[]): LockUpdate {
  const byTime = records.toSorted((a, b) => a.timeMs - b.timeMs);
  const last = byTime.at(-1)!;
  const lastFix = byTime.findLast((record) => record.position);
  const { lockId, boot, seq, receivedMs } = last;
  return { ...firstPlaceOf(lockId), maxBoot: boot, maxSeq: seq, receivedMs, last, ...(lastFix ? { lastFix } : {}) };
}

test('a lock’s row holds its newest record and its newest position by fix time, however the batches came', async () => {
  let n = 0;
  // No two records of a second: of two of one time either may be the newest.
  const times = fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 12 });
  const fixed = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });
  const batches = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 12, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(times, fixed, batches, async (atS, isFixed, sizes) => {
      const lockId = `ROW${String(n++).padStart(7, '0')}`;
      await insertLocks(database.pool, [{ lockId, model: 'test', secretHash: Buffer.alloc(32) }]);
      const records = atS.map((second, i) => recordOf(lockId, second, i, isFixed[i] ?? false));
      for (let from = 0, i = 0; from < records.length; from += sizes[i++] ?? 1) {
        await updateLocks(database.pool, [updateOf(records.slice(from, from + (sizes[i] ?? 1)))]);
      }
      const expected = updateOf(records);
      const { rows } = await database.pool.query(
        'SELECT last_time, last_report, lock_fix(l) AS fix, last_fix_time FROM locks l WHERE lock_id = $1',
        [lockId],
      );
      expect(rows[0]).toEqual({
        last_time: new Date(expected.last.timeMs),
        last_report: wireForm(expected.last),
        fix: expected.lastFix ? wireForm(expected.lastFix) : null,
        last_fix_time: expected.lastFix ? new Date(expected.lastFix.timeMs) : null,
      });
    }),
    { numRuns: process.env.SEALWATCH_DEEP === '1' ? 2_000 : 150 },
  );
}, 600_000);

test('a lock that has moved to another slot, and one that was back in its slot since, is not updated: nothing is committed', async () => {
  const record = recordOf('MOVED00001', 1, 1, true);
  await insertLocks(database.pool, [{ lockId: record.lockId, model: 'test', secretHash: Buffer.alloc(32) }]);
  const known = updateOf([record]);
  const move = (slot: number) =>
    database.pool.query('UPDATE locks SET slot = $2, slot_moves = slot_moves + 1 WHERE lock_id = $1', [
      record.lockId,
      slot,
    ]);
  for (const slot of [(known.slot + 1) % 256, known.slot]) {
    await move(slot);
    await expect(updateLocks(database.pool, [known])).rejects.toMatchObject({ code: 'SW002' });
    await expect(holdLocks(database.pool, [known])).rejects.toMatchObject({ code: 'SW002' });
  }
  const now = { ...known, slotMoves: 2 };
  await updateLocks(database.pool, [now]);
  await holdLocks(database.pool, [now]);
});
