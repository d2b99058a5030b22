import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepReports, reportStorage, startReportKeeper } from '../../src/postgres/partitions.ts';
import { insertReports } from '../../src/store/reports/batch.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { fillReports, reportOf } from '../store/fill.ts';

const NOW_MS = Date.parse('2026-11-21T09:00:00Z');
const DAY_MS = 86_400_000;

describe('the partitions of reports', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await freshDatabase({ storage: 'plain' });
  });
  afterEach(() => database.drop());

  const keep = (options: { nowMs?: number; retentionDays?: number } = {}) =>
    keepReports(database.pool, { nowMs: NOW_MS, log: testLog, ...options });

  async function write(lockId: string, seq: number, timeMs: number): Promise<void> {
    await database.pool.query(`INSERT INTO locks (lock_id, secret_hash) VALUES ($1, '') ON CONFLICT DO NOTHING`, [
      lockId,
    ]);
    await insertReports(database.pool, [reportOf(lockId, seq, timeMs)]);
  }

  async function rowsByPartition(): Promise<Record<string, number>> {
    const { rows } = await database.pool.query<{ partition: string; n: number }>(
      'SELECT tableoid::regclass::text AS partition, count(*) AS n FROM reports GROUP BY 1',
    );
    return Object.fromEntries(rows.map((row) => [row.partition, row.n]));
  }

  /** The pool, but for statements of transactions that begin so: they wait until it is opened. */
  function gatedBefore(start: string, asked: string[] = []): { pool: pg.Pool; open(): void } {
    const { pool } = database;
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gated: pg.Pool = Object.create(pool);
    gated.connect = (async (...callback: []) => {
      if (callback.length > 0) return pool.connect(...callback);
      const client = await pool.connect();
      const slow: pg.PoolClient = Object.create(client);
      slow.query = (async (text: string, values?: unknown[]) => {
        asked.push(text);
        if (text.startsWith(start)) await gate;
        return client.query(text, values);
      }) as typeof client.query;
      return slow;
    }) as typeof pool.connect;
    return { pool: gated, open };
  }

  it('are made for two days before and after today, once', async () => {
    expect((await keep()).made).toEqual(['2026-11-19', '2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23']);
    expect((await keep()).made).toEqual([]);
    expect((await keep({ nowMs: NOW_MS + DAY_MS })).made).toEqual(['2026-11-24']);
    expect(await reportStorage(database.pool)).toEqual({ kind: 'partitions' });
  });

  it('take the records of their own day, from the first to the last millisecond', async () => {
    await keep();
    await write('JT70100001', 1, Date.parse('2026-11-21T00:00:00.000Z'));
    await write('JT70100001', 2, Date.parse('2026-11-21T23:59:59.999Z'));
    await write('JT70100001', 3, Date.parse('2026-11-22T00:00:00.000Z'));
    expect(await rowsByPartition()).toEqual({ reports_20261121: 2, reports_20261122: 1 });
  });

  it('are made for the day of a late record, which loses nothing by the move', async () => {
    await keep();
    await write('JT70100001', 1, NOW_MS - 10 * DAY_MS);
    await write('JT70100001', 2, NOW_MS - 10 * DAY_MS + 1);
    expect(await rowsByPartition()).toEqual({ reports_default: 2 });
    expect((await keep()).settled).toEqual(['2026-11-11']);
    expect(await rowsByPartition()).toEqual({ reports_20261111: 2 });
    await write('JT70100001', 3, NOW_MS - 10 * DAY_MS + 2);
    expect(await rowsByPartition()).toEqual({ reports_20261111: 3 });
  });

  it('take a report that comes while the late ones of its day are moved', async () => {
    await keep();
    await write('JT70100001', 1, NOW_MS - 10 * DAY_MS);
    const asked: string[] = [];
    const { pool, open } = gatedBefore('WITH late', asked);
    const round = keepReports(pool, { nowMs: NOW_MS, log: testLog });
    await expect.poll(() => asked.some((text) => text.startsWith('WITH late'))).toBe(true);
    const written = write('JT70100001', 2, NOW_MS - 10 * DAY_MS + 1);
    const waiting = `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE NOT l.granted AND d.datname = current_database()`;
    await expect.poll(async () => (await database.pool.query(waiting)).rows.length).toBeGreaterThan(0);
    open();
    await Promise.all([round, written]);
    expect(await rowsByPartition()).toEqual({ reports_20261111: 2 });
  });

  it('are not made for a clock that is years wrong', async () => {
    await write('JT70100001', 1, Date.parse('1999-01-01T00:00:00Z'));
    expect((await keep()).settled).toEqual([]);
    expect(await rowsByPartition()).toEqual({ reports_default: 1 });
  });

  it('keep the identity of a record unique, wherever it lies', async () => {
    await write('JT70100001', 7, NOW_MS - 10 * DAY_MS);
    await keep();
    await expect(write('JT70100001', 7, NOW_MS - 10 * DAY_MS)).rejects.toMatchObject({ code: '23505' });
  });

  it('are dropped whole after retention, late records with them', async () => {
    await keep();
    for (const [seq, days] of [0, 10, 40, 500].entries()) await write('JT70100001', seq, NOW_MS - days * DAY_MS);
    expect((await keep({ retentionDays: 30 })).dropped).toEqual(['2026-10-12']);
    expect(await rowsByPartition()).toEqual({ reports_20261121: 1, reports_20261111: 1 });
  });

  it('of a trip that is not over outlive retention, alone, until the trip is over', async () => {
    const road = `INSERT INTO routes (route_id, version, name, feature, created_by) VALUES ('road', 1, 'road', '{}', 'test')`;
    await database.pool.query(road);
    const { rows } = await database.pool.query<{ trip_id: string }>(
      `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version,
         tractor_plate, status, steps)
       SELECT gen_random_uuid(), 'd', 'road', '2921', '3104', 'road', 1, 'p', s, '[]'
       FROM unnest('{in-transit,closed}'::text[]) s RETURNING trip_id`,
    );
    const holds = (tripId: string, ordinal: number, days: number, forDays: number) =>
      database.pool.query(
        `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, tracked_from, tracked_to)
         VALUES ($1, $2, 'c', 'JT70100001', $3, $4)`,
        [tripId, ordinal, new Date(NOW_MS - days * DAY_MS), new Date(NOW_MS - (days - forDays) * DAY_MS)],
      );
    // Two days of their own, and one that lies in none.
    for (const [seq, days] of [40, 39.9, 39.8, 50, 500, 499.9].entries())
      await write('JT70100001', seq, NOW_MS - days * DAY_MS);
    await keep();
    for (const [ordinal, days] of [40, 500].entries()) await holds(rows[0]!.trip_id, ordinal, days, 0.05);
    await holds(rows[1]!.trip_id, 0, 39.9, 0.05);
    expect((await keep({ retentionDays: 30 })).dropped).toEqual(['2026-10-02']);
    expect(await rowsByPartition()).toEqual({ reports_20261012: 1, reports_default: 1 });
    await database.pool.query("UPDATE trips SET status = 'cancelled'");
    expect((await keep({ retentionDays: 30 })).dropped).toEqual(['2026-10-12']);
    expect(await rowsByPartition()).toEqual({});
  });

  it('of much that was restored are made while the platform takes reports already, today first', async () => {
    await fillReports(database.pool, 24);
    const asked: string[] = [];
    const { pool: slow, open } = gatedBefore('LOCK TABLE', asked);
    const keeper = await startReportKeeper(slow, { log: testLog, now: () => NOW_MS });
    try {
      expect(Object.keys(await rowsByPartition())).toEqual(['reports_default']);
      open();
      await expect.poll(async () => Object.keys(await rowsByPartition()).sort()).not.toContain('reports_default');
      expect(asked.find((text) => text.startsWith('CREATE TABLE'))).toContain('reports_20261121');
    } finally {
      open();
      await keeper.stop();
    }
  });

  it('are given up for this round while a writer holds the day, and made in the next', async () => {
    await keep();
    await write('JT70100001', 1, NOW_MS - 10 * DAY_MS);
    const writer = await database.pool.connect();
    await writer.query('BEGIN');
    await writer.query(`UPDATE reports SET kind = 'c'`);
    expect((await keep()).settled).toEqual([]);
    await writer.query('COMMIT');
    writer.release();
    expect((await keep()).settled).toEqual(['2026-11-11']);
  });
});
