import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Intake } from '../../src/intake/intake.ts';
import { createPool } from '../../src/store/database.ts';
import { publishPacket, Wiretap } from '../broker/wiretap.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { type Rig, registerLocks, report, SECRET, send, startRig } from './rig.ts';

const LOCK = 'JT70100001';

let db: TestDatabase;
let rig: Rig | undefined;
let tap: Wiretap | undefined;

beforeAll(async () => {
  db = await freshDatabase();
  // Runs inside COMMIT: while the advisory lock is held elsewhere, the commit of every batch waits in the database.
  await db.pool.query(`CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER hold_commit AFTER UPDATE ON locks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold_commit()`);
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('TRUNCATE reports, quarantine, locks CASCADE');
  await registerLocks(db, LOCK);
});
afterEach(async () => {
  tap?.end();
  await rig?.close();
  tap = rig = undefined;
});

async function holdCommits(): Promise<() => Promise<void>> {
  const holder = new pg.Client({ connectionString: db.url });
  await holder.connect();
  await holder.query('SELECT pg_advisory_lock(42)');
  return () => holder.end();
}

async function isCommitWaiting(): Promise<boolean> {
  const { rows } = await db.pool.query(
    `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory' AND query = 'COMMIT' AND datname = current_database()`,
  );
  return rows.length > 0;
}

async function connected(started: Rig): Promise<Wiretap> {
  const lock = new Wiretap(started.broker.port);
  lock.connectAs(LOCK, SECRET);
  await vi.waitFor(() => expect(lock.of('connack')).toHaveLength(1));
  return lock;
}

/** Law 1 as a measurement: what the lock has been told while the database holds the commit of its reports. */
async function acknowledgedWhileHeld(wrap?: (intake: Intake) => Intake['receive']): Promise<number[]> {
  rig = await startRig({ db, ...(wrap ? { wrap } : {}) });
  tap = await connected(rig);
  const letGo = await holdCommits();
  try {
    tap.send(publishPacket(LOCK, 1, JSON.stringify(report(1, Date.now(), 120.1))), publishPacket(LOCK, 2, 'no json'));
    await vi.waitFor(async () => expect(await isCommitWaiting()).toBe(true));
    // A round trip on the same connection: a PUBACK given by now would have come before it.
    tap.send({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: `locks/${LOCK}/command`, qos: 1 }] });
    await Promise.race([
      vi.waitFor(() => expect(tap?.of('suback')).toHaveLength(1)),
      new Promise((r) => setTimeout(r, 300)),
    ]);
    return tap.acknowledged();
  } finally {
    await letGo();
  }
}

test('law 1: no PUBACK before the transaction that holds the report has committed', async () => {
  expect(await acknowledgedWhileHeld()).toEqual([]);
  await vi.waitFor(() => expect(tap?.acknowledged()).toEqual([1, 2]));
  const { rows } = await db.pool.query('SELECT seq FROM reports');
  expect(rows).toEqual([{ seq: 1 }]);
});

test('the proof of law 1 fails where the acknowledgement is given before the commit', async () => {
  const early =
    (intake: Intake): Intake['receive'] =>
    (lockId, payload, done) => {
      intake.receive(lockId, payload, () => undefined);
      done();
    };
  expect(await acknowledgedWhileHeld(early)).toEqual([1, 2]);
});

test('while commits are held, reading stops at 64 publishes and memory holds no more', async () => {
  rig = await startRig({ db });
  tap = await connected(rig);
  const letGo = await holdCommits();
  tap.send(
    ...Array.from({ length: 500 }, (_, i) => publishPacket(LOCK, i + 1, JSON.stringify(report(i, Date.now(), 120.1)))),
  );
  await vi.waitFor(async () => expect(await isCommitWaiting()).toBe(true));
  const started = rig;
  await vi.waitFor(async () => {
    const metric = await started.registry.getSingleMetric('sealwatch_intake_publishes_total')?.get();
    expect(metric?.values[0]?.value).toBe(64);
  });
  await letGo();
  await vi.waitFor(() => expect(tap?.acknowledged()).toEqual(Array.from({ length: 500 }, (_, i) => i + 1)));
  const { rows } = await db.pool.query('SELECT count(*)::int AS n FROM reports');
  expect(rows).toEqual([{ n: 500 }]);
});

/** A TCP proxy to the database that can swallow the answer to a COMMIT and cut the connection there. */
async function startProxy(
  target: URL,
): Promise<{ server: Server; port: number; cutAfterCommit(): void; refuse(on: boolean): void }> {
  let cutting = false;
  let refusing = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (refusing) return void client.destroy();
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    let swallow = false;
    client.on('data', (data: Buffer) => {
      if (cutting && data.includes('COMMIT')) {
        cutting = false;
        swallow = true;
      }
      upstream.write(data);
    });
    upstream.on('data', (data: Buffer) => {
      if (swallow) client.destroy();
      else client.write(data);
    });
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    server,
    port: typeof address === 'object' && address ? address.port : 0,
    cutAfterCommit: () => {
      cutting = true;
    },
    refuse: (on) => {
      refusing = on;
      if (on) for (const socket of sockets) socket.destroy();
    },
  };
}

test('a connection cut between COMMIT and its answer: each report is stored once, acknowledged and told', async () => {
  const target = new URL(db.url);
  const proxy = await startProxy(new URL(db.url));
  target.port = String(proxy.port);
  const pool = createPool({ connectionString: target.toString() }, testLog, { max: 4 });
  rig = await startRig({ db: { ...db, pool } });
  try {
    const lock = await rig.lock(LOCK);
    await send(lock, LOCK, report(1, Date.now(), 120.1));
    proxy.cutAfterCommit();
    await send(lock, LOCK, [report(2, Date.now(), 120.1), report(3, Date.now(), 120.2)]);
    await send(lock, LOCK, report(4, Date.now(), 120.3));
    const { rows } = await db.pool.query('SELECT seq FROM reports ORDER BY seq');
    expect(rows).toEqual([{ seq: 1 }, { seq: 2 }, { seq: 3 }, { seq: 4 }]);
    expect((await db.pool.query('SELECT 1 FROM quarantine')).rows).toEqual([]);
    expect(rig.committed.flatMap((batch) => batch.reports.map((entry) => entry.report.seq))).toEqual([1, 2, 3, 4]);
    expect((await rig.registry.getSingleMetric('sealwatch_intake_batch_retries_total')?.get())?.values[0]?.value).toBe(
      1,
    );
  } finally {
    await rig.close();
    rig = undefined;
    await pool.end();
    proxy.server.close();
  }
});

test('while the database is away nothing is acknowledged and the platform says so; afterwards nothing is missing', async () => {
  const target = new URL(db.url);
  const proxy = await startProxy(new URL(db.url));
  target.port = String(proxy.port);
  const pool = createPool({ connectionString: target.toString() }, testLog, { max: 4 });
  rig = await startRig({ db: { ...db, pool } });
  try {
    tap = await connected(rig);
    proxy.refuse(true);
    tap.send(...[1, 2, 3].map((id) => publishPacket(LOCK, id, JSON.stringify(report(id, Date.now(), 120.1)))));
    await vi.waitFor(() => expect(rig?.intake.ready()).toEqual([expect.stringMatching(/^database: /)]));
    expect(tap.acknowledged()).toEqual([]);
    proxy.refuse(false);
    await vi.waitFor(() => expect(tap?.acknowledged()).toEqual([1, 2, 3]), { timeout: 10_000 });
    expect(rig.intake.ready()).toEqual([]);
    expect((await db.pool.query('SELECT seq FROM reports ORDER BY seq')).rows).toEqual([
      { seq: 1 },
      { seq: 2 },
      { seq: 3 },
    ]);
  } finally {
    await rig.close();
    rig = undefined;
    await pool.end();
    proxy.server.close();
  }
});
