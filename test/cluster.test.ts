import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ownRabbitmq, WITHOUT_RABBITMQ } from '../ingest/test/bus/rabbitmq.ts';
import { freshDatabase, type TestDatabase } from '../ingest/test/database.ts';
import { declareTrip, registerLocks } from '../ingest/test/intake/rig.ts';
import { chanceOf, seeds } from '../ingest/test/proof/chance.ts';
import { acknowledgedOf, ProofLock, waitingOf } from '../ingest/test/proof/fleet.ts';
import { holdCommits, isCommitWaiting, makeHoldable } from '../ingest/test/proof/held.ts';
import { journeyOf, type Sending, STEP_MS } from '../ingest/test/proof/journey.ts';
import { missingOf, replayedAlarms, storedAlarms } from '../ingest/test/proof/oracle.ts';
import { watchCommits } from '../ingest/test/proof/sharing.ts';
import { Balancer, Gaps, Side, type Started } from './pair.ts';

const IDS = Array.from({ length: 8 }, (_, i) => `JT7041000${i}`);
const RECORDS = 2_400;
const WAITING = 3;
const FEED_EVERY_MS = 50;
const KEY = 'bootstrap-key-of-the-tests-0123456789';
const REFUSED = '"why":"a commit was refused"';
const PATIENT = { timeout: 180_000, interval: 20 };
/** Connections of nodes that are workers: those of the others have told their roles, or are the test's. */
const IS_WORKER = `who LIKE 'sealwatch process % %' AND NOT EXISTS (SELECT FROM members m WHERE m.connections = who
  AND cardinality(m.roles) > 0 AND NOT 'worker' = ANY (m.roles))`;

let rabbit: Awaited<ReturnType<typeof ownRabbitmq>>;
let dataDir: string;
let db: TestDatabase;
let nodes: Record<'gateway' | 'worker' | 'api', Side[]>;
let locks: ProofLock[] = [];
let todo: Sending[][] = [];
let feeder: NodeJS.Timeout;
let balancer: Balancer;
let gaps: Gaps;
let trips: string[];

const all = () => [...nodes.gateway, ...nodes.worker, ...nodes.api];
const readied = (...sides: Side[]) =>
  vi.waitFor(() => expect(sides.map((side) => side.now.ready)).toEqual(sides.map(() => true)), PATIENT);
const owners = async () =>
  (await db.pool.query<{ n: number }>('SELECT count(*)::int AS n FROM slots GROUP BY member_id')).rows.map(
    ({ n }) => n,
  );
const allOwned = () => vi.waitFor(async () => expect((await owners()).sort()).toEqual([128, 128]), PATIENT);

function feed(count: number): void {
  locks.forEach((lock, i) => {
    if (lock.waiting < WAITING || count > 1) lock.add(...(todo[i]?.splice(0, count) ?? []));
  });
}

const more = async (count = 10) => {
  const until = acknowledgedOf(locks) + count;
  expect(todo.every((left) => left.length > 0)).toBe(true);
  await vi.waitFor(() => expect(acknowledgedOf(locks)).toBeGreaterThanOrEqual(until), PATIENT);
};

/** Both workers have a part of what is sent. */
const bothWork = async () => {
  await allOwned();
  await more(20);
};

/** Each ends with all nodes ready again. */
const FAULTS = {
  'kill -9 of a worker': async () => {
    nodes.worker[0]!.now.running.child.kill('SIGKILL');
  },
  'SIGSTOP of a worker inside COMMIT': async () => {
    const letGo = await holdCommits(db);
    await vi.waitFor(async () => expect(await isCommitWaiting(db)).toBe(true), PATIENT);
    const frozen = nodes.worker.map(({ now }) => now)[1]!;
    process.kill(frozen.pid, 'SIGSTOP');
    // The others end its connections and its membership, so that another worker has its slots.
    const { rows } = await db.pool.query<{ owners: number[] }>(
      'SELECT array_agg(DISTINCT member_id) AS owners FROM slots',
    );
    const before = rows[0]!.owners;
    await vi.waitFor(async () => {
      const now = await db.pool.query<{ member_id: number }>(
        'SELECT member_id FROM members WHERE member_id = ANY($1)',
        [before],
      );
      expect(now.rows.length).toBe(1);
    }, PATIENT);
    await letGo();
    await more();
    process.kill(frozen.pid, 'SIGCONT');
    expect(await frozen.running.ended).toBe(75);
  },
  'SIGTERM of a worker': async () => {
    const { running } = nodes.worker[0]!.now;
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
  },
  'kill -9 of a gateway': async () => {
    nodes.gateway[0]!.now.running.child.kill('SIGKILL');
  },
  'kill -9 of an API node': async () => {
    nodes.api[0]!.now.running.child.kill('SIGKILL');
  },
  'kill -9 of RabbitMQ': async () => {
    const [node] = rabbit.nodes;
    await node!.kill();
    await node!.start();
  },
} satisfies Record<string, () => Promise<void>>;
type Fault = keyof typeof FAULTS;

/** The dearest are tried by `npm run test:deep` alone. */
const CHEAP: Fault[] = ['kill -9 of a worker', 'SIGSTOP of a worker inside COMMIT', 'kill -9 of a gateway'];

function shuffled(seed: number): Fault[] {
  const chance = chanceOf(seed);
  const faults = process.env.SEALWATCH_DEEP ? (Object.keys(FAULTS) as Fault[]) : CHEAP;
  return faults
    .map((fault) => ({ fault, at: chance() }))
    .sort((a, b) => a.at - b.at)
    .map(({ fault }) => fault);
}

async function allIsWell(): Promise<void> {
  clearInterval(feeder);
  feed(Number.POSITIVE_INFINITY);
  await vi.waitFor(() => expect(waitingOf(locks)).toBe(0), PATIENT);
  await vi.waitFor(async () => expect((await db.pool.query('SELECT 1 FROM to_judge')).rows).toEqual([]), PATIENT);
  expect(await missingOf(db.pool, locks)).toEqual([]);
  expect((await db.pool.query('SELECT * FROM wrong_commits')).rows).toEqual([]);
  for (const tripId of trips) {
    const replayed = await replayedAlarms(db.pool, tripId);
    expect(await storedAlarms(db.pool, tripId)).toEqual(replayed);
    expect(Object.values(replayed).map((alarm) => alarm.rule)).toContain('route.deviation');
  }
  await allOwned();
}

describe.skipIf(WITHOUT_RABBITMQ !== undefined)('processes over RabbitMQ', () => {
  beforeAll(async () => {
    rabbit = await ownRabbitmq();
    dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-cluster-'));
  });
  afterAll(async () => {
    await rabbit.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  beforeEach(async () => {
    db = await freshDatabase();
    await makeHoldable(db);
    await watchCommits(db, IS_WORKER);
    await registerLocks(db, ...IDS);
    const startMs = Date.now() - RECORDS * STEP_MS;
    trips = [await declareTrip(db, IDS.slice(0, 2), startMs)];
    for (const id of IDS.slice(2)) trips.push(await declareTrip(db, [id], startMs));
    await db.pool.query(`UPDATE trips t SET slot = l.slot FROM trip_units u JOIN locks l USING (lock_id)
      WHERE u.trip_id = t.trip_id AND u.ordinal = 0`);
    await db.pool.query(`UPDATE locks l SET slot = t.slot FROM trip_units u JOIN trips t USING (trip_id)
      WHERE u.lock_id = l.lock_id`);
    const env = {
      DATABASE_URL: db.url,
      AMQP_URL: rabbit.url,
      SEALWATCH_DATA_DIR: dataDir,
      SEALWATCH_BOOTSTRAP_KEY: KEY,
      SEALWATCH_WEBHOOK_KEY: Buffer.alloc(32, 7).toString('base64'),
    };
    const two = (role: keyof typeof nodes) => ['a', 'b'].map((name) => new Side(`${role} ${name}`, env, role));
    nodes = { gateway: two('gateway'), worker: two('worker'), api: two('api') };
    await readied(...all());
  });
  afterEach(async () => {
    clearInterval(feeder);
    balancer.stop();
    gaps.stop();
    for (const lock of locks) lock.stop();
    await Promise.all(all().map((side) => side.stop()));
    await db.drop();
  });

  test.each(seeds(1, 20))(
    'seed %i: nothing acknowledged is lost, nothing is stored twice, alarms are those of the rows, and only owners commit',
    async (seed) => {
      const startMs = Date.now() - RECORDS * STEP_MS;
      todo = IDS.map((_, i) => journeyOf(seed * 100 + i, RECORDS, startMs));
      locks = [];
      balancer = new Balancer(nodes.gateway, () => locks);
      gaps = new Gaps(() => locks);
      locks = IDS.map((id) => new ProofLock(id, () => balancer.portFor(id), []));
      feeder = setInterval(() => feed(1), FEED_EVERY_MS);
      for (const fault of shuffled(seed)) {
        await bothWork();
        gaps.longest();
        await FAULTS[fault]();
        await readied(...all());
        await more();
        console.log(`seed ${seed}: ${fault}: ${gaps.longest()} ms without a PUBACK to any lock`);
      }
      await allIsWell();
      const ends: Started[] = nodes.worker.flatMap(({ starts }) => starts);
      const refused = ends.filter(({ running }) => running.lines.join('\n').includes(REFUSED));
      console.log(`seed ${seed}: ${refused.length} workers ended because a commit of theirs was refused`);
    },
  );
});
