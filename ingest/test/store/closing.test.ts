import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Report } from '@sealwatch/schemas';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { restoreBackup, writeBackup } from '../../src/postgres/backup.ts';
import { keepReports } from '../../src/postgres/partitions.ts';
import { closableParts } from '../../src/postgres/partitions-closing.ts';
import { Block, type BlockRow, packBlock } from '../../src/record/block.ts';
import { codecOf } from '../../src/record/codec.ts';
import { isNumberedAbove } from '../../src/record/numbers.ts';
import { foldOrder, type TrackedReport } from '../../src/record/report.ts';
import { insertReports, updateLocks } from '../../src/store/reports/batch.ts';
import { inTimeOrder } from '../../src/store/reports/blocks.ts';
import { closeDays } from '../../src/store/reports/closing.ts';
import { recordsByIdentity } from '../../src/store/reports/identities.ts';
import { keyOf, lockReports, tripTrack } from '../../src/store/reports/reports.ts';
import { tripRecords } from '../../src/store/reports/roster.ts';
import { REPORTS } from '../../src/store/reports/rows.ts';
import { snapshotAt } from '../../src/store/reports/snapshot.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { validValues } from '../record/arbitrary.ts';
import { NOW_MS, TRIP_ID } from './fill.ts';
import { firstPlaceOf } from './first-place.ts';

const DAY_MS = 86_400_000;
const LOCKS = ['JT70100001', 'JT70100002', 'JT70100003'];
const DAYS = 6;
const codec = codecOf(Report);

/** Reports of every shape the contract allows, at times and with numbers that a lock may come up with. */
const aReport = fc.record({
  lock: fc.nat(LOCKS.length - 1),
  value: validValues(Report),
  agoMs: fc.oneof(
    fc.nat(DAYS * DAY_MS),
    // at one time, and at the ends of days
    fc.constantFrom(3.5 * DAY_MS, 4 * DAY_MS, (NOW_MS % DAY_MS) + 3 * DAY_MS, (NOW_MS % DAY_MS) + 3 * DAY_MS + 1),
  ),
  delayMs: fc.oneof(fc.nat(5_000), fc.integer({ min: -5_000, max: 2 ** 42 })),
  sent: fc.option(fc.integer({ min: 0, max: 2 ** 41 }), { nil: undefined }),
});

type Made = typeof aReport extends fc.Arbitrary<infer One> ? One : never;

/** @param first number, so that no two have one identity */
function recordsOf(made: readonly Made[], first: number, shuffled: readonly number[] = []): TrackedReport[] {
  return made.map(({ lock, value, agoMs, delayMs, sent }, i) => {
    const { boot: _boot, seq: _seq, ...report } = value;
    const number = first + (shuffled[i] ?? i);
    const boot = number % 5 === 4 ? 2 ** 32 - 1 : 3;
    const seq = number % 7 === 6 ? 2 ** 32 - 1 - number : number;
    const read = codec.read(LOCKS[lock]!, JSON.parse(JSON.stringify({ ...report, boot, seq })), NOW_MS);
    if ('reason' in read) throw new Error(read.detail);
    const timeMs = NOW_MS - agoMs;
    const record = { ...read.record, timeMs, receivedMs: timeMs + delayMs };
    return sent === undefined ? record : { ...record, sentMs: sent, clockFault: 'slow' as const };
  });
}

describe('a block of reports', () => {
  const cell = (least: number, most: number) => fc.integer({ min: least, max: most });
  const letter = fc.constantFrom('', 'a', 'b', 'c', 'z');
  const byte = cell(-128, 127);
  const short = fc.oneof(cell(-32_768, 32_767), fc.constant(-32_768));
  const int = fc.oneof(cell(-(2 ** 31), 2 ** 31 - 1), fc.constant(-(2 ** 31)), cell(0, 100));
  const oneRow = fc.record({
    time: fc.oneof(cell(0, 7.2e12), cell(1.79e12, 1.79e12 + DAY_MS)).map((ms) => new Date(ms)),
    boot: fc.oneof(cell(0, 3), cell(0, 2 ** 33)),
    seq: int,
    in_order: fc.boolean(),
    delay_ms: int,
    extra: fc.oneof(fc.constant(''), fc.json()),
    ...Object.fromEntries(
      REPORTS.columns.flatMap(({ name, packing }) => {
        if (!packing?.type || name === 'seq') return [];
        const value = packing.absent === '' ? letter : packing.isByte ? byte : packing.type === 'int' ? int : short;
        return [[name, value]];
      }),
    ),
  }) as unknown as fc.Arbitrary<BlockRow>;

  /** Mostly one value, as in a lock's day. */
  const rows = fc.array(oneRow, { minLength: 1, maxLength: 200 }).chain((all) =>
    fc.uniqueArray(fc.constantFrom(...Object.keys(all[0]!)), { maxLength: 22 }).map((same) => {
      const fixed = Object.fromEntries(same.filter((name) => name !== 'time').map((name) => [name, all[0]![name]]));
      return all.map((row) => ({ ...row, ...fixed })).sort(inTimeOrder);
    }),
  );

  test('gives back every row as it was, all of them or those of a time, with all columns or some', () => {
    fc.assert(
      fc.property(rows, fc.nat(), fc.nat(), (given, a, b) => {
        const block = new Block(packBlock(given));
        expect(block.rows()).toStrictEqual(given);
        const [first, last] = [a % given.length, b % given.length].sort((x, y) => x - y) as [number, number];
        const [fromMs, toMs] = [given[first]!.time.getTime(), given[last]!.time.getTime()];
        const within = given.filter(({ time }) => time.getTime() >= fromMs && time.getTime() < toMs);
        const span = block.within(fromMs, toMs);
        expect(block.rows(span.first, span.end)).toStrictEqual(within);
        const some = within.map(({ time, lon, extra }) => ({ time, lon, extra }));
        expect(block.rows(span.first, span.end, ['time', 'lon', 'extra'])).toStrictEqual(some);
        const { boot, seq } = given[first]!;
        const same = given.filter((row) => row.boot === boot && row.seq === seq);
        expect(block.numbered(boot, seq >>> 0, seq >>> 0)).toStrictEqual(same);
      }),
      { numRuns: 300 },
    );
  });

  test('of another form, or cut short, is refused and not misread', () => {
    const [row] = fc.sample(oneRow, { numRuns: 1, seed: 1 });
    const packed = packBlock([row!]);
    expect(() => new Block(Buffer.concat([Buffer.from([9]), packed.subarray(1)]))).toThrow(/the form 9/);
    expect(() => new Block(packed.subarray(0, packed.length - 1))).toThrow(/ends too early/);
  });
});

describe('a day that is closed', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase({ storage: 'plain' });
    const { pool } = database;
    await pool.query(
      `INSERT INTO locks (lock_id, secret_hash, created_at) SELECT unnest($1::text[]), '', to_timestamp(0)`,
      [LOCKS],
    );
    await pool.query(
      `INSERT INTO routes (route_id, version, name, feature, created_by) VALUES ('r', 1, 'r', '{}', 't')`,
    );
    await pool.query(
      `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version, tractor_plate,
         status, steps, created_at, sealed_at, departed_at)
       VALUES ($1, '292120260000000001', 'road', '2921', '3104', 'r', 1, '浙G12345', 'in-transit', '[]', $2, $2, $2)`,
      [TRIP_ID, new Date(NOW_MS - 5 * DAY_MS)],
    );
    await pool.query(
      `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, tracked_from, tracked_to)
       VALUES ($1, 0, 'CSQU3054383', $2, $4, $5), ($1, 1, 'MSKU9070323', $3, $4, NULL)`,
      [TRIP_ID, LOCKS[0], LOCKS[1], new Date(NOW_MS - 5.2 * DAY_MS), new Date(NOW_MS - 3.4 * DAY_MS)],
    );
  });
  beforeEach(() => database.pool.query('TRUNCATE reports, report_blocks'));
  afterAll(() => database.drop());

  const close = (nowMs = NOW_MS) => closeDays(database.pool, { nowMs, log: testLog });
  const keep = (more: { retentionDays?: number } = {}) =>
    keepReports(database.pool, { nowMs: NOW_MS, log: testLog, closeDays, ...more });

  /** As the platform writes them, one after the other in parts. */
  async function write(records: readonly TrackedReport[], at = 40): Promise<void> {
    for (let i = 0; i < records.length; i += at) {
      const part = records.slice(i, i + at);
      await insertReports(database.pool, part);
      const tops = new Map<string, TrackedReport>();
      const newest = new Map<string, TrackedReport>();
      for (const record of part) {
        const [top, last] = [tops.get(record.lockId), newest.get(record.lockId)];
        if (!top || isNumberedAbove(record, top)) tops.set(record.lockId, record);
        if (!last || record.timeMs > last.timeMs) newest.set(record.lockId, record);
      }
      await updateLocks(
        database.pool,
        [...tops.values()].map((top) => ({
          ...firstPlaceOf(top.lockId),
          maxBoot: top.boot,
          maxSeq: top.seq,
          receivedMs: NOW_MS,
          last: newest.get(top.lockId)!,
        })),
      );
    }
  }

  async function pagesOf(lockId: string, offices: string[] | null, limit: number): Promise<TrackedReport[]> {
    const all: TrackedReport[] = [];
    for (;;) {
      const last = all.at(-1);
      const page = await lockReports(database.pool, {
        lockId,
        limit,
        offices,
        ...(last ? { after: keyOf(last) } : {}),
      });
      all.push(...page.slice(0, limit));
      if (page.length <= limit) return all;
    }
  }

  const byIdentity = (found: TrackedReport[]) => found.toSorted(foldOrder);

  /** All that is asked of stored reports. */
  async function answers(records: readonly TrackedReport[]) {
    const { pool } = database;
    const lists = [];
    for (const lockId of LOCKS) {
      for (const limit of [1_000, 7]) lists.push(await pagesOf(lockId, null, limit));
      for (const offices of [['2921'], ['9999']]) lists.push(await pagesOf(lockId, offices, 50));
      const span = { fromMs: NOW_MS - 4.5 * DAY_MS, toMs: NOW_MS - 2.5 * DAY_MS };
      lists.push(await lockReports(pool, { lockId, ...span, offices: null, limit: 30 }));
    }
    const elsewhere = records.map((record) => ({ ...record, timeMs: NOW_MS - 4 * DAY_MS }));
    const unknown = records.map((record) => ({ ...record, boot: 2, timeMs: record.timeMs - 1 }));
    const walls = [];
    for (let ago = 0; ago < DAYS; ago += 0.7) {
      const wall = await snapshotAt(pool, NOW_MS - ago * DAY_MS, null);
      walls.push(
        wall.locks.toSorted((a, b) => (a.lockId < b.lockId ? -1 : 1)),
        wall.trips,
      );
    }
    return {
      lists,
      walls,
      again: byIdentity(await recordsByIdentity(pool, records)),
      elsewhere: byIdentity(await recordsByIdentity(pool, elsewhere)),
      unknown: await recordsByIdentity(pool, unknown),
      trip: await tripRecords(pool, TRIP_ID, NOW_MS - 4.8 * DAY_MS),
      track: await tripTrack(pool, { tripId: TRIP_ID, maxPoints: 100_000 }),
      piece: await tripTrack(pool, {
        tripId: TRIP_ID,
        fromMs: NOW_MS - 4 * DAY_MS,
        toMs: NOW_MS - 3.4 * DAY_MS,
        maxPoints: 9,
      }),
    };
  }

  /** One by one, so that a failure names the question. */
  function sameAnswers<A extends Record<string, unknown>>(now: A, then: A): void {
    for (const [question, answer] of Object.entries(then))
      expect([question, now[question]]).toStrictEqual([question, answer]);
  }

  const rowsLeft = async () =>
    (
      await database.pool.query<{ n: number }>('SELECT count(*) AS n FROM reports WHERE time < $1', [
        new Date((Math.floor(NOW_MS / DAY_MS) - 2) * DAY_MS),
      ])
    ).rows[0]?.n;

  test('answers everything as it did in rows, also after late records went into it, each record once', async () => {
    const many = fc.array(aReport, { minLength: 1, maxLength: 400, size: 'max' });
    await fc.assert(
      fc.asyncProperty(many, fc.array(aReport, { maxLength: 40 }), fc.boolean(), async (made, late, isSteady) => {
        await database.pool.query('TRUNCATE reports, report_blocks');
        await database.pool.query('UPDATE locks SET max_boot = 0, max_seq = 0, last_time = NULL, last_report = NULL');
        const records = recordsOf(made, 0);
        if (isSteady) records.sort(foldOrder);
        const numbered = isSteady ? records.map((record, seq) => ({ ...record, boot: 3, seq })) : records;
        await write(numbered);
        await keepReports(database.pool, { nowMs: NOW_MS, log: testLog });
        const before = await answers(numbered);
        expect(before.again).toStrictEqual(byIdentity(numbered));
        await close();
        expect(await rowsLeft()).toBe(0);
        sameAnswers(await answers(numbered), before);
        const all = [...numbered, ...recordsOf(late, 1_000)];
        await write(all.slice(numbered.length));
        const withLate = await answers(all);
        expect(withLate.again).toStrictEqual(byIdentity(all));
        await keep();
        await close();
        expect(await rowsLeft()).toBe(0);
        sameAnswers(await answers(all), withLate);
      }),
      { numRuns: process.env.SEALWATCH_DEEP ? 60 : 3 },
    );
  });

  const at = (lockId: string, seq: number, timeMs: number): TrackedReport => ({
    lockId,
    boot: 3,
    seq,
    timeMs,
    receivedMs: timeMs,
    kind: 'live',
  });
  /** A record every two hours, from `DAYS` + 35 days ago on. */
  const long = LOCKS.flatMap((lockId) =>
    Array.from({ length: (DAYS + 35) * 12 }, (_, seq) =>
      at(lockId, seq, NOW_MS - (DAYS + 35) * DAY_MS + seq * 7_200_000),
    ),
  );
  const reset = () => database.pool.query('UPDATE locks SET max_boot = 0, max_seq = 0, last_time = NULL');

  test('leaves its partition, and so does what comes late for it, wherever that was put', async () => {
    await reset();
    await write(long, 500);
    await close();
    await keep();
    const partitions = async () =>
      (
        await database.pool.query<{ name: string }>(
          `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'reports'::regclass ORDER BY 1`,
        )
      ).rows.map(({ name }) => name);
    expect(await partitions()).toEqual([
      'reports_20261119',
      'reports_20261120',
      'reports_20261121',
      'reports_20261122',
      'reports_20261123',
      'reports_default',
    ]);
    const late = at(LOCKS[0]!, 1_000, NOW_MS - 20 * DAY_MS);
    const wrongYear = at(LOCKS[0]!, 1_001, Date.UTC(1999, 0, 1));
    await write([late, wrongYear]);
    expect((await keep()).settled).toEqual([]);
    await close();
    expect(await rowsLeft()).toBe(0);
    expect(await pagesOf(LOCKS[0]!, null, 100)).toStrictEqual(
      [...long.filter(({ lockId }) => lockId === LOCKS[0]), late, wrongYear].toSorted(foldOrder),
    );
  });

  test('waits while there are reports of the former shape, whose order counts on rows', async () => {
    await database.pool.query('CREATE TABLE former_reports (time timestamptz) PARTITION BY RANGE (time)');
    await database.pool.query('CREATE TABLE former_reports_default PARTITION OF former_reports DEFAULT');
    await reset();
    await write(long.slice(0, 5));
    await close();
    expect(await rowsLeft()).toBe(5);
    await database.pool.query('DROP TABLE former_reports');
    await close();
    expect(await rowsLeft()).toBe(0);
  });

  test('is deleted after retention, but what touches the window of a trip that is not over', async () => {
    await reset();
    await write(long, 500);
    await close();
    await database.pool.query('UPDATE trip_units SET tracked_from = $1 WHERE lock_id = $2', [
      new Date(NOW_MS - 33.5 * DAY_MS),
      LOCKS[0],
    ]);
    const { dropped } = await keep({ retentionDays: 30 });
    expect(dropped.at(-1)).toBe('2026-10-21');
    const firstDay = async (lockId: string) => (await pagesOf(lockId, null, 500))[0]!.timeMs;
    const cutoffMs = Date.UTC(2026, 9, 22);
    expect(await firstDay(LOCKS[2]!)).toBeGreaterThanOrEqual(cutoffMs);
    expect(await firstDay(LOCKS[0]!)).toBeLessThanOrEqual(NOW_MS - 33.5 * DAY_MS);
    expect(await firstDay(LOCKS[0]!)).toBeGreaterThan(NOW_MS - 35 * DAY_MS);
    await database.pool.query(`UPDATE trips SET status = 'closed'`);
    await keep({ retentionDays: 30 });
    expect(await firstDay(LOCKS[0]!)).toBeGreaterThanOrEqual(cutoffMs);
    await database.pool.query(`UPDATE trips SET status = 'in-transit'`);
  });

  test('is in a backup as it is, also half closed, and is read after a restore as before, in a hypertable too', async () => {
    await reset();
    await write(long, 500);
    // a part of them is closed
    await close(NOW_MS - 20 * DAY_MS);
    await write([at(LOCKS[1]!, 2_000, NOW_MS - 25 * DAY_MS)]);
    const folder = mkdtempSync(join(tmpdir(), 'sealwatch-closed-'));
    const file = join(folder, 'half.backup');
    await writeBackup(database.pool, file, new Date(NOW_MS));
    const into = await freshDatabase();
    try {
      await restoreBackup(into.pool, file);
      for (const when of ['restored', 'kept']) {
        for (const lockId of LOCKS)
          expect([when, await lockReports(into.pool, { lockId, limit: 10_000, offices: null })]).toStrictEqual([
            when,
            await lockReports(database.pool, { lockId, limit: 10_000, offices: null }),
          ]);
        await keepReports(into.pool, { nowMs: NOW_MS, log: testLog, closeDays });
        await closeDays(into.pool, { nowMs: NOW_MS, log: testLog });
      }
    } finally {
      await into.drop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('that somebody reads is dropped by a later round, and its reports are read meanwhile', async () => {
    await reset();
    await keepReports(database.pool, { nowMs: NOW_MS - 10 * DAY_MS, log: testLog });
    await write(long, 500);
    const days = async () => (await closableParts(database.pool, NOW_MS)).filter(({ day }) => day).length;
    expect(await days()).toBe(5);
    const reader = await database.pool.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM reports');
    await close();
    expect(await days()).toBe(5);
    expect(await rowsLeft()).toBe(0);
    await reader.query('COMMIT');
    reader.release();
    await close();
    expect(await days()).toBe(0);
    expect(await pagesOf(LOCKS[1]!, null, 200)).toStrictEqual(long.filter(({ lockId }) => lockId === LOCKS[1]));
  });
});
