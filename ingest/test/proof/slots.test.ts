import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TripDeclaration } from '@sealwatch/schemas';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bridgedOf } from '../../src/bridged.ts';
import { LocalHints } from '../../src/compose/local-hints.ts';
import type { Principal } from '../../src/people/principal.ts';
import type { UseCaseDeps } from '../../src/ports.ts';
import { inTransaction } from '../../src/postgres/queryable.ts';
import { secretBox } from '../../src/secret-box.ts';
import { putRoute } from '../../src/store/roads/routes.ts';
import { changeTrip, trackTo } from '../../src/store/trips/changes.ts';
import { askToJudge } from '../../src/store/trips/to-judge.ts';
import { busyLocks } from '../../src/store/trips/trips.ts';
import { declare } from '../../src/trips/declare.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, ROAD, registerLocks, report } from '../intake/rig.ts';
import { chanceOf, seeds } from './chance.ts';
import { holdCommits, isCommitWaiting, makeHoldable } from './held.ts';
import { journeyOf, type Sending, STEP_MS } from './journey.ts';
import { missingOf, replayedAlarms, storedAlarms } from './oracle.ts';
import { Sender, type Sharing, startSharing, watchCommits } from './sharing.ts';

const START_MS = Date.UTC(2026, 0, 1);
const RECORDS = 40;
const ROUND_MS = RECORDS * STEP_MS + 600_000;
const ROUNDS = 4;
const IDS = Array.from({ length: 6 }, (_, i) => `JT7080000${i}`);
const PATIENT = { timeout: 120_000, interval: 10 };
const CONTAINERS = ['MSKU9070323', 'CSQU3054383'];
const CALLER: Principal = { kind: 'person', id: 'person:1', name: '王五', role: 'supervisor', offices: null };

let db: TestDatabase;
let deps: UseCaseDeps;
let workers: Sharing[] = [];
let ended: Sharing[] = [];
let senders: Sender[] = [];

beforeEach(async () => {
  db = await freshDatabase();
  await watchCommits(db);
  await registerLocks(db, ...IDS);
  // A time before its registration is none that a lock may have.
  await db.pool.query('UPDATE locks SET created_at = $1', [new Date(START_MS - 86_400_000)]);
  await putRoute(db.pool, { routeId: 'road', feature: ROAD, by: 'test' });
  const judging: UseCaseDeps['judging'] = { judged: async () => true };
  const log = pino({ level: 'silent' });
  const pools = { pool: db.pool, gatePool: db.pool };
  const bridged = bridgedOf(Buffer.alloc(32));
  deps = { ...pools, judging, hints: new LocalHints(), secrets: secretBox(randomBytes(32)), bridged, log, config: {} };
});
afterEach(async () => {
  for (const sender of senders) sender.stop();
  for (const worker of [...workers, ...ended]) await worker.stop();
  [workers, ended, senders] = [[], [], []];
  await db.drop();
});

async function join(): Promise<Sharing> {
  const worker = await startSharing(db);
  workers.push(worker);
  return worker;
}

/** A trip under way since then, by the use case that REST calls. */
async function onTrip(lockIds: string[], departedMs: number): Promise<string> {
  const at = new Date(departedMs).toISOString();
  const declared = TripDeclaration.parse({
    declarationNo: '292120260000000001',
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'road',
    vehicle: { tractorPlate: '浙G12345' },
    units: lockIds.map((lockId, i) => ({ containerNo: CONTAINERS[i], lockId })),
    takeover: { sealedAt: at, departedAt: at },
  });
  const { trip_id: tripId } = await declare(deps, CALLER, declared);
  return tripId;
}

async function close(tripId: string, atMs: number): Promise<void> {
  const at = new Date(atMs).toISOString();
  await inTransaction(db.pool, async (client) => {
    await changeTrip(client, tripId, { status: 'closed', closedAt: at });
    await trackTo(client, tripId, at);
    await askToJudge(client, [tripId]);
  });
}

const rowsOf = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await db.pool.query<T>(sql, values)).rows;
const slotOf = async (lockId: string) =>
  (await rowsOf<{ slot: number }>('SELECT slot FROM locks WHERE lock_id = $1', [lockId]))[0]!.slot;
const allJudged = () => vi.waitFor(async () => expect(await rowsOf('SELECT 1 FROM to_judge')).toEqual([]), PATIENT);
const allSent = () =>
  vi.waitFor(() => expect(senders.map((sender) => sender.waiting)).toEqual(IDS.map(() => 0)), PATIENT);
/** Members that look at each other have come to own all slots, each its part. */
const allOwned = () =>
  vi.waitFor(async () => {
    const owned = await rowsOf<{ n: number }>('SELECT count(*)::int AS n FROM slots GROUP BY member_id');
    const part = Math.ceil(256 / workers.length);
    expect([owned.length, Math.max(...owned.map(({ n }) => n)) <= part]).toEqual([workers.length, true]);
  }, PATIENT);

/** Locks of open trips that are not in the slot of their trip. */
const ASTRAY = `SELECT u.lock_id FROM trips t JOIN trip_units u USING (trip_id) JOIN locks l USING (lock_id)
  WHERE t.status <> 'closed' AND l.slot <> t.slot`;

/** The journey of a round, numbered above those before; a part of it is kept back until the lock's next trip. */
function roundOf(seed: number, lock: number, round: number): { now: Sending[]; late: Sending[] } {
  const chance = chanceOf(seed * 1_000 + lock * 10 + round);
  const [now, late]: [Sending[], Sending[]] = [[], []];
  for (const { records, payload } of journeyOf(seed * 100 + lock * 10 + round, RECORDS, START_MS + round * ROUND_MS)) {
    const isLate = chance() < 0.25;
    const own = records.map((record) => ({
      ...record,
      boot: record.boot + round * 10,
      kind: isLate ? 'backfill' : record.kind,
    }));
    const text = own.length === 0 ? payload : JSON.stringify(own.length === 1 ? own[0] : own);
    (isLate ? late : now).push({ records: own, payload: text });
  }
  return { now, late };
}

function shuffled<T>(chance: () => number, all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, at: chance() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

/** Workers come and go while locks report. */
const CHANGES = {
  joins: async () => void (await join()),
  leaves: async () => {
    await join();
    const worker = workers.shift()!;
    ended.push(worker);
    await worker.leave();
  },
  'is ended': async () => {
    await join();
    const worker = workers.shift()!;
    ended.push(worker);
    await worker.end();
  },
};

/** Rounds of trips with other locks together each time. @returns every trip */
async function voyage(seed: number): Promise<string[]> {
  const chance = chanceOf(seed);
  await join();
  await join();
  await allOwned();
  senders = IDS.map((lockId) => new Sender(lockId, () => [...workers, ...ended]));
  const changes = shuffled(chance, Object.values(CHANGES));
  const trips: string[] = [];
  let late: Sending[][] = IDS.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    const journeys = IDS.map((_, lock) => roundOf(seed, lock, round));
    senders.forEach((sender, lock) => {
      sender.add(...shuffledIn(chance, journeys[lock]!.now, late[lock]!));
    });
    late = journeys.map((journey) => journey.late);
    const changed = changes[round]?.();
    const [a, b, c, d, e, f] = shuffled(chance, IDS) as [string, string, string, string, string, string];
    const crews =
      chance() < 0.7
        ? [
            [a, b],
            [c, d],
            [e, f],
          ]
        : [[a, b], [c, d], [e], [f]];
    const opened: string[] = [];
    for (const crew of crews) {
      await sleep(chance() * 15);
      opened.push(await onTrip(crew, START_MS + round * ROUND_MS));
      expect(await rowsOf(ASTRAY)).toEqual([]);
    }
    await changed;
    await allSent();
    await allJudged();
    for (const tripId of opened) await close(tripId, START_MS + (round + 1) * ROUND_MS - 1_000);
    await allJudged();
    trips.push(...opened);
  }
  senders.forEach((sender, lock) => {
    sender.add(...late[lock]!);
  });
  await allSent();
  await allJudged();
  return trips;
}

/** The late ones anywhere among the others, both in their order. */
function shuffledIn(chance: () => number, now: readonly Sending[], late: readonly Sending[]): Sending[] {
  const mixed = [...now];
  const places = late.map(() => Math.floor(chance() * (now.length + 1))).sort((a, b) => b - a);
  for (const [i, place] of places.entries()) mixed.splice(place, 0, late[late.length - 1 - i]!);
  return mixed;
}

/** What is wrong, in words; empty where all is well. */
async function wrongOf(trips: string[]): Promise<string[]> {
  const wrong = await missingOf(db.pool, senders);
  for (const { what, slot, who, owner } of await rowsOf<Record<string, string>>('SELECT * FROM wrong_commits'))
    wrong.push(`${who} committed a ${what} of slot ${slot}, which is ${owner}'s`);
  for (const tripId of trips) {
    const [stored, replayed] = [await storedAlarms(db.pool, tripId), await replayedAlarms(db.pool, tripId)];
    for (const id of new Set([...Object.keys(stored), ...Object.keys(replayed)])) {
      const [told, meant] = [JSON.stringify(stored[id]), JSON.stringify(replayed[id])];
      if (told !== meant) wrong.push(`${tripId}: stored ${told}, meant ${meant}`);
    }
  }
  return wrong;
}

const outdated = () =>
  [...workers, ...ended].flatMap(({ lines }) => lines).filter((line) => line.includes('"code":"SW002"')).length;

describe('workers that share one database, while locks report, trips are declared and slots move', () => {
  test.each(seeds(1, 20))(
    'seed %i: what is acknowledged is stored once, alarms are those of the rows, and only owners commit',
    async (seed) => {
      expect(await wrongOf(await voyage(seed))).toEqual([]);
      const strays = await rowsOf('SELECT DISTINCT trip_id FROM strays');
      const moved = senders.reduce((sum, sender) => sum + sender.moved, 0);
      console.log(
        `seed ${seed}: ${outdated()} outdated commits refused, ${strays.length} trips with strays, ${moved} moves told`,
      );
      expect(moved).toBeGreaterThan(0);
    },
  );
});

/** Lets a worker judge one record of a lock, received at the time of record `nowSeq`. @returns why it was not stored */
const told = (worker: Sharing, lockId: string, seq: number, { offM = 0, nowSeq = seq } = {}) =>
  new Promise<Error | undefined>((resolve) => {
    const kind = nowSeq > seq ? 'backfill' : 'live';
    const record = report(seq, START_MS + seq * STEP_MS, 120.02 + seq / 1_000, { offM, kind });
    worker.intake.receive(lockId, Buffer.from(JSON.stringify(record)), resolve, START_MS + nowSeq * STEP_MS + 1_000);
  });

/** Two workers with half of the slots each, and a lock of each of them. */
async function two() {
  const [x, y] = [await join(), await join()];
  await allOwned();
  const lockOf = async (worker: Sharing) => {
    for (const lockId of IDS) if (worker.slots.has(await slotOf(lockId))) return lockId;
    throw new Error(`${worker.name} owns none of the locks`);
  };
  return { x, y, first: await lockOf(x), second: await lockOf(y) };
}

/** A lock goes on a trip with another worker's while its worker commits a record of it. @returns what became of that record */
async function movedInCommit() {
  const { x, y, first, second } = await two();
  await told(y, second, 1);
  let answer: Promise<Error | undefined> | undefined;
  await inTransaction(db.pool, async (client) => {
    await busyLocks(client, [first, second]);
    answer = told(y, second, 2);
    const waiting = `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`;
    await vi.waitFor(async () => expect(await rowsOf(waiting, [y.name])).toHaveLength(1), PATIENT);
    await declareTrip({ ...db, pool: client as unknown as TestDatabase['pool'] }, [first, second], START_MS);
  });
  const stored = 'SELECT seq FROM reports ORDER BY seq';
  const before = await rowsOf(stored);
  const [atOld, atNew] = [await answer, await told(x, second, 2)];
  const wrong = await rowsOf('SELECT * FROM wrong_commits');
  return { atOld: atOld?.name, before, atNew: atNew?.name, after: await rowsOf(stored), wrong, refused: outdated() };
}

/** A worker is ended while it commits. @returns whether its slots were another's before its commit was over, which stood all the same */
async function endedInCommit() {
  const { x, y, second } = await two();
  await told(y, second, 1);
  await makeHoldable(db);
  const letGo = await holdCommits(db);
  const answer = told(y, second, 2);
  await vi.waitFor(async () => expect(await isCommitWaiting(db)).toBe(true), PATIENT);
  const slot = await slotOf(second);
  const ending = y.end();
  ended.push(...workers.splice(workers.indexOf(y), 1));
  const endedBefore = await Promise.race([ending.then(() => true), sleep(500, false)]);
  if (endedBefore) await vi.waitFor(() => expect(x.slots.has(slot)).toBe(true), PATIENT);
  await letGo();
  await ending;
  const isStored = (await answer) === undefined;
  await vi.waitFor(() => expect(x.slots.has(slot)).toBe(true), PATIENT);
  return { endedBefore, isStored, wrong: await rowsOf('SELECT * FROM wrong_commits') };
}

/** Late records of a lock's trip before, which another worker folds. @returns the alarms of that trip and of the next one */
async function lateOfTripBefore() {
  const { x, y, first, second } = await two();
  const before = await onTrip([second], START_MS);
  await allJudged();
  await told(y, second, 1);
  await close(before, START_MS + 10 * STEP_MS);
  await allJudged();
  const next = await onTrip([first, second], START_MS + 10 * STEP_MS);
  await allJudged();
  const answers = [await told(x, second, 20)];
  for (const seq of [3, 4, 5]) answers.push(await told(x, second, seq, { offM: 900, nowSeq: 20 }));
  await allJudged();
  const alarms = async (tripId: string) =>
    (
      await rowsOf<{ rule: string }>(`SELECT rule FROM alarms WHERE trip_id = $1 AND rule = 'route.deviation'`, [
        tripId,
      ])
    ).length;
  const stored = await rowsOf('SELECT seq FROM reports ORDER BY seq');
  return {
    refused: answers.filter((error) => error),
    stored: stored.length,
    alarms: [await alarms(before), await alarms(next)],
    wrong: await rowsOf('SELECT * FROM wrong_commits'),
  };
}

describe('a lock that goes on a trip with one of another worker', () => {
  test('while a record of it is being committed: nothing of it is, and the other worker takes it', async () => {
    expect(await movedInCommit()).toEqual({
      atOld: 'MovedError',
      before: [{ seq: 1 }],
      atNew: undefined,
      after: [{ seq: 1 }, { seq: 2 }],
      wrong: [],
      refused: 1,
    });
  });

  test('late records of its trip before are stored and acknowledged by the one, and folded by the other', async () => {
    expect(await lateOfTripBefore()).toEqual({ refused: [], stored: 5, alarms: [1, 0], wrong: [] });
  });
});

test('a worker that is ended while it commits: it is ended after that commit, and its slots are claimed after it', async () => {
  expect(await endedInCommit()).toEqual({ endedBefore: false, isStored: true, wrong: [] });
});

describe('the proof itself turns red', () => {
  test('without the hold of the membership', async () => {
    await db.pool.query(`CREATE OR REPLACE FUNCTION hold_member(me int) RETURNS void LANGUAGE sql AS 'SELECT'`);
    expect(await endedInCommit()).toMatchObject({ endedBefore: true, isStored: true });
  });

  test('without the check of slots', async () => {
    await db.pool.query(`CREATE OR REPLACE FUNCTION refuse_moved_lock(lock_id text) RETURNS bigint
      LANGUAGE sql AS 'SELECT 1::bigint'`);
    const { atOld, wrong } = await movedInCommit();
    expect([atOld, wrong.length > 0]).toEqual([undefined, true]);
  });

  test('without the rule of strays', async () => {
    await db.pool.query(`CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER leave_out BEFORE INSERT ON to_judge FOR EACH ROW WHEN (NEW.late) EXECUTE FUNCTION leave_out()`);
    expect(await lateOfTripBefore()).toMatchObject({ stored: 5, alarms: [0, 0] });
  });

  test('where a declaration leaves the second lock in its slot', async () => {
    await db.pool.query(`CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.slot := OLD.slot; RETURN NEW; END';
      CREATE TRIGGER stay BEFORE UPDATE OF slot ON locks FOR EACH ROW EXECUTE FUNCTION stay()`);
    const { first, second } = await two();
    await onTrip([first, second], START_MS);
    expect(await rowsOf(ASTRAY)).toEqual([{ lock_id: second }]);
  });
});

test('the clock judges the trips of the slots that a worker owns, from the claim on and without a report, each by one worker', async () => {
  let nowMs = START_MS;
  const start = async () => {
    const worker = await startSharing(db, () => nowMs);
    workers.push(worker);
    return worker;
  };
  const [x, y] = [await start(), await start()];
  await allOwned();
  for (const lockId of IDS) await onTrip([lockId], START_MS);
  await allJudged();
  for (const lockId of IDS) {
    const owner = x.slots.has(await slotOf(lockId)) ? x : y;
    expect(await told(owner, lockId, 1)).toBeUndefined();
  }
  const followed = async () => [await x.trips(), await y.trips()];
  const [ofX, ofY] = await followed();
  expect([ofX! > 0, ofY! > 0, ofX! + ofY!]).toEqual([true, true, IDS.length]);
  nowMs += 3_600_000;
  await y.leave();
  workers.pop();
  await vi.waitFor(async () => expect(await followed()).toEqual([IDS.length, 0]), PATIENT);
  // It has not listened to those that it has just claimed, so they have their time to come back.
  await x.intake.checkLiveness();
  const silent = `SELECT count(*)::int AS n FROM alarms WHERE rule = 'comms.silent'`;
  expect(await rowsOf(silent)).toEqual([{ n: ofX }]);
  nowMs += 3_600_000;
  await x.intake.checkLiveness();
  expect(await rowsOf(silent)).toEqual([{ n: IDS.length }]);
  expect(await rowsOf('SELECT * FROM wrong_commits')).toEqual([]);
});
