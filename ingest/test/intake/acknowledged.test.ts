import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Intake } from '../../src/intake/intake.ts';
import { createPool } from '../../src/postgres/database.ts';
import { publishPacket, Wiretap } from '../broker/wiretap.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { holdCommits, isCommitWaiting, makeHoldable } from '../proof/held.ts';
import { startProxy } from '../proof/proxy.ts';
import { PLAIN } from '../store/plain.ts';
import { type Rig, registerLocks, report, SECRET, send, startRig } from './rig.ts';

const LOCK = 'JT70100001';

let db: TestDatabase;
let rig: Rig | undefined;
let tap: Wiretap | undefined;

beforeAll(async () => {
  db = await freshDatabase();
  await makeHoldable(db);
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
  const letGo = await holdCommits(db);
  try {
    tap.send(publishPacket(LOCK, 1, JSON.stringify(report(1, Date.now(), 120.1))), publishPacket(LOCK, 2, 'no json'));
    await vi.waitFor(async () => expect(await isCommitWaiting(db)).toBe(true));
    // A round trip on the same connection: a PUBACK given by now would have come before it.
    tap.send({ cmd: 'pingreq' });
    await vi.waitFor(() => expect(tap?.of('pingresp')).toHaveLength(1));
    return tap.acknowledged();
  } finally {
    await letGo();
  }
}

test('law 1: no PUBACK before the transaction that holds the report has committed', async () => {
  expect(await acknowledgedWhileHeld()).toEqual([]);
  await vi.waitFor(() => expect(tap?.acknowledged()).toEqual([1, 2]));
  const { rows } = await db.pool.query(`SELECT seq FROM ${PLAIN}`);
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
  const letGo = await holdCommits(db);
  tap.send(
    ...Array.from({ length: 500 }, (_, i) => publishPacket(LOCK, i + 1, JSON.stringify(report(i, Date.now(), 120.1)))),
  );
  await vi.waitFor(async () => expect(await isCommitWaiting(db)).toBe(true));
  const started = rig;
  await vi.waitFor(async () => {
    const metric = await started.registry.getSingleMetric('sealwatch_intake_publishes_total')?.get();
    expect(metric?.values[0]?.value).toBe(64);
  });
  await letGo();
  await vi.waitFor(() => expect(tap?.acknowledged()).toEqual(Array.from({ length: 500 }, (_, i) => i + 1)), {
    timeout: 180_000,
  });
  const { rows } = await db.pool.query(`SELECT count(*)::int AS n FROM ${PLAIN}`);
  expect(rows).toEqual([{ n: 500 }]);
});

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
    const { rows } = await db.pool.query(`SELECT seq FROM ${PLAIN} ORDER BY seq`);
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
    proxy.close();
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
    await vi.waitFor(() => expect(tap?.acknowledged()).toEqual([1, 2, 3]), { timeout: 180_000 });
    expect(rig.intake.ready()).toEqual([]);
    expect((await db.pool.query(`SELECT seq FROM ${PLAIN} ORDER BY seq`)).rows).toEqual([
      { seq: 1 },
      { seq: 2 },
      { seq: 3 },
    ]);
  } finally {
    await rig.close();
    rig = undefined;
    await pool.end();
    proxy.close();
  }
});
