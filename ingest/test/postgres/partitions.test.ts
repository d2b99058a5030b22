import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepReports, reportStorage, startReportKeeper } from '../../src/postgres/partitions.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { fillReports } from '../store/fill.ts';

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
    await database.pool.query(
      `INSERT INTO reports (lock_id, boot, seq, time, received_at, kind) VALUES ($1, 1, $2, $3, $4, 'live')`,
      [lockId, seq, new Date(timeMs), new Date(NOW_MS)],
    );
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
    const of = (tripId: string, seq: number) =>
      database.pool.query('UPDATE reports SET trip_id = $1 WHERE seq = $2', [tripId, seq]);
    // Two days of their own, and one that lies in none.
    for (const [seq, days] of [40, 40, 40, 50, 500, 500].entries())
      await write('JT70100001', seq, NOW_MS - days * DAY_MS);
    await keep();
    for (const seq of [0, 4]) await of(rows[0]!.trip_id, seq);
    await of(rows[1]!.trip_id, 1);
    expect((await keep({ retentionDays: 30 })).dropped).toEqual(['2026-10-02']);
    expect(await rowsByPartition()).toEqual({ reports_20261012: 1, reports_default: 1 });
    await database.pool.query("UPDATE trips SET status = 'cancelled'");
    expect((await keep({ retentionDays: 30 })).dropped).toEqual(['2026-10-12']);
    expect(await rowsByPartition()).toEqual({});
  });

  it('are added up by the hour once their day is over, and again when late records come', async () => {
    const yesterdayMs = Date.parse('2026-11-20T10:00:00Z');
    const hours = async () => {
      const { rows } = await database.pool.query('SELECT hour, lock_id, reports FROM report_hours ORDER BY 1, 2');
      return rows.map((row) => [row.hour.toISOString(), row.lock_id, row.reports]);
    };
    // the server counts what a transaction wrote when its connection is idle
    const addUp = async () => {
      await database.pool.query('SELECT pg_stat_force_next_flush()');
      return (await keep())['added up'];
    };
    await keep();
    await write('JT70100001', 1, yesterdayMs);
    await write('JT70100001', 2, yesterdayMs + 60_000);
    await write('JT70100002', 1, yesterdayMs + 3_600_000);
    await write('JT70100001', 3, NOW_MS);
    await expect.poll(addUp, { timeout: 180_000 }).toEqual(['2026-11-20']);
    const first = [
      ['2026-11-20T10:00:00.000Z', 'JT70100001', 2],
      ['2026-11-20T11:00:00.000Z', 'JT70100002', 1],
    ];
    expect(await hours()).toEqual(first);
    expect(await addUp()).toEqual([]);
    await write('JT70100002', 2, yesterdayMs);
    await expect.poll(addUp, { timeout: 180_000 }).toEqual(['2026-11-20']);
    expect(await hours()).toEqual([first[0], ['2026-11-20T10:00:00.000Z', 'JT70100002', 1], first[1]]);
  });

  it('of much that was restored are made while the platform takes reports already, today first', async () => {
    await fillReports(database.pool, 12);
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
    await writer.query(`UPDATE reports SET kind = 'backfill' WHERE lock_id = 'JT70100001'`);
    expect((await keep()).settled).toEqual([]);
    await writer.query('COMMIT');
    writer.release();
    expect((await keep()).settled).toEqual(['2026-11-11']);
  });
});
