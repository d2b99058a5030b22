import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepReports } from '../../src/postgres/partitions.ts';
import type { Queryable } from '../../src/postgres/queryable.ts';
import { insertReports } from '../../src/store/reports/batch.ts';
import { recordsByIdentity } from '../../src/store/reports/identities.ts';
import { keyOf, lockReports, sentForm, tripTrack } from '../../src/store/reports/reports.ts';
import { tripRecords } from '../../src/store/reports/roster.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { fillReports, NOW_MS, reportOf, rowsReadInSequence, TRIP_ID } from './fill.ts';
import { PLAIN } from './plain.ts';

describe('queries over reports', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    await keepReports(database.pool, { nowMs: NOW_MS, log: testLog });
    await fillReports(database.pool);
  });
  afterAll(() => database.drop());

  it('give a lock’s records as they were sent, oldest first, page after page, each once', async () => {
    const { rows } = await database.pool.query<{ n: number }>(
      `SELECT count(*) AS n FROM ${PLAIN} WHERE lock_id = 'JT70100001'`,
    );
    const seen: string[] = [];
    let after: ReturnType<typeof keyOf> | undefined;
    for (let page = 0; page < 100; page++) {
      const records = await lockReports(database.pool, {
        lockId: 'JT70100001',
        offices: null,
        limit: 500,
        ...(after ? { after } : {}),
      });
      seen.push(...records.slice(0, 500).map((record) => `${record.timeMs} ${record.seq}`));
      if (records.length <= 500) break;
      after = keyOf(records[499]!);
    }
    expect(seen.length).toBe(rows[0]?.n);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(seen.toSorted());
  });

  it('give exactly the records with a fix time in [from, to)', async () => {
    const fromMs = NOW_MS - 3_600_000;
    const records = await lockReports(database.pool, {
      lockId: 'JT70100001',
      fromMs,
      toMs: fromMs + 60_000,
      offices: null,
      limit: 500,
    });
    expect(records.map((record) => record.timeMs)).toEqual([fromMs, fromMs + 30_000]);
  });

  it('give back every field of a record that has them all', async () => {
    const report = reportOf('JT70100777', 5, NOW_MS, {
      mode: 'sealed',
      position: {
        lon: 120.0754,
        lat: 29.3062,
        accuracyM: 6,
        speedKmh: 78.4,
        headingDeg: 74,
        satellites: 11,
        source: 'gnss',
      },
      seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 381 },
      battery: { percent: 86, charging: false },
      network: { rssiDbm: -71 },
      events: [{ type: 'unlock', source: 'card', card: '0008627839', verified: false, reason: 'outside-area' }],
    });
    await database.pool.query(`INSERT INTO locks (lock_id, secret_hash) VALUES ('JT70100777', '')`);
    await insertReports(database.pool, [report]);
    const records = await lockReports(database.pool, { lockId: 'JT70100777', offices: null, limit: 1 });
    expect(records.map(sentForm)).toEqual([
      {
        v: 1,
        lockId: 'JT70100777',
        boot: 1,
        seq: 5,
        time: new Date(NOW_MS).toISOString(),
        receivedAt: new Date(NOW_MS).toISOString(),
        kind: 'live',
        mode: 'sealed',
        position: report.position,
        seal: report.seal,
        battery: report.battery,
        network: { rssiDbm: -71 },
        events: report.events,
      },
    ]);
  });

  it('thin a trip’s track to the points asked for, without losing the points of its alarms', async () => {
    const all = await tripTrack(database.pool, { tripId: TRIP_ID, maxPoints: 100_000 });
    expect(all.thinnedWithinM).toBe(0);
    const thin = await tripTrack(database.pool, { tripId: TRIP_ID, maxPoints: 40 });
    expect(all.points.length).toBeGreaterThan(400);
    expect(thin.points.length).toBeLessThanOrEqual(40);
    const alarmAt = new Date(NOW_MS - 3_600_000).toISOString();
    expect(thin.points.map((point) => point.time)).toContain(alarmAt);
    expect(all.points).toEqual(expect.arrayContaining(thin.points));
    expect(thin.points).toEqual(thin.points.toSorted((a, b) => (a.time < b.time ? -1 : 1)));
  });

  it('keep to the trip: nothing from before it was judged, nothing after', async () => {
    const { points } = await tripTrack(database.pool, { tripId: TRIP_ID, maxPoints: 100_000 });
    expect(points[0]?.time).toBe(new Date(NOW_MS - 4 * 3_600_000).toISOString());
    expect(points.at(-1)?.time).toBe(new Date(NOW_MS - 30_000).toISOString());
    const part = await tripTrack(database.pool, {
      tripId: TRIP_ID,
      fromMs: NOW_MS - 3_600_000,
      toMs: NOW_MS - 3_540_000,
      maxPoints: 10,
    });
    expect(part.points.length).toBe(2);
  });

  it('never read a whole partition', async () => {
    await database.pool.query('ANALYZE');
    const read = (run: (db: Queryable) => Promise<unknown>) => rowsReadInSequence(database.pool, run);
    const lockId = 'JT70100001';
    const after = { timeMs: NOW_MS - 3_600_000, boot: 1, seq: 3 };
    expect(await read((db) => lockReports(db, { lockId, offices: null, limit: 500 }))).toBe(0);
    expect(await read((db) => lockReports(db, { lockId, fromMs: NOW_MS - 7_200_000, offices: null, limit: 500 }))).toBe(
      0,
    );
    expect(await read((db) => lockReports(db, { lockId, after, offices: null, limit: 500 }))).toBe(0);
    expect(await read((db) => tripTrack(db, { tripId: TRIP_ID, maxPoints: 100_000 }))).toBe(0);
    expect(await read((db) => tripRecords(db, TRIP_ID, NOW_MS - 600_000))).toBe(0);
    expect(await read((db) => recordsByIdentity(db, [{ lockId, boot: 1, seq: 7, timeMs: NOW_MS }]))).toBe(0);
    // and this check can fail
    const whole = `SELECT count(*) FROM ${PLAIN} WHERE speed_kmh > 400`;
    expect(await read((db) => db.query(whole))).toBeGreaterThan(200_000);
  });
});
