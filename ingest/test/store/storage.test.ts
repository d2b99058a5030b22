import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { checkDatabase } from '../../src/postgres/doctor.ts';
import { keepReports } from '../../src/postgres/partitions.ts';
import { inTransaction } from '../../src/postgres/queryable.ts';
import { insertReports, waitForTurn } from '../../src/store/reports/batch.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { fillReports, NOW_MS, reportOf } from './fill.ts';

/** Holds for both storages; which of them it is depends on the server that the tests are given (TEST_DATABASE_URL). */
describe('the storage of reports', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  const keep = (retentionDays?: number) =>
    keepReports(database.pool, {
      nowMs: NOW_MS,
      log: testLog,
      ...(retentionDays === undefined ? {} : { retentionDays }),
    });
  const count = async () => (await database.pool.query<{ n: number }>('SELECT count(*) AS n FROM reports')).rows[0]?.n;

  it('is a hypertable where the server has TimescaleDB, daily partitions elsewhere', async () => {
    expect((await keep()).storage.kind).toBe(inject('databaseServer').timescale ? 'hypertable' : 'partitions');
  });

  it('is the same after every further round of keeping', async () => {
    const first = await keep();
    expect((await keep()).storage).toEqual(first.storage);
  });

  it('takes reports, refuses the same identity twice, and says what they cost', async () => {
    await fillReports(database.pool, 2);
    expect(await count()).toBe(11_520);
    const again = reportOf('JT70100001', 7, NOW_MS - 7 * 30_000);
    await expect(insertReports(database.pool, [again])).rejects.toMatchObject({ code: '23505' });
    const findings = await checkDatabase(database.pool);
    expect(findings.map((finding) => finding.part)).toContain('reports.storage');
  });

  it('stores a record once that two transactions write at once', async () => {
    const record = reportOf('JT70100001', 9_999, NOW_MS);
    const write = () =>
      inTransaction(database.pool, async (db) => {
        await waitForTurn(db, 0);
        await insertReports(db, [record]);
      });
    const results = await Promise.allSettled([write(), write(), write()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason.code).toBe('23505');
  });

  it('leaves a day, or week, that somebody reads to the next round, takes reports meanwhile, and drops it whole then', async () => {
    const before = (await count()) ?? 0;
    const old = new Date(NOW_MS - 40 * 86_400_000);
    await insertReports(database.pool, [reportOf('JT70100001', 10_000, old.getTime())]);
    await keep();
    const reader = await database.pool.connect();
    try {
      await reader.query('BEGIN');
      await reader.query('SELECT count(*) FROM reports WHERE time <= $1', [old]);
      const round = keep(20);
      await insertReports(database.pool, [reportOf('JT70100001', 10_001, NOW_MS + 1)]);
      expect((await round).dropped).toEqual([]);
    } finally {
      await reader.query('COMMIT');
      reader.release();
    }
    expect(await count()).toBe(before + 2);
    expect((await keep(20)).dropped.length).toBe(1);
    expect(await count()).toBe(before + 1);
  });
});
