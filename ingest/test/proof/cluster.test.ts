import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Bus, TakeMessage } from '../../src/bus/bus.ts';
import { readReports, writeAnswers } from '../../src/bus/report-frames.ts';
import { inTransaction } from '../../src/postgres/queryable.ts';
import { putRoute } from '../../src/store/roads/routes.ts';
import { changeTrip, trackTo } from '../../src/store/trips/changes.ts';
import { askToJudge } from '../../src/store/trips/to-judge.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { ROAD, registerLocks } from '../intake/rig.ts';
import { chanceOf, seeds } from './chance.ts';
import { ask, Cluster, portOf, Screen } from './cluster.ts';
import { ProofLock, waitingOf } from './fleet.ts';
import { journeyOf, type Sending, STEP_MS } from './journey.ts';
import { missingOf, replayedAlarms, storedAlarms } from './oracle.ts';
import { watchCommits } from './sharing.ts';

const RECORDS = 40;
const ROUND_MS = RECORDS * STEP_MS + 600_000;
const ROUNDS = 4;
const IDS = Array.from({ length: 6 }, (_, i) => `JT7090000${i}`);
const CONTAINERS = ['MSKU9070323', 'CSQU3054383'];
const PATIENT = { timeout: 120_000, interval: 20 };
/** A pool of a node that is a worker: those of the others have told their roles, or are the test's. */
const IS_WORKER = `who LIKE 'sealwatch process % %' AND NOT EXISTS (SELECT FROM members m WHERE m.connections = who
  AND cardinality(m.roles) > 0 AND NOT 'worker' = ANY (m.roles))`;

let db: TestDatabase;
let cluster: Cluster;
let locks: ProofLock[] = [];
let screens: Screen[] = [];
let startMs: number;

beforeEach(async () => {
  db = await freshDatabase();
  startMs = Date.now() - (ROUNDS + 1) * ROUND_MS;
  await watchCommits(db, IS_WORKER);
  await registerLocks(db, ...IDS);
  await db.pool.query('UPDATE locks SET created_at = $1, simulated = true', [new Date(startMs - 86_400_000)]);
  await putRoute(db.pool, { routeId: 'road', feature: ROAD, by: 'test' });
});
afterEach(async () => {
  for (const lock of locks) lock.stop();
  for (const screen of screens) screen.close();
  await cluster.stop();
  await db.drop();
  [locks, screens] = [[], []];
});

const rowsOf = async <T extends object>(sql: string, values: unknown[] = []) =>
  (await db.pool.query<T>(sql, values)).rows;
const allJudged = () => vi.waitFor(async () => expect(await rowsOf('SELECT 1 FROM to_judge')).toEqual([]), PATIENT);
const allSent = () => vi.waitFor(() => expect(waitingOf(locks)).toBe(0), PATIENT);
const allOwned = () =>
  vi.waitFor(async () => {
    const owned = await rowsOf<{ member_id: number; n: number }>(
      'SELECT member_id, count(*)::int AS n FROM slots GROUP BY member_id',
    );
    const workers = cluster.of('worker');
    const part = Math.ceil(256 / workers.length);
    expect(owned.map(({ member_id }) => member_id).sort()).toEqual(workers.map(({ memberId }) => memberId).sort());
    expect(Math.max(...owned.map(({ n }) => n))).toBeLessThanOrEqual(part);
  }, PATIENT);

const oneOf = <T>(chance: () => number, some: readonly T[]): T => some[Math.floor(chance() * some.length)]!;
function shuffled<T>(chance: () => number, all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, at: chance() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

async function muster(through?: (bus: Bus) => Bus): Promise<void> {
  cluster = new Cluster(db, through);
  await Promise.all([cluster.start('worker'), cluster.start('worker'), cluster.start('worker')]);
  await Promise.all([cluster.start('gateway'), cluster.start('gateway'), cluster.start('api'), cluster.start('api')]);
  await allOwned();
  screens = cluster.of('api').map((member) => new Screen(member));
}

function disturb(chance: () => number): void {
  cluster.net.faults = {
    copies: () => (chance() < 0.04 ? 0 : chance() < 0.05 ? 2 : 1) as 0 | 1 | 2,
    delayMs: () => (chance() < 0.2 ? chance() * 30 : 0),
  };
}

async function declare(chance: () => number, lockIds: string[], departedMs: number): Promise<string> {
  const at = new Date(departedMs).toISOString();
  const { tripId } = await ask(oneOf(chance, cluster.of('api')), 'POST', 'trips', {
    declarationNo: '292120260000000001',
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'road',
    vehicle: { tractorPlate: '浙G12345' },
    units: lockIds.map((lockId, i) => ({ containerNo: CONTAINERS[i], lockId })),
    takeover: { sealedAt: at, departedAt: at },
  });
  return String(tripId);
}

async function close(tripId: string, atMs: number): Promise<void> {
  const at = new Date(atMs).toISOString();
  await inTransaction(db.pool, async (client) => {
    await changeTrip(client, tripId, { status: 'closed', closedAt: at });
    await trackTo(client, tripId, at);
    await askToJudge(client, [tripId]);
  });
}

/** The journey of a round; a part of it is kept back until the lock's next trip. */
function roundOf(seed: number, lock: number, round: number): { now: Sending[]; late: Sending[] } {
  const chance = chanceOf(seed * 1_000 + lock * 10 + round);
  const [now, late]: [Sending[], Sending[]] = [[], []];
  for (const { records, payload } of journeyOf(seed * 100 + lock * 10 + round, RECORDS, startMs + round * ROUND_MS)) {
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

/** What befalls members while locks report. */
const CHANGES: ((chance: () => number) => Promise<void>)[] = [
  async () => void (await cluster.start('worker')),
  async (chance) => {
    const worker = oneOf(chance, cluster.of('worker'));
    await cluster.end(worker);
    await cluster.start('worker');
  },
  async (chance) => {
    await cluster.leave(oneOf(chance, cluster.of('worker')));
    await cluster.start('worker');
  },
  async (chance) => {
    // Longer than a worker keeps its slots without being heard.
    const { bus } = oneOf(chance, cluster.of('worker'));
    bus.cut();
    await sleep(3_600);
    bus.join();
  },
  async (chance) => {
    const gateway = oneOf(chance, cluster.of('gateway'));
    await cluster.start('gateway');
    await (chance() < 0.5 ? cluster.end(gateway) : cluster.leave(gateway));
    for (const { bus } of [...cluster.of('gateway'), ...cluster.of('api')]) {
      bus.cut();
      await sleep(50);
      bus.join();
    }
  },
];

/** @returns every trip */
async function voyage(seed: number): Promise<string[]> {
  const chance = chanceOf(seed);
  await muster();
  disturb(chance);
  locks = IDS.map((id) => new ProofLock(id, () => portOf(oneOf(chance, cluster.of('gateway'))), []));
  const changes = shuffled(chance, CHANGES);
  const trips: string[] = [];
  let late: Sending[][] = IDS.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    const journeys = IDS.map((_, lock) => roundOf(seed, lock, round));
    locks.forEach((lock, i) => {
      lock.add(...shuffledIn(chance, journeys[i]!.now, late[i]!));
    });
    late = journeys.map((journey) => journey.late);
    const changed = changes[round]?.(chance);
    const [a, b, c, d, e, f] = shuffled(chance, IDS) as [string, string, string, string, string, string];
    const opened: string[] = [];
    for (const crew of [[a, b], [c, d], [e], [f]]) {
      await sleep(chance() * 15);
      opened.push(await declare(chance, crew, startMs + round * ROUND_MS));
    }
    // Locks roam from gateway to gateway.
    for (const lock of locks) if (chance() < 0.5) lock.cut();
    await changed;
    await allSent();
    await allJudged();
    for (const tripId of opened) await close(tripId, startMs + (round + 1) * ROUND_MS - 1_000);
    await allJudged();
    trips.push(...opened);
  }
  locks.forEach((lock, i) => {
    lock.add(...late[i]!);
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
  const wrong = await missingOf(db.pool, locks);
  for (const { what, slot, who, owner } of await rowsOf<Record<string, string>>('SELECT * FROM wrong_commits'))
    wrong.push(`${who} committed a ${what} of slot ${slot}, which is ${owner}'s`);
  for (const tripId of trips) {
    const [stored, replayed] = [await storedAlarms(db.pool, tripId), await replayedAlarms(db.pool, tripId)];
    for (const id of new Set([...Object.keys(stored), ...Object.keys(replayed)])) {
      const [told, meant] = [JSON.stringify(stored[id]), JSON.stringify(replayed[id])];
      if (told !== meant) wrong.push(`${tripId}: stored ${told}, meant ${meant}`);
    }
  }
  // One that is not latched may be withdrawn by late records, and raised again by later ones.
  const events = await rowsOf<{ alarm: string; n: number }>(
    `SELECT a.alarm_id AS alarm, count(o.*)::int AS n FROM alarms a
     LEFT JOIN outbox o ON o.type = 'alarm.raised' AND o.data ->> 'alarmId' = a.alarm_id::text
     WHERE a.kind = 'latched' AND a.phase <> 'provisional' GROUP BY a.alarm_id`,
  );
  for (const { alarm, n } of events) if (n !== 1) wrong.push(`${n} events of the latched alarm ${alarm}`);
  return wrong;
}

describe('two gateways, three workers and two API nodes over a bus that drops, doubles, delays and is cut', () => {
  test.each(seeds(1, 20))(
    'seed %i: what is acknowledged is stored once, alarms are those of the rows, only owners commit, and screens show the store',
    async (seed) => {
      const trips = await voyage(seed);
      await allOwned();
      expect(await wrongOf(trips)).toEqual([]);
      await vi.waitFor(async () => {
        const stored = await rowsOf<{ alarm_id: string }>('SELECT alarm_id FROM alarms WHERE active ORDER BY alarm_id');
        const shown = screens.map(({ alarms }) => [...alarms].sort());
        expect(shown).toEqual(screens.map(() => stored.map(({ alarm_id }) => alarm_id)));
      }, PATIENT);
      console.log(`seed ${seed}: ${screens.map(({ snapshots }) => snapshots).join(' and ')} snapshots on two screens`);
    },
  );
});

/** A short one over a bus that loses much. @returns what is wrong, and how many publishes are not acknowledged */
async function crossing(through?: (bus: Bus) => Bus): Promise<{ wrong: number; waiting: number }> {
  cluster = new Cluster(db, through);
  await Promise.all([cluster.start('worker'), cluster.start('worker'), cluster.start('gateway')]);
  await allOwned();
  const chance = chanceOf(1);
  cluster.net.faults = { copies: () => (chance() < 0.3 ? 0 : 1), delayMs: () => 0 };
  const [gateway] = cluster.of('gateway');
  locks = IDS.map((id, i) => new ProofLock(id, () => portOf(gateway!), journeyOf(i, 30, startMs)));
  const goesOn = () => {
    const before = waitingOf(locks);
    return sleep(4_000).then(() => waitingOf(locks) < before);
  };
  await vi.waitUntil(() => waitingOf(locks) === 0, { timeout: 1_000 }).catch(() => undefined);
  while (waitingOf(locks) > 0 && (await goesOn()));
  // What was said to be stored has its time to be.
  await sleep(500);
  return { wrong: (await missingOf(db.pool, locks)).length, waiting: waitingOf(locks) };
}

/** Lets each publish pass once: nothing is sent again. */
function sendsOnce(bus: Bus): Bus {
  const seen = new Set<number>();
  return passing(bus, async (send, kind, to, body) => {
    const ids = kind === 'reports' ? (readReports(body) ?? []).map(({ id }) => id) : [];
    const again = ids.some((id) => seen.has(id));
    for (const id of ids) seen.add(id);
    return again ? 'sent' : send(kind, to, body);
  });
}

/** Says that a publish is stored as soon as it is sent. */
function answersAtOnce(bus: Bus): Bus {
  let take: TakeMessage = () => undefined;
  const early = passing(bus, async (send, kind, to, body) => {
    const result = await send(kind, to, body);
    const stored = (readReports(body) ?? []).map(({ id }) => ({ id, answer: 'stored' as const }));
    if (kind === 'reports') take(to, writeAnswers(stored));
    return result;
  });
  early.onMessage = (kind, listener) => {
    if (kind === 'answers') take = listener;
    return bus.onMessage(kind, listener);
  };
  return early;
}

type Send = Bus['send'];
function passing(bus: Bus, send: (send: Send, ...message: Parameters<Send>) => ReturnType<Send>): Bus {
  return {
    memberId: bus.memberId,
    send: (...message) => send(bus.send.bind(bus), ...message),
    publish: bus.publish.bind(bus),
    onMessage: bus.onMessage.bind(bus),
    onTopic: bus.onTopic.bind(bus),
    onGap: bus.onGap.bind(bus),
    ready: bus.ready.bind(bus),
    close: bus.close.bind(bus),
  };
}

describe('over a bus that loses a third of all messages', () => {
  test('every publish is stored and acknowledged', async () => {
    expect(await crossing()).toEqual({ wrong: 0, waiting: 0 });
  });

  test('the proof turns red where a publish is acknowledged as it is sent', async () => {
    expect((await crossing(answersAtOnce)).wrong).toBeGreaterThan(0);
  });

  test('the proof turns red where nothing is sent again', async () => {
    expect((await crossing(sendsOnce)).waiting).toBeGreaterThan(0);
  });
});
