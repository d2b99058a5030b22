import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { tripRecords } from '../../src/store/reports/roster.ts';
import { putParams } from '../../src/store/roads/params.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { PLAIN } from '../store/plain.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from './rig.ts';

const LOCK = 'JT70100001';
const MINUTE = 60_000;

let db: TestDatabase;
let rig: Rig;
let lock: MqttClient;
let startMs: number;
/** The platform's clock. */
let clockMs: number;

beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query(
    'TRUNCATE reports, quarantine, identity_conflicts, alarms, trip_units, trip_checkpoints, trips, outbox, commands, locks, rule_params CASCADE',
  );
  await registerLocks(db, LOCK);
  startMs = Date.now() - 60 * MINUTE;
  clockMs = startMs + 51 * MINUTE;
});
afterEach(() => rig.close());

async function open(): Promise<void> {
  rig = await startRig({ db, nowMs: () => clockMs });
  lock = await rig.lock(LOCK);
}

async function reopen(): Promise<void> {
  await rig.close();
  await open();
}

interface AlarmRow {
  alarm_id: string;
  rule: string;
  phase: string;
  active: boolean;
  started_at: Date;
  confirmed_at: Date | null;
  ended_at: Date | null;
  detected_late: boolean;
  evidence: Record<string, unknown>;
}

const deviations = () => rig.rows<AlarmRow>(`SELECT * FROM alarms WHERE rule = 'route.deviation' ORDER BY started_at`);
const tripRow = async (tripId: string) =>
  (
    await rig.rows<{
      status: string;
      risk: number;
      done_m: number;
      departed_at: Date;
      arrived_at: Date | null;
      steps: { step: string; state: string }[];
    }>('SELECT * FROM trips WHERE trip_id = $1', [tripId])
  )[0];

/** A drive along the road, a record a minute; minutes 20 to 29 are 2 km off it. */
const DETOUR = Array.from({ length: 50 }, (_, i) => i);
const driven = (minute: number, more: object = {}) =>
  report(minute, startMs + (minute + 1) * MINUTE, 120.05 + minute * 0.01, {
    offM: minute >= 20 && minute < 30 ? 2_000 : 0,
    ...more,
  });

/** Sends these minutes live, each as it happens. */
async function drive(minutes: number[]): Promise<void> {
  for (const minute of minutes) {
    clockMs = Date.parse(driven(minute).time) + 500;
    await send(lock, LOCK, driven(minute));
  }
}

const lastAlarms = () => rig.committed.at(-1)?.alarms.filter((alarm) => alarm.rule === 'route.deviation');

test('a truck that leaves the road is told provisional, then red; on its return the alarm stays active', async () => {
  const tripId = await declareTrip(db, [LOCK], startMs);
  await open();
  await drive(DETOUR.slice(0, 21));
  expect(rig.committed.at(-1)?.reports[0]).toMatchObject({ lockId: LOCK, tripId, wallStatus: 'provisional' });
  expect(lastAlarms()).toMatchObject([{ state: 'provisional', tripId }]);
  expect((await tripRow(tripId))?.risk).toBe(0);

  await drive([21]);
  expect(rig.committed.at(-1)?.reports[0]?.wallStatus).toBe('red');
  expect(lastAlarms()).toMatchObject([{ state: 'open', startedAt: driven(20).time, confirmedAt: driven(21).time }]);
  expect((await tripRow(tripId))?.risk).toBe(2);

  await drive(DETOUR.slice(22));
  expect(await deviations()).toMatchObject([{ phase: 'returned', active: true, ended_at: new Date(driven(30).time) }]);
  expect(rig.committed.at(-1)?.reports[0]?.wallStatus).toBe('red');
  const raised = await rig.rows(
    `SELECT data FROM outbox WHERE type = 'alarm.raised' AND data ->> 'rule' = 'route.deviation'`,
  );
  expect(raised).toHaveLength(1);
});

test('any order of arrival, with duplicates, in arrays and over a restart, ends in the same alarms (law 3)', async () => {
  const outcome = async () =>
    (await deviations())
      .map(({ alarm_id: _, detected_late: _late, ...rest }) => rest)
      .map(({ rule, phase, active, started_at, confirmed_at, ended_at, evidence }) => ({
        rule,
        phase,
        active,
        started_at,
        confirmed_at,
        ended_at,
        evidence,
      }));
  await declareTrip(db, [LOCK], startMs);
  await open();
  await drive(DETOUR);
  const inOrder = await outcome();
  expect(inOrder).toHaveLength(1);
  await rig.close();

  await db.pool.query('TRUNCATE reports, alarms, trip_units, trip_checkpoints, trips, outbox, locks CASCADE');
  await registerLocks(db, LOCK);
  await declareTrip(db, [LOCK], startMs);
  await open();
  await send(lock, LOCK, driven(49));
  await send(
    lock,
    LOCK,
    DETOUR.slice(35).map((minute) => driven(minute, { kind: 'backfill' })),
  );
  await reopen();
  await send(lock, LOCK, driven(25));
  await send(
    lock,
    LOCK,
    DETOUR.slice(10, 28)
      .reverse()
      .map((minute) => driven(minute, { kind: 'backfill' })),
  );
  await reopen();
  await send(
    lock,
    LOCK,
    DETOUR.map((minute) => driven(minute, { kind: 'backfill' })),
  );
  expect(await outcome()).toEqual(inOrder);
  expect(await rig.rows(`SELECT 1 FROM ${PLAIN}`)).toHaveLength(DETOUR.length);
});

test('a start rebuilds the state from checkpoints and reports: nothing is raised twice, and the next record goes on', async () => {
  const tripId = await declareTrip(db, [LOCK], startMs);
  await open();
  await drive(DETOUR.slice(0, 25));
  expect(await rig.rows('SELECT 1 FROM trip_checkpoints')).not.toHaveLength(0);
  const before = await deviations();
  await reopen();
  expect(await deviations()).toEqual(before);
  await drive(DETOUR.slice(25));
  expect(await deviations()).toMatchObject([{ alarm_id: before[0]?.alarm_id, phase: 'returned', active: true }]);
  expect(
    await rig.rows(`SELECT 1 FROM outbox WHERE type = 'alarm.raised' AND data ->> 'rule' = 'route.deviation'`),
  ).toHaveLength(1);
  expect((await tripRow(tripId))?.done_m).toBeGreaterThan(45_000);
});

test('a late record belongs to the finished trip of its time, and not to the next one of the same lock', async () => {
  const first = await declareTrip(db, [LOCK], startMs);
  await open();
  await drive([...DETOUR.slice(0, 20), ...DETOUR.slice(30)]);
  expect(await deviations()).toEqual([]);
  await db.pool.query(`UPDATE trips SET status = 'closed' WHERE trip_id = $1`, [first]);
  await db.pool.query('UPDATE trip_units SET tracked_to = $2 WHERE trip_id = $1', [
    first,
    new Date(startMs + 52 * MINUTE),
  ]);
  await rig.judge(first);
  const second = await declareTrip(db, [LOCK], startMs + 53 * MINUTE);
  await rig.judge(second);
  clockMs = startMs + 55 * MINUTE;
  await send(lock, LOCK, report(60, clockMs, 120.05));

  await send(
    lock,
    LOCK,
    DETOUR.slice(20, 30).map((minute) => driven(minute, { kind: 'backfill' })),
  );
  const alarms = await rig.rows<AlarmRow & { trip_id: string }>(`SELECT * FROM alarms WHERE rule = 'route.deviation'`);
  expect(alarms).toMatchObject([{ trip_id: first, active: true, detected_late: true }]);
  expect((await tripRow(second))?.risk).toBe(0);
  expect(await tripRecords(db.pool, second, 0)).toHaveLength(1);
  expect(await tripRecords(db.pool, first, 0)).toHaveLength(50);
});

test('reports that came before their trip was declared are judged when it is', async () => {
  await open();
  await drive(DETOUR.slice(0, 25));
  expect(rig.committed.at(-1)?.reports[0]?.wallStatus).toBe('idle');
  const tripId = await declareTrip(db, [LOCK], startMs);
  await rig.judge(tripId);
  expect(await deviations()).toMatchObject([{ phase: 'open', active: true }]);
  expect(await tripRecords(db.pool, tripId, 0)).toHaveLength(25);
  expect(rig.committed.at(-1)?.tripIds).toEqual([tripId]);
  expect(lastAlarms()).toMatchObject([{ state: 'open' }]);
});

test('of plans read again together each is judged by its own records; one that was cancelled too, up to its end', async () => {
  const others = ['JT70100002', 'JT70100003'];
  await registerLocks(db, ...others);
  await open();
  await drive(DETOUR.slice(0, 25));
  const tripIds = [await declareTrip(db, [LOCK], startMs)];
  for (const other of others) tripIds.push(await declareTrip(db, [other], startMs));
  await db.pool.query(`UPDATE trips SET status = 'cancelled' WHERE trip_id = $1`, [tripIds[2]]);
  await rig.judge(...tripIds);
  expect(await rig.rows('SELECT trip_id FROM alarms')).toEqual([{ trip_id: tripIds[0] }]);
  expect(rig.committed.at(-1)?.tripIds.toSorted()).toEqual(tripIds.toSorted());
  expect(await rig.metric('trips')).toBe(2);
});

test('late records of a cancelled trip, of before its cancellation, raise their alarm on it and not on the next trip', async () => {
  const first = await declareTrip(db, [LOCK], startMs);
  await open();
  await drive(DETOUR.slice(0, 2));
  const cancelledAt = new Date(startMs + 24 * MINUTE);
  await db.pool.query(`UPDATE trips SET status = 'cancelled', closed_at = $2 WHERE trip_id = $1`, [first, cancelledAt]);
  await db.pool.query('UPDATE trip_units SET tracked_to = $2 WHERE trip_id = $1', [first, cancelledAt]);
  const second = await declareTrip(db, [LOCK], startMs + MINUTE);
  await rig.judge(first, second);
  await drive(DETOUR.slice(2, 23));
  expect(await rig.rows(`SELECT trip_id, active FROM alarms WHERE rule = 'route.deviation'`)).toEqual([
    { trip_id: first, active: true },
  ]);
  expect(await rig.rows('SELECT trip_id, risk FROM trips ORDER BY created_at')).toEqual([
    { trip_id: first, risk: 2 },
    { trip_id: second, risk: 2 },
  ]);
});

test('a sealed trip departs and arrives with its fixes; both are told once', async () => {
  const tripId = await declareTrip(db, [LOCK], startMs);
  await db.pool.query(
    `UPDATE trips SET status = 'sealed', departed_at = NULL, taken_over_at = NULL WHERE trip_id = $1`,
    [tripId],
  );
  await open();
  clockMs = startMs + 56 * MINUTE;
  await send(lock, LOCK, [report(1, startMs + MINUTE, 120), report(2, startMs + 2 * MINUTE, 120.001)]);
  expect((await tripRow(tripId))?.status).toBe('sealed');
  for (let i = 1; i < 50; i++) await send(lock, LOCK, report(2 + i, startMs + (2 + i) * MINUTE, 120 + i * 0.02));
  expect(await tripRow(tripId)).toMatchObject({ status: 'in-transit', arrived_at: null });
  await send(lock, LOCK, [
    report(60, startMs + 53 * MINUTE, 121),
    report(61, startMs + 54 * MINUTE, 121),
    report(62, startMs + 55 * MINUTE, 121),
  ]);
  const trip = await tripRow(tripId);
  expect(trip?.status).toBe('arrived');
  expect(trip?.departed_at.getTime()).toBeLessThan(startMs + 5 * MINUTE);
  expect(trip?.steps.find((step) => step.step === 'transit')?.state).toBe('done');
  const events = await rig.rows<{ type: string }>(
    `SELECT type FROM outbox WHERE type LIKE 'trip.%' ORDER BY outbox_id`,
  );
  expect(events.map((event) => event.type)).toEqual(['trip.departed', 'trip.arrived']);
});

test('an identity that comes again with another body raises seal.identity-mismatch on its trip, also over a restart', async () => {
  const tripId = await declareTrip(db, [LOCK], startMs);
  await open();
  await send(lock, LOCK, [driven(0), driven(1)]);
  await send(lock, LOCK, { ...driven(0), battery: { percent: 5 } });
  const mismatches = () => rig.rows<AlarmRow>(`SELECT * FROM alarms WHERE rule = 'seal.identity-mismatch'`);
  expect(await mismatches()).toMatchObject([{ active: true }]);
  expect((await tripRow(tripId))?.risk).toBe(2);
  await reopen();
  await send(lock, LOCK, driven(2));
  expect(await mismatches()).toHaveLength(1);
  expect(rig.committed.at(-1)?.reports[0]?.wallStatus).toBe('red');
});

test('what a person disposed of stays disposed, and the next excursion raises the next alarm', async () => {
  const tripId = await declareTrip(db, [LOCK], startMs);
  await open();
  await drive(DETOUR.slice(0, 32));
  await db.pool.query(
    `UPDATE alarms SET active = false, disposed_at = $1, disposed_by = 'li' WHERE rule = 'route.deviation'`,
    [new Date(startMs + 34 * MINUTE)],
  );
  await db.pool.query('UPDATE trips SET risk = trip_risk(trip_id)');
  await rig.judge(tripId);
  expect((await tripRow(tripId))?.risk).toBe(0);
  await send(lock, LOCK, driven(32));
  expect(await deviations()).toMatchObject([{ active: false }]);
  expect(rig.committed.at(-1)?.reports[0]?.wallStatus).toBe('green');
  clockMs = startMs + 51 * MINUTE;
  for (const minute of [40, 41, 42])
    await send(lock, LOCK, driven(minute, { position: { lon: 120.4 + minute / 1000, lat: 30.015, source: 'gnss' } }));
  expect(await deviations()).toMatchObject([{ active: false }, { active: true, phase: 'open' }]);
  expect((await tripRow(tripId))?.risk).toBe(2);
});

test('silence and a red that nothing confirms are raised by the clock and survive a restart', async () => {
  const tripId = await declareTrip(db, [LOCK], startMs);
  await open();
  await drive(DETOUR.slice(0, 21));
  await rig.intake.checkLiveness();
  expect(await deviations()).toMatchObject([{ phase: 'provisional' }]);
  clockMs += 61_000;
  await rig.intake.checkLiveness();
  expect(await deviations()).toMatchObject([{ phase: 'open', evidence: { confirmedBy: 'clock' } }]);
  expect((await tripRow(tripId))?.risk).toBe(2);
  clockMs += 60 * MINUTE;
  await rig.intake.checkLiveness();
  expect(await rig.rows(`SELECT active FROM alarms WHERE rule = 'comms.silent'`)).toEqual([{ active: true }]);

  await reopen();
  await send(lock, LOCK, driven(35));
  expect(await deviations()).toMatchObject([{ phase: 'returned', active: true, confirmed_at: expect.any(Date) }]);
  expect(await rig.rows(`SELECT active FROM alarms WHERE rule = 'comms.silent'`)).toEqual([{ active: false }]);
});

test('a trip is judged by the parameters that its platform had when it was declared, after a restart too', async () => {
  await putParams(db.pool, 'platform', { 'time.unapproved-stop': { maxStopMin: 3 } }, 'test');
  const tripId = await declareTrip(db, [LOCK], startMs);
  await putParams(db.pool, 'platform', { 'time.unapproved-stop': { maxStopMin: 600 } }, 'test');
  await open();
  const position = { lon: 120.5, lat: 30, speedKmh: 0, accuracyM: 5, source: 'gnss' };
  const standing = (minute: number) => report(minute, startMs + minute * MINUTE, 120.5, { position });
  await send(lock, LOCK, [1, 2, 3].map(standing));
  await reopen();
  await send(lock, LOCK, [4, 5, 6].map(standing));
  const [stop] = await rig.rows(`SELECT * FROM alarms WHERE rule = 'time.unapproved-stop' AND trip_id = $1`, [tripId]);
  expect(stop).toMatchObject({ active: true, evidence: { limitMin: 3 } });
});
