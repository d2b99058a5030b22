import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createPool, urlOf } from '../ingest/src/postgres/database.ts';
import { type EmbeddedServer, startEmbedded } from '../ingest/src/postgres/embedded/embedded.ts';
import { migrate } from '../ingest/src/postgres/migrate.ts';
import type { TestDatabase } from '../ingest/test/database.ts';
import { declareTrip, registerLocks } from '../ingest/test/intake/rig.ts';
import { chanceOf, seeds } from '../ingest/test/proof/chance.ts';
import { acknowledgedOf, ProofLock, waitingOf } from '../ingest/test/proof/fleet.ts';
import { holdCommits, isCommitWaiting, makeHoldable } from '../ingest/test/proof/held.ts';
import { journeyOf, type Sending, STEP_MS } from '../ingest/test/proof/journey.ts';
import { missingOf, replayedAlarms, storedAlarms } from '../ingest/test/proof/oracle.ts';
import { startProxy, type Wire } from '../ingest/test/proof/proxy.ts';
import { Balancer, Gaps, Side, type Started } from './pair.ts';

const IDS = Array.from({ length: 6 }, (_, i) => `JT7040000${i}`);
/** So much of each lock is sent while faults come and go, in four minutes if nobody waits, and the rest at the end. */
const { records: RECORDS, everyMs: FEED_EVERY_MS } = process.env.SEALWATCH_DEEP
  ? { records: 2_400, everyMs: 100 }
  : { records: 960, everyMs: 250 };
/** A lock with less than this to send is given more: while nobody acknowledges, the journey does not go on. */
const WAITING = 3;
const REFUSED = '"why":"a commit was refused"';
const PATIENT = { timeout: 180_000, interval: 20 };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

// A server of its own, because it is killed here.
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-pair-'));
let server: EmbeddedServer;
let pool: TestDatabase['pool'];
let db: TestDatabase;
let wires: Wire[];
let sides: Side[] = [];
let locks: ProofLock[] = [];
let todo: Sending[][] = [];
let feeder: NodeJS.Timeout;
let balancer: Balancer;
let gaps: Gaps;
let trips: string[];

beforeAll(async () => {
  chmodSync(folder, 0o711);
  const settings = { fsync: 'off', shared_buffers: '32MB', max_wal_size: '64MB' };
  server = await startEmbedded({ dataDir: folder, log: silent, settings });
  const url = urlOf(server, server.user, server.database);
  pool = createPool({ connectionString: url }, silent);
  await migrate(pool);
  db = { pool, url, drop: async () => undefined };
  await makeHoldable(db);
  // Who commits, in the order of the commits: the row is written inside COMMIT.
  await pool.query(`CREATE TABLE commit_log (n bigint GENERATED ALWAYS AS IDENTITY, who text, tx bigint);
    CREATE FUNCTION log_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO commit_log (who, tx) VALUES (current_setting('application_name'), txid_current()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER log_commit AFTER UPDATE ON locks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION log_commit()`);
});
afterAll(async () => {
  await pool.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  const startMs = Date.now() - RECORDS * STEP_MS;
  await pool.query('TRUNCATE reports, quarantine, locks, trips, alarms, commit_log CASCADE');
  await pool.query('DELETE FROM members');
  await registerLocks(db, ...IDS);
  trips = [await declareTrip(db, IDS.slice(0, 2), startMs)];
  for (const id of IDS.slice(2)) trips.push(await declareTrip(db, [id], startMs));
  wires = await Promise.all([0, 1].map(() => startProxy(new URL(db.url))));
});
afterEach(async () => {
  clearInterval(feeder);
  balancer.stop();
  gaps.stop();
  for (const lock of locks) lock.stop();
  await Promise.all(sides.map((side) => side.stop()));
  for (const wire of wires) wire.close();
});

/** Two platforms, each with a wire of its own to the database, and locks that report all the time. */
function muster(seed: number): void {
  sides = wires.map(({ port }, i) => {
    const through = new URL(db.url);
    through.port = String(port);
    return new Side('ab'[i]!, { DATABASE_URL: through.toString(), SEALWATCH_DATA_DIR: folder });
  });
  const startMs = Date.now() - RECORDS * STEP_MS;
  todo = IDS.map((_, i) => journeyOf(seed * 100 + i, RECORDS, startMs));
  locks = [];
  balancer = new Balancer(sides, () => locks);
  gaps = new Gaps(() => locks);
  locks = IDS.map((id) => new ProofLock(id, () => balancer.portFor(id), []));
  feeder = setInterval(() => feed(1), FEED_EVERY_MS);
}

function feed(count: number): void {
  locks.forEach((lock, i) => {
    if (lock.waiting < WAITING || count > 1) lock.add(...(todo[i]?.splice(0, count) ?? []));
  });
}

const activeSides = () => sides.filter((side) => side.now.ready);
const more = async (count = 10) => {
  const until = acknowledgedOf(locks) + count;
  expect(todo.every((left) => left.length > 0)).toBe(true);
  await vi.waitFor(() => expect(acknowledgedOf(locks)).toBeGreaterThanOrEqual(until), PATIENT);
};

/** One is active and the other stands by. */
async function settled(): Promise<{ active: Side; other: Side; wire: Wire }> {
  await vi.waitFor(() => {
    expect(activeSides().length).toBe(1);
    expect(sides.filter((side) => side.standsBy).length).toBe(1);
  }, PATIENT);
  const active = activeSides()[0]!;
  return { active, other: sides.find((side) => side !== active)!, wire: wires[sides.indexOf(active)]! };
}

const readied = (side: Side) => vi.waitFor(() => expect(side.now.ready).toBe(true), PATIENT);

/** Who committed, in order, each once for each unbroken run of commits. */
async function committers(): Promise<string[]> {
  const { rows } = await pool.query<{ who: string }>('SELECT who FROM commit_log ORDER BY n');
  return rows.map(({ who }) => who).filter((who, i, all) => who !== all[i - 1]);
}

/** Resolves with what is wrong, once two have committed in turn; otherwise as the process ends. */
async function endOf({ running, exitCode }: Started): Promise<number | null | string> {
  let over = exitCode !== undefined;
  void running.ended.then(() => {
    over = true;
  });
  while (!over) {
    const runs = await committers();
    if (new Set(runs).size < runs.length) return `two committed in turn: ${runs.join(', ')}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return running.ended;
}

/** Each ends with the other side active and this one standing by again; but for the restart of the database. */
const FAULTS = {
  'kill -9': async ({ active, other }) => {
    active.now.running.child.kill('SIGKILL');
    await readied(other);
  },
  SIGTERM: async ({ active, other }) => {
    const { running } = active.now;
    running.child.kill('SIGTERM');
    await readied(other);
    expect(await running.ended).toBe(0);
  },
  'SIGSTOP inside COMMIT': async ({ active, other }) => {
    const ended = active.now;
    const { pid } = ended;
    const letGo = await holdCommits(db);
    await vi.waitFor(async () => expect(await isCommitWaiting(db)).toBe(true), PATIENT);
    process.kill(pid, 'SIGSTOP');
    await readied(other);
    await letGo();
    await more();
    process.kill(pid, 'SIGCONT');
    expect(await endOf(ended)).toBe(75);
  },
  'the active one does not see that it was ended': async ({ active, other, wire }) => {
    const ended = active.now;
    // Its reports still reach the database, its look at the other platforms does not.
    wire.silence(true, (first) => first.includes(' member'));
    await readied(other);
    // They dial again and again: some reach the one, some the other, as long as both say that they are ready.
    let turn = 0;
    const redial = setInterval(() => locks[turn++ % locks.length]?.cut(), 200);
    const end = await endOf(ended).finally(() => clearInterval(redial));
    expect(end).toBe(75);
    wire.silence(false);
    expect(ended.running.lines.join('\n')).toContain(REFUSED);
  },
  'network cut to the database': async ({ active, other, wire }) => {
    const ended = active.now;
    wire.silence(true);
    await readied(other);
    await more();
    wire.silence(false);
    expect(await endOf(ended)).toBe(75);
  },
  'kill -9 of the database': async ({ active, other }) => {
    const { pid } = server;
    const before = [active.now.pid, other.now.pid];
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(server.pid).not.toBe(pid), PATIENT);
    await readied(active);
    await more();
    // Everybody has looked again, and nobody has been ended.
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect([active.now.pid, other.now.pid]).toEqual(before);
    expect(other.standsBy).toBe(true);
  },
} satisfies Record<string, (now: { active: Side; other: Side; wire: Wire }) => Promise<void>>;
type Fault = keyof typeof FAULTS;

async function allIsWell(): Promise<void> {
  clearInterval(feeder);
  feed(Number.POSITIVE_INFINITY);
  await vi.waitFor(() => expect(waitingOf(locks)).toBe(0), PATIENT);
  expect(await missingOf(pool, locks)).toEqual([]);
  for (const tripId of trips) {
    const replayed = await replayedAlarms(pool, tripId);
    expect(await storedAlarms(pool, tripId)).toEqual(replayed);
    expect(Object.values(replayed).map((alarm) => alarm.rule)).toContain('route.deviation');
  }
  const runs = await committers();
  expect(runs).toEqual([...new Set(runs)]);
}

/** The dearest are tried by `npm run test:deep` alone. */
const CHEAP: Fault[] = ['kill -9', 'SIGSTOP inside COMMIT', 'the active one does not see that it was ended'];

function shuffled(seed: number): Fault[] {
  const chance = chanceOf(seed);
  const faults = process.env.SEALWATCH_DEEP ? (Object.keys(FAULTS) as Fault[]) : CHEAP;
  return faults
    .map((fault) => ({ fault, at: chance() }))
    .sort((a, b) => a.at - b.at)
    .map(({ fault }) => fault);
}

test.each(seeds(1, 20))(
  'a pair under load, seed %i: nothing acknowledged is lost, nothing is stored twice, alarms are those of the rows, and no two commit in turn',
  async (seed) => {
    muster(seed);
    for (const fault of shuffled(seed)) {
      const now = await settled();
      await more(10 + Math.floor(chanceOf(seed)() * 50));
      gaps.longest();
      await FAULTS[fault](now);
      await more();
      console.log(`seed ${seed}: ${fault}: ${gaps.longest()} ms without a PUBACK`);
    }
    await settled();
    await allIsWell();
    const ended = sides.flatMap(({ starts }) => starts).map(({ running }) => running.lines.join('\n'));
    const refused = ended.filter((lines) => lines.includes(REFUSED));
    console.log(`seed ${seed}: ${refused.length} platforms ended because a commit of theirs was refused`);
    expect(refused.length).toBeGreaterThan(0);
  },
);
