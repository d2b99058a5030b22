import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { declaration, GATE, passage, ROUTE, SEALED, takeover } from '../api/platform.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { bundlePlatform, type Child, startChild } from './child.ts';
import { holdCommits } from './held.ts';

const KEY = 'key-of-the-proof-0123456789-0123456789';
const LOCK = 'JT70100001';
const PATIENT = { timeout: 180_000, interval: 20 };

let script: string;
let remove: () => void;
let db: TestDatabase;
let platform: Child | undefined;

beforeAll(async () => {
  ({ script, remove } = await bundlePlatform('gate-platform'));
});
afterAll(() => remove());
afterEach(async () => {
  await platform?.kill();
  platform = undefined;
  await db.drop();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  platform = await startChild(script, { DATABASE_URL: db.url, PROOF_KEY: KEY, ...env });
}

async function call(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${platform?.port}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  expect(response.status, JSON.stringify(answer)).toBeLessThan(300);
  return answer;
}

/** A sealed truck at its gate, and the gate's question. */
async function muster(env: Record<string, string> = {}): Promise<{ tripId: string; question: object }> {
  db = await freshDatabase();
  await start(env);
  await call('PUT', 'routes/yiwu-daxie', ROUTE);
  await call('PUT', 'places/daxie-1', GATE);
  await call('POST', 'locks', { lockId: LOCK, simulated: true });
  const declared = declaration(LOCK, { takeover: takeover() });
  const tripId = String((await call('POST', 'trips', declared)).tripId);
  const at = new Date();
  const position = { lon: 121, lat: 29.3, source: 'gnss' };
  const record = {
    v: 1,
    boot: 1,
    seq: 1,
    time: at.toISOString(),
    mode: 'sealed',
    seal: SEALED,
    position,
    battery: { percent: 80 },
  };
  await db.pool.query(
    'UPDATE locks SET last_time = $2, last_received = $2, last_report = $3, last_fix_time = $2 WHERE lock_id = $1',
    [LOCK, at, record],
  );
  const truck = {
    tripId,
    lockId: LOCK,
    containerNo: declared.units[0]!.containerNo,
    plate: declared.vehicle.tractorPlate,
  };
  return { tripId, question: passage(truck) };
}

const ask = (question: object) => call('POST', 'gates/daxie-1/passages', question);

async function kept(): Promise<Record<string, number>> {
  const { rows } = await db.pool.query<Record<string, number>>(`SELECT
    (SELECT count(*)::int FROM passages) AS passages,
    (SELECT count(*)::int FROM commands WHERE type = 'unlock') AS unlocks,
    (SELECT count(*)::int FROM outbox WHERE type = 'trip.written-off') AS told,
    (SELECT count(*)::int FROM trips WHERE written_off_at IS NOT NULL) AS "writtenOff",
    (SELECT count(*)::int FROM audit WHERE action = 'trip.write-off') AS audited`);
  return rows[0]!;
}

const ONCE = { passages: 1, unlocks: 1, told: 1, writtenOff: 1, audited: 1 };
const NEVER = { passages: 0, unlocks: 0, told: 0, writtenOff: 0, audited: 0 };

/** The question is asked, and whoever asked is left without an answer. */
const askInVain = (question: object) =>
  ask(question).then(
    () => Promise.reject(new Error('it was answered')),
    () => undefined,
  );

test('killed between its commit and its answer, a gate that asks again gets the answer of one write-off', async () => {
  const { tripId, question } = await muster({ STOP_AFTER_COMMIT: '1' });
  const unanswered = askInVain(question);
  await vi.waitFor(async () => expect(await kept()).toEqual(ONCE), PATIENT);
  await platform?.kill();
  await unanswered;
  await start();
  expect(await ask(question)).toMatchObject({ verdict: 'release', writtenOff: true, tripId });
  expect(await kept()).toEqual(ONCE);
});

test('killed before its commit, nothing of the decision is there, and the gate that asks again is answered anew', async () => {
  const { tripId, question } = await muster();
  await db.pool.query(`CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON passages DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold_commit()`);
  const letGo = await holdCommits(db);
  const unanswered = askInVain(question);
  const waiting = `FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`;
  await vi.waitFor(async () => expect((await db.pool.query(`SELECT 1 ${waiting}`)).rowCount).toBe(1), PATIENT);
  await platform?.kill();
  await unanswered;
  await db.pool.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
  await vi.waitFor(async () => expect((await db.pool.query(`SELECT 1 ${waiting}`)).rowCount).toBe(0), PATIENT);
  await letGo();
  expect(await kept()).toEqual(NEVER);
  await start();
  expect(await ask(question)).toMatchObject({ verdict: 'release', writtenOff: true, tripId });
  expect(await kept()).toEqual(ONCE);
});
