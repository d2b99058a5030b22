import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepReports } from '../../src/postgres/partitions.ts';
import type { Queryable } from '../../src/postgres/queryable.ts';
import { isNumberedAbove } from '../../src/record/numbers.ts';
import { insertReports, updateLocks } from '../../src/store/reports/batch.ts';
import { type Identity, recordsByIdentity } from '../../src/store/reports/identities.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { indexSearches, NOW_MS, reportOf, rowsReadInSequence } from './fill.ts';
import { firstPlaceOf } from './first-place.ts';

const DAY_MS = 86_400_000;
const LOCKS = ['JT70100001', 'JT70100002', 'JT70100003'];
/** So that a day is long enough for a plan to want its index. */
const OTHERS = Array.from({ length: 17 }, (_, i) => `JT70109${String(i).padStart(3, '0')}`);
const PARTITIONS = 46;

let database: TestDatabase;

/** Forty-five days, each with its partition; every third number of each lock is stored, 100 a day. */
beforeAll(async () => {
  database = await freshDatabase({ storage: 'plain' });
  for (let day = -40; day <= 0; day += 5)
    await keepReports(database.pool, { nowMs: NOW_MS + day * DAY_MS, log: testLog });
  await database.pool.query(
    `WITH l AS (INSERT INTO locks (lock_id, secret_hash) SELECT unnest($1::text[]), '' RETURNING lock_no)
     INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind, in_order)
     SELECT lock_no, 1, n * 3, to_timestamp($2 / 1000.0) - (4000 - n) * interval '14.4 min', 0, 'a', true
     FROM l, generate_series(0, 3999) n`,
    [[...LOCKS, ...OTHERS], NOW_MS],
  );
  await database.pool.query('ANALYZE');
});
afterAll(() => database.drop());

const timeOf = (seq: number): number => NOW_MS - (4_000 - seq / 3) * 864_000;
const at = (lockId: string, seq: number, timeMs = timeOf(seq)): Identity => ({ lockId, boot: 1, seq, timeMs });
const searches = (identities: Identity[]) =>
  indexSearches(database.pool, (db: Queryable) => recordsByIdentity(db, identities));

test('finds exactly the stored ones, whatever is asked: sent again, with another time, new, from another boot', async () => {
  const one = fc.record({
    lockId: fc.constantFrom(...LOCKS, 'JT70100009'),
    boot: fc.constantFrom(1, 1, 1, 2),
    seq: fc.integer({ min: 0, max: 300 }),
    otherTime: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 60 }), async (asked) => {
      const identities = asked.map(({ otherTime, ...identity }) => ({
        ...identity,
        timeMs: otherTime ? NOW_MS : timeOf(identity.seq),
      }));
      const name = (of: { lockId: string; boot: number; seq: number }) => `${of.lockId} ${of.boot} ${of.seq}`;
      const stored = identities.filter(
        ({ lockId, boot, seq }) => LOCKS.includes(lockId) && boot === 1 && seq % 3 === 0,
      );
      const found = await recordsByIdentity(database.pool, identities);
      expect(new Set(found.map(name))).toEqual(new Set(stored.map(name)));
    }),
    { numRuns: 60 },
  );
});

test('a record sent again costs one search, however many days are kept', async () => {
  const again = Array.from({ length: 100 }, (_, i) => at(LOCKS[i % 3] ?? '', i * 99));
  expect(await searches(again)).toBe(100);
});

test("a lock's backlog costs a few searches near each record and one a day that is kept, not one a record and day", async () => {
  const backlog = Array.from({ length: 200 }, (_, i) => at('JT70100002', 6_001 + i)).filter(({ seq }) => seq % 3 !== 0);
  const most = 6 * backlog.length + PARTITIONS;
  expect(await searches(backlog)).toBeLessThanOrEqual(most);
  // And the check can fail: numbers far apart are runs of their own.
  expect(await searches(backlog.map((one, i) => ({ ...one, seq: i * 30 + 1 })))).toBeGreaterThan(5 * most);
});

test('a record with another time than the stored one is found by a few dozen searches, in order or out of it', async () => {
  const elsewhere = (seq: number) => at('JT70100002', seq, NOW_MS - 3_600_000);
  const found = await recordsByIdentity(database.pool, [elsewhere(300), elsewhere(6_000), elsewhere(301)]);
  expect(found.map(({ seq, timeMs }) => [seq, timeMs]).toSorted(([a], [b]) => a! - b!)).toEqual(
    [300, 6_000].map((seq) => [seq, timeOf(seq)]),
  );
  expect(await searches([elsewhere(300)])).toBeLessThan(6 * PARTITIONS);
});

test('no partition is read without its index', async () => {
  const ask = (db: Queryable) => recordsByIdentity(db, [at('JT70100001', 300), at('JT70100001', 301)]);
  expect(await rowsReadInSequence(database.pool, ask)).toBe(0);
});

test('finds every record by its number at any time, in whatever order, with whatever times and in whatever batches they came', async () => {
  const { pool } = database;
  const came = fc.uniqueArray(
    fc.record({
      boot: fc.constantFrom(1, 1, 1, 2, 2 ** 33),
      seq: fc.oneof(fc.nat(60), fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 + 3 })),
      minute: fc.nat(3_000),
    }),
    { selector: ({ boot, seq }) => `${boot} ${seq}`, minLength: 1, maxLength: 40 },
  );
  const inTurn = fc.boolean();
  let n = 0;
  await fc.assert(
    fc.asyncProperty(
      came,
      inTurn,
      fc.integer({ min: 1, max: 9 }),
      fc.nat(3_000),
      async (all, isInTurn, atOnce, minute) => {
        const lockId = `JT7020${String(1_000 + n++)}`;
        await pool.query(`INSERT INTO locks (lock_id, secret_hash) VALUES ($1, '')`, [lockId]);
        const numbered = all.map((one, i) => ({ ...one, minute: isInTurn ? i * 60 : one.minute }));
        if (isInTurn) numbered.sort((a, b) => a.boot - b.boot || a.seq - b.seq);
        const records = numbered.map((one, i) =>
          reportOf(lockId, one.seq, NOW_MS - 3_000 * 60_000 + (isInTurn ? i * 60 : one.minute) * 60_000, {
            boot: one.boot,
          }),
        );
        for (let i = 0; i < records.length; i += atOnce) {
          const batch = records.slice(i, i + atOnce);
          await insertReports(pool, batch);
          const top = records.slice(0, i + atOnce).reduce((a, b) => (isNumberedAbove(b, a) ? b : a));
          const last = [...batch].sort((a, b) => b.timeMs - a.timeMs)[0]!;
          const numbers = { maxBoot: top.boot, maxSeq: top.seq };
          await updateLocks(pool, [{ ...firstPlaceOf(lockId), ...numbers, receivedMs: NOW_MS, last }]);
        }
        const name = (of: { boot: number; seq: number }) => `${of.boot} ${of.seq}`;
        const elsewhere = records.map((one) => ({ ...one, timeMs: NOW_MS - minute * 60_000 }));
        const unknown = elsewhere.map((one) => ({ ...one, boot: 3 }));
        const found = await recordsByIdentity(pool, [...elsewhere, ...unknown]);
        expect(found.map(name).sort()).toEqual(records.map(name).sort());
      },
    ),
    { numRuns: 60 },
  );
});
