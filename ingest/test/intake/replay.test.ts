import { reportTopic } from '@sealwatch/schemas';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Intake } from '../../src/intake/contract.ts';
import { type Replayed, replayRefused } from '../../src/intake/replay.ts';
import { insertQuarantine } from '../../src/store/reports/quarantine.ts';
import { oldestQuarantine } from '../../src/store/reports/refused.ts';
import { tripRecords } from '../../src/store/reports/roster.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { PLAIN } from '../store/plain.ts';
import { declareTrip, type Rig, registerLocks, report, startRig } from './rig.ts';

const LOCK = 'JT70100001';
const START_MS = Date.UTC(2026, 0, 1);

let db: TestDatabase;
let rig: Rig;

beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('TRUNCATE reports, quarantine, locks, trips, alarms CASCADE');
  await registerLocks(db, LOCK);
  rig = await startRig({ db });
});
afterEach(() => rig.close());

const receive: Intake['receive'] = (...publish) => rig.intake.receive(...publish);

/** As an earlier version of the platform left it, which could not read this. */
function refuse(payload: unknown, topic = reportTopic(LOCK)): Promise<void> {
  const raw = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return insertQuarantine(db.pool, [{ lockId: LOCK, topic, reason: 'invalid', detail: 'not understood then', raw }]);
}

async function replayAll(): Promise<Omit<Replayed, 'quarantineId'>[]> {
  const replayed = await replayRefused(
    db.pool,
    receive,
    await oldestQuarantine(db.pool, { offices: null, limit: 100 }),
  );
  return replayed.map(({ stored, refused }) => ({ stored, refused }));
}

const stored = () => rig.rows(`SELECT boot, seq FROM ${PLAIN} ORDER BY seq`);
const left = () =>
  rig.rows<{ reason: string; raw: Buffer }>('SELECT reason, raw FROM quarantine ORDER BY quarantine_id');

test('what can be read now is stored and judged by its fix time, and leaves the quarantine', async () => {
  const tripId = await declareTrip(db, [LOCK], START_MS);
  await refuse(report(1, START_MS + 60_000, 120.1, { offM: 900 }));
  await refuse([report(2, START_MS + 90_000, 120.11, { offM: 900 }), report(3, START_MS + 120_000, 120.12)]);
  expect(await replayAll()).toEqual([
    { stored: 1, refused: [] },
    { stored: 2, refused: [] },
  ]);
  expect(await stored()).toEqual([1, 2, 3].map((seq) => ({ boot: 1, seq })));
  expect(await left()).toEqual([]);
  const alarms = await rig.rows('SELECT rule FROM alarms WHERE trip_id = $1', [tripId]);
  expect(alarms).toContainEqual({ rule: 'route.deviation' });
});

test('what cannot be read still stays as it is, with the reason told', async () => {
  await refuse('no json');
  await refuse({ v: 1, boot: 1 });
  await refuse('{}', `locks/${LOCK}/reply`);
  const before = await left();
  expect((await replayAll()).map(({ refused }) => refused[0]?.reason)).toEqual(['not-json', 'invalid', 'not-a-report']);
  expect(await left()).toEqual(before);
});

test('of an array the good records are stored and the bad ones stay, each by itself', async () => {
  const bad = report(2, START_MS, 120, { boot: -1 });
  await refuse([report(1, START_MS, 120.1), bad]);
  expect(await replayAll()).toMatchObject([{ stored: 1, refused: [{ reason: 'invalid' }] }]);
  expect(await stored()).toEqual([{ boot: 1, seq: 1 }]);
  expect((await left()).map(({ raw }) => JSON.parse(String(raw)))).toEqual([bad]);
});

test('the second body of an identity stays; the same record twice is stored once', async () => {
  const record = report(1, START_MS, 120.1);
  await refuse(record);
  await refuse(record);
  await refuse({ ...record, battery: { percent: 3 } });
  await replayAll();
  expect(await stored()).toEqual([{ boot: 1, seq: 1 }]);
  const kept = await left();
  expect(kept.map(({ reason }) => reason)).toEqual(['identity-conflict']);
  expect(await replayAll()).toMatchObject([{ stored: 0, refused: [{ reason: 'identity-conflict' }] }]);
  expect(await left()).toEqual(kept);
});

test('a live record is judged as received when it was refused, not when it is replayed', async () => {
  const tripId = await declareTrip(db, [LOCK], START_MS);
  await refuse(report(1, START_MS + 60_000, 120.1, { seal: { rope: 'cut', motor: 'locked', cover: 'closed' } }));
  await db.pool.query('UPDATE quarantine SET at = $1', [new Date(START_MS + 61_000)]);
  const ended = new Date(START_MS + 3_600_000);
  await db.pool.query("UPDATE trips SET status = 'closed', closed_at = $1", [ended]);
  await db.pool.query('UPDATE trip_units SET tracked_to = $1', [ended]);
  await rig.judge(tripId);
  expect(await replayAll()).toEqual([{ stored: 1, refused: [] }]);
  const [stored, ...others] = await tripRecords(db.pool, tripId, 0);
  expect(stored).toMatchObject({ timeMs: START_MS + 60_000, receivedMs: START_MS + 61_000 });
  expect(stored).not.toHaveProperty('sentMs');
  expect(others).toEqual([]);
});

test('a record of a lock whose counters have started again is found as stored', async () => {
  await declareTrip(db, [LOCK], START_MS);
  const life = 2 ** 32;
  await db.pool.query('UPDATE locks SET max_boot = $1, max_seq = 5', [life + 1]);
  await refuse(report(3, START_MS + 60_000, 120.1));
  expect(await replayAll()).toEqual([{ stored: 1, refused: [] }]);
  expect(await rig.rows(`SELECT boot, seq FROM ${PLAIN}`)).toEqual([{ boot: life + 1, seq: 3 }]);
  expect(await left()).toEqual([]);
});

test('while the intake cannot commit nothing leaves the quarantine', async () => {
  await refuse(report(1, START_MS, 120.1));
  await rig.intake.stop();
  await expect(replayAll()).rejects.toThrow('stopping');
  expect(await left()).toHaveLength(1);
});
