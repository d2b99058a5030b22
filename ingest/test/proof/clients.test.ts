import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { publishPacket, Wiretap } from '../broker/wiretap.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, SECRET, startRig } from '../intake/rig.ts';
import { PLAIN } from '../store/plain.ts';
import { chanceOf } from './chance.ts';
import { acknowledgedOf, ProofLock, waitingOf } from './fleet.ts';
import { holdCommits, isCommitWaiting, makeHoldable } from './held.ts';
import { journeyOf, type Sending } from './journey.ts';
import { missingOf, replayedAlarms, storedAlarms } from './oracle.ts';

const START_MS = Date.UTC(2026, 0, 1);
const PATIENT = { timeout: 180_000, interval: 20 };
const MANY = process.env.SEALWATCH_DEEP ? 400 : 60;

let db: TestDatabase;
let rig: Rig;
let locks: ProofLock[] = [];
let taps: Wiretap[] = [];
/** Whose publishes have come to the intake. */
let received: string[] = [];

beforeAll(async () => {
  db = await freshDatabase();
  await makeHoldable(db);
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('TRUNCATE reports, quarantine, locks, trips, alarms CASCADE');
  locks = [];
  taps = [];
  received = [];
  rig = await startRig({
    db,
    wrap: (intake) => (lockId, payload, done) => {
      received.push(lockId);
      intake.receive(lockId, payload, done);
    },
  });
});
afterEach(async () => {
  for (const lock of locks) lock.stop();
  for (const tap of taps) tap.end();
  await rig.close();
});

async function muster(count: number, records: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, i) => `JT703${String(i).padStart(5, '0')}`);
  await registerLocks(db, ...ids);
  const trips: string[] = [];
  for (const id of ids) trips.push(await declareTrip(db, [id], START_MS));
  locks = ids.map((id, i) => new ProofLock(id, () => rig.broker.port, journeyOf(i, records, START_MS)));
  return trips;
}

async function tapAs(lockId: string): Promise<Wiretap> {
  const tap = new Wiretap(rig.broker.port);
  taps.push(tap);
  tap.connectAs(lockId, SECRET);
  await vi.waitFor(() => expect(tap.of('connack')).toHaveLength(1));
  return tap;
}

async function allIsWell(trips: string[]): Promise<void> {
  await vi.waitFor(() => expect(waitingOf(locks)).toBe(0), PATIENT);
  expect(await missingOf(db.pool, locks)).toEqual([]);
  for (const tripId of trips)
    expect(await storedAlarms(db.pool, tripId)).toEqual(await replayedAlarms(db.pool, tripId));
}

test('a storm of locks that all lose the line again and again loses nothing', async () => {
  const trips = await muster(MANY, 40);
  for (const share of [0.2, 0.5, 0.8]) {
    const until = acknowledgedOf(locks) + waitingOf(locks) * share;
    await vi.waitFor(() => expect(acknowledgedOf(locks) >= until || waitingOf(locks) === 0).toBe(true), PATIENT);
    for (const lock of locks) lock.cut();
  }
  await allIsWell(trips);
});

test('a client id taken over by a second connection, while publishes wait: both were told the truth', async () => {
  const trips = await muster(3, 120);
  const chance = chanceOf(5);
  for (let time = 0; time < 5; time++) {
    const until = acknowledgedOf(locks) + 5 + Math.floor(chance() * 30);
    await vi.waitFor(() => expect(acknowledgedOf(locks) >= until || waitingOf(locks) === 0).toBe(true), PATIENT);
    // The first connection is closed by the platform; the lock dials again and takes over in turn.
    (await tapAs(locks[time % 3]?.lockId ?? '')).end();
  }
  await allIsWell(trips);
});

test('locks that send a byte at a time, or half a frame and no more, delay nobody and are heard as far as they speak', async () => {
  const trips = await muster(2, 60);
  await registerLocks(db, 'JT70400001', 'JT70400002');
  const slow = await tapAs('JT70400001');
  const half = await tapAs('JT70400002');
  half.socket.write(Buffer.from([0x32, 0xff, 0x03, 0x00]));
  const frames = mqttPacket.generate(publishPacket('JT70400001', 1, JSON.stringify(report(1, START_MS, 120.1))));
  for (const [at, byte] of frames.entries()) {
    slow.socket.write(Buffer.from([byte]));
    if (at % 40 === 0) await sleep(1);
  }
  await allIsWell(trips);
  await vi.waitFor(() => expect(slow.acknowledged()).toEqual([1]), PATIENT);
  half.end();
  expect((await db.pool.query(`SELECT lock_id FROM ${PLAIN} WHERE lock_id LIKE 'JT704%'`)).rows).toEqual([
    { lock_id: 'JT70400001' },
  ]);
});

test('while commits are held a lock with a full window is told that the line lives, and nothing else', async () => {
  await registerLocks(db, 'JT70500001');
  const tap = await tapAs('JT70500001');
  const letGo = await holdCommits(db);
  const sendFrom = (first: number, count: number) =>
    tap.send(
      ...Array.from({ length: count }, (_, i) =>
        publishPacket('JT70500001', first + i, JSON.stringify(report(first + i, START_MS + i * 1_000, 120.1))),
      ),
    );
  sendFrom(1, 64);
  await vi.waitFor(async () => expect(await isCommitWaiting(db)).toBe(true), PATIENT);
  tap.send({ cmd: 'pingreq' });
  await vi.waitFor(() => expect(tap.of('pingresp')).toHaveLength(1), PATIENT);
  expect(tap.acknowledged()).toEqual([]);
  sendFrom(65, 36);
  await letGo();
  await vi.waitFor(() => expect(tap.acknowledged()).toEqual(Array.from({ length: 100 }, (_, i) => i + 1)), PATIENT);
});

/** Law 8, end to end: what is counted is how much of the flood was committed before the last live report was. */
test('a flood of back-filled records does not hold up live ones', async () => {
  const [live = '', ...late] = Array.from({ length: 31 }, (_, i) => `JT706${String(i).padStart(5, '0')}`);
  await registerLocks(db, live, ...late);
  const tap = await tapAs(live);
  const letGo = await holdCommits(db);
  locks = late.map((id) => new ProofLock(id, () => rig.broker.port, backlog(8, 50)));
  await vi.waitFor(async () => expect(await rig.metric('waiting_records')).toBeGreaterThan(2_000), PATIENT);
  tap.send(
    ...Array.from({ length: 20 }, (_, i) => publishPacket(live, i + 1, JSON.stringify(report(i, Date.now(), 120.1)))),
  );
  await vi.waitFor(() => expect(received.filter((lockId) => lockId === live)).toHaveLength(20), PATIENT);
  await letGo();
  await vi.waitFor(() => expect(waitingOf(locks)).toBe(0), PATIENT);
  await vi.waitFor(() => expect(tap.acknowledged()).toHaveLength(20), PATIENT);
  const told = rig.committed.map((batch) => batch.reports.map(({ lockId }) => lockId));
  const lastLive = told.findLastIndex((batch) => batch.includes(live));
  // At most two batches were under way when the live reports came, and the third may hold its share of late ones.
  expect(told.slice(0, lastLive + 1).flat().length).toBeLessThan(2 * 2_050 + 20 + 550);
  expect(told.flat()).toHaveLength(30 * 8 * 50 + 20);
  expect(await missingOf(db.pool, locks)).toEqual([]);
});

function backlog(publishes: number, size: number): Sending[] {
  return Array.from({ length: publishes }, (_, publish) => {
    const records = Array.from({ length: size }, (_, i) =>
      report(publish * size + i, START_MS + (publish * size + i) * 1_000, 120.1, { kind: 'backfill' }),
    );
    return { payload: JSON.stringify(records), records };
  });
}
