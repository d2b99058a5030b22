import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createPool, urlOf } from '../../src/postgres/database.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/postgres/embedded/embedded.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import type { TestDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, startRig } from '../intake/rig.ts';
import { chanceOf, seeds } from './chance.ts';
import { acknowledgedOf, ProofLock, waitingOf } from './fleet.ts';
import { journeyOf } from './journey.ts';
import { missingOf, replayedAlarms, storedAlarms } from './oracle.ts';
import { startProxy, type Wire } from './proxy.ts';
import { mountSmallDisk } from './small-disk.ts';

const START_MS = Date.UTC(2026, 0, 1);
const RECORDS = 150;
const IDS = Array.from({ length: 5 }, (_, i) => `JT7020000${i}`);
const WATCHER = 'JT70299999';
const PATIENT = { timeout: 180_000, interval: 20 };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

// A server of its own, because it is killed here.
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-proof-'));
const disk = mountSmallDisk(folder, 256);
let server: EmbeddedServer;
let direct: pg.Pool;
let proxy: Wire;
let db: TestDatabase;
let rig: Rig;
let trips: string[];
let locks: ProofLock[] = [];

beforeAll(async () => {
  chmodSync(folder, 0o711);
  server = await startEmbedded({
    dataDir: folder,
    log: silent,
    settings: { fsync: 'off', shared_buffers: '32MB', max_wal_size: '64MB' },
  });
  const url = urlOf(server, server.user, server.database);
  direct = createPool({ connectionString: url }, silent);
  await migrate(direct);
  proxy = await startProxy(new URL(url));
  const through = new URL(url);
  through.port = String(proxy.port);
  const pool = createPool({ connectionString: through.toString(), connectionTimeoutMillis: 2_000 }, silent);
  db = { pool, url, drop: async () => undefined };
});
afterAll(async () => {
  await db.pool.end();
  await direct.end();
  proxy.close();
  await server.stop();
  if (typeof disk !== 'string') disk.remove();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await direct.query('TRUNCATE reports, quarantine, locks, trips, alarms CASCADE');
  await registerLocks(db, ...IDS, WATCHER);
  trips = [await declareTrip(db, IDS.slice(0, 2), START_MS)];
  for (const id of IDS.slice(2)) trips.push(await declareTrip(db, [id], START_MS));
  rig = await startRig({ db });
});
afterEach(async () => {
  for (const lock of locks) lock.stop();
  await rig.close();
});

function muster(seed: number): void {
  locks = IDS.map((id, i) => new ProofLock(id, () => rig.broker.port, journeyOf(seed * 100 + i, RECORDS, START_MS)));
}

const reached = (count: number) =>
  vi.waitFor(() => expect(acknowledgedOf(locks) >= count || waitingOf(locks) === 0).toBe(true), PATIENT);

async function allIsWell(): Promise<void> {
  await vi.waitFor(() => expect(waitingOf(locks)).toBe(0), PATIENT);
  expect(await missingOf(direct, locks)).toEqual([]);
  for (const tripId of trips) {
    expect(await storedAlarms(direct, tripId)).toEqual(await replayedAlarms(direct, tripId));
  }
}

test.each(seeds(1, 10))(
  'kill -9 of Postgres under load, seed %i: the platform goes on when it is back, and nothing is lost',
  async (seed) => {
    muster(seed);
    const chance = chanceOf(seed);
    for (let kill = 0; kill < 2; kill++) {
      await reached(acknowledgedOf(locks) + 10 + Math.floor(chance() * 100));
      const { pid } = server;
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(server.pid).not.toBe(pid), PATIENT);
    }
    await allIsWell();
  },
);

/** Read at once where the system can tell: while a query is under way, the fleet could finish its journey. */
async function backends(): Promise<number[]> {
  const children = `/proc/${server.pid}/task/${server.pid}/children`;
  if (existsSync(children)) return readFileSync(children, 'utf8').trim().split(' ').map(Number);
  const { rows } = await direct.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  );
  return rows.map(({ pid }) => pid);
}

test('SIGSTOP of Postgres under load: nothing is acknowledged, a lock may still ask whether the line lives, and all goes on', async () => {
  muster(50);
  await reached(20);
  const stopped = [server.pid, ...(await backends())];
  for (const pid of stopped) process.kill(pid, 'SIGSTOP');
  try {
    // What was committed before the stop may still be on its way to the locks; then they all have a full window.
    let before = -1;
    await vi.waitFor(() => {
      const now = acknowledgedOf(locks);
      const still = now === before;
      before = now;
      expect(still && waitingOf(locks) > 0).toBe(true);
    }, PATIENT);
  } finally {
    for (const pid of stopped) process.kill(pid, 'SIGCONT');
  }
  await allIsWell();
});

test.each(seeds(1, 10))(
  'connections cut between COMMIT and its answer, seed %i: each record stands once',
  async (seed) => {
    muster(seed + 60);
    const chance = chanceOf(seed);
    const cutsBefore = proxy.cuts;
    for (let cut = 1; cut <= 4; cut++) {
      await reached(acknowledgedOf(locks) + 1 + Math.floor(chance() * 60));
      proxy.cutAfterCommit();
      for (const lock of locks.slice(0, 2)) lock.cut();
      await vi.waitFor(() => expect(proxy.cuts >= cutsBefore + cut || waitingOf(locks) === 0).toBe(true), PATIENT);
    }
    await allIsWell();
    expect(proxy.cuts).toBeGreaterThan(cutsBefore);
  },
);

test('a full disk under the database: the platform says so, nothing acknowledged is lost, and all goes on once there is room', async () => {
  if (typeof disk === 'string') {
    console.warn(`not proved here, because no disk can be mounted: ${disk}`);
    return;
  }
  locks = IDS.map((id, i) => new ProofLock(id, () => rig.broker.port, journeyOf(900 + i, 300, START_MS)));
  await reached(50);
  disk.fill();
  try {
    await vi.waitFor(() => expect(rig.intake.ready()).toEqual([expect.stringMatching(/^database: /)]), PATIENT);
    expect(waitingOf(locks)).toBeGreaterThan(0);
  } finally {
    disk.free();
  }
  await allIsWell();
  expect(rig.intake.ready()).toEqual([]);
});
