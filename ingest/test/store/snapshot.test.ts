import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepReports } from '../../src/postgres/partitions.ts';
import type { Queryable } from '../../src/postgres/queryable.ts';
import { snapshotAt } from '../../src/store/reports/snapshot.ts';
import { dayStats } from '../../src/store/trips/stats.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { fillReports, NOW_MS, rowsReadInSequence, TRIP_ID } from './fill.ts';

const HOUR_MS = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();

describe('the wall at a time', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    await keepReports(database.pool, { nowMs: NOW_MS, log: testLog });
    await fillReports(database.pool);
    await database.pool.query('ANALYZE');
  });
  afterAll(() => database.drop());

  const tripAt = async (atMs: number) =>
    (await snapshotAt(database.pool, atMs, null)).trips.find((trip) => trip.tripId === TRIP_ID);

  it('shows every lock where its last record before that time was', async () => {
    const wall = await snapshotAt(database.pool, NOW_MS - 2 * HOUR_MS + 10_000, null);
    expect(wall.locks.length).toBe(40);
    for (const lock of wall.locks) expect(lock.time).toBe(iso(NOW_MS - 2 * HOUR_MS));
    expect(wall.locks.find((lock) => lock.lockId === 'JT70100001')).toMatchObject({
      tripId: TRIP_ID,
      plate: '浙G12345',
      status: 'green',
      position: { lat: expect.closeTo(29.001, 6) },
      battery: { percent: 80 },
    });
    expect(wall.locks.find((lock) => lock.lockId === 'JT70100002')).toMatchObject({ status: 'idle' });
  });

  it('has the name of a lock that was there and had told nothing, and nothing of one that came later', async () => {
    const add = (lockId: string, at: number) =>
      database.pool.query('INSERT INTO locks (lock_id, secret_hash, created_at) VALUES ($1, $2, $3)', [
        lockId,
        Buffer.alloc(32),
        iso(at),
      ]);
    await add('JT79900001', NOW_MS - 3 * HOUR_MS);
    await add('JT79900002', NOW_MS);
    const wall = await snapshotAt(database.pool, NOW_MS - 2 * HOUR_MS, null);
    const news = wall.locks.filter(({ lockId }) => lockId.startsWith('JT799'));
    expect(news).toEqual([{ lockId: 'JT79900001', status: 'idle' }]);
    await database.pool.query("DELETE FROM locks WHERE lock_id LIKE 'JT799%'");
  });

  it('shows a trip green before it left the route, provisional before it was confirmed, red after', async () => {
    expect(await tripAt(NOW_MS - 2 * HOUR_MS)).toMatchObject({ status: 'in-transit', risk: 'green', openAlarms: [] });
    expect(await tripAt(NOW_MS - HOUR_MS + 1)).toMatchObject({ risk: 'green', openAlarms: [{ state: 'provisional' }] });
    expect(await tripAt(NOW_MS - HOUR_MS + 30_000)).toMatchObject({ risk: 'red', openAlarms: [{ state: 'open' }] });
  });

  it('knows nothing of a trip before it began', async () => {
    expect(await tripAt(NOW_MS - 4 * HOUR_MS - 1)).toBeUndefined();
    const wall = await snapshotAt(database.pool, NOW_MS - 5 * HOUR_MS, null);
    expect(wall.locks.find((lock) => lock.lockId === 'JT70100001')).not.toHaveProperty('tripId');
  });

  it('keeps to the offices of who asks', async () => {
    expect(await snapshotAt(database.pool, NOW_MS, ['9999'])).toMatchObject({ trips: [], locks: [] });
    const own = await snapshotAt(database.pool, NOW_MS, ['2921']);
    expect(own.locks.map((lock) => lock.lockId)).toEqual(['JT70100001']);
  });

  it('reads reports by their index alone', async () => {
    const run = (db: Queryable) => snapshotAt(db, NOW_MS - HOUR_MS, null);
    expect(await rowsReadInSequence(database.pool, run)).toBe(0);
  });
});

describe('statistics', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    const { pool } = database;
    await pool.query(
      `INSERT INTO routes (route_id, version, name, feature, created_by) VALUES ('r', 1, 'r', '{}', 'test')`,
    );
    const trip = async (n: number, arrivedMin: number | null, limitMin: number | null) =>
      pool.query(
        `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version,
           tractor_plate, status, steps, created_at, departed_at, arrived_at, time_limit_min)
         VALUES ($1, 'x', 'road', '2921', $2, 'r', 1, 'x', 'arrived', '[]', $3, $3, $4, $5)`,
        [
          `00000000-0000-4000-8000-00000000000${n}`,
          n === 4 ? '3105' : '3104',
          new Date(NOW_MS),
          arrivedMin === null ? null : new Date(NOW_MS + arrivedMin * 60_000),
          limitMin,
        ],
      );
    await trip(1, 300, 360);
    await trip(2, 400, 360);
    await trip(3, 100, null);
    await trip(4, null, 360);
    for (const [rule, falseAlarm] of [
      ['route.deviation', true],
      ['seal.rope-cut', false],
    ]) {
      await pool.query(
        `INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, raised_at, false_alarm)
         VALUES (gen_random_uuid(), '00000000-0000-4000-8000-000000000001', 'JT70100001', $1, 'latched', 'critical', 'open', false,
           $2, $2, $3)`,
        [rule, new Date(NOW_MS), falseAlarm],
      );
    }
    await pool.query(
      `INSERT INTO passages (gate_id, passage_id, decided_at, question, answer, verdict, trip_id)
       VALUES ('g', 'p', $1, '{}', '{"decidedInMs": 250}', 'release', '00000000-0000-4000-8000-000000000001')`,
      [new Date(NOW_MS)],
    );
  });
  afterAll(() => database.drop());

  it('count each event on its own day for the office the trip goes to', async () => {
    const none = {
      declared: 0,
      arrived: 0,
      limited: 0,
      onTime: 0,
      deviations: 0,
      falseAlarms: 0,
      passages: 0,
      released: 0,
      gateSeconds: 0,
    };
    const stats = await dayStats(database.pool, {
      fromMs: NOW_MS - HOUR_MS,
      toMs: NOW_MS + 24 * HOUR_MS,
      zone: 'UTC',
      offices: null,
    });
    expect(stats).toEqual([
      {
        ...none,
        ...{ day: '2026-11-21', office: '3104', declared: 3, arrived: 3, limited: 2, onTime: 1 },
        ...{ deviations: 1, falseAlarms: 1, passages: 1, released: 1, gateSeconds: 0.25 },
      },
      { ...none, day: '2026-11-21', office: '3105', declared: 1 },
    ]);
  });

  it('are of the day that it was where the reader is', async () => {
    const days = async (zone: string) => {
      const span = { fromMs: NOW_MS - HOUR_MS, toMs: NOW_MS + 24 * HOUR_MS, zone, offices: null };
      return new Set((await dayStats(database.pool, span)).map(({ day }) => day));
    };
    expect(await days('Asia/Shanghai')).toEqual(new Set(['2026-11-21']));
    // 09:00 in Greenwich is 23:00 of the day before on Midway.
    expect(await days('Pacific/Midway')).toContain('2026-11-20');
  });

  it('leave out other times and other offices', async () => {
    expect(await dayStats(database.pool, { fromMs: 0, toMs: NOW_MS, zone: 'UTC', offices: null })).toEqual([]);
    const one = await dayStats(database.pool, {
      fromMs: NOW_MS,
      toMs: NOW_MS + HOUR_MS,
      zone: 'UTC',
      offices: ['3105'],
    });
    expect(one.map((day) => day.office)).toEqual(['3105']);
  });
});
