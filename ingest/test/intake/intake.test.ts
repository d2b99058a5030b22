import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { PLAIN } from '../store/plain.ts';
import { type Rig, registerLocks, report, send, startRig } from './rig.ts';

const LOCK = 'JT70100001';
const OTHER = 'JT70100002';

let db: TestDatabase;
let rig: Rig;
let lock: MqttClient;

beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query(
    'TRUNCATE reports, quarantine, identity_conflicts, alarms, trip_units, trip_checkpoints, trips, outbox, commands, locks CASCADE',
  );
  await registerLocks(db, LOCK, OTHER);
  rig = await startRig({ db });
  lock = await rig.lock(LOCK);
});
afterEach(() => rig.close());

const stored = () =>
  rig.rows<{ lock_id: string; boot: number; seq: number }>(
    `SELECT lock_id, boot, seq FROM ${PLAIN} ORDER BY lock_id, boot, seq`,
  );
const quarantined = () =>
  rig.rows<{ reason: string; detail: string; raw: Buffer; lock_id: string }>(
    'SELECT reason, detail, raw, lock_id FROM quarantine ORDER BY quarantine_id',
  );
const now = () => Date.now();

const EVENTS = [{ type: 'unlock', source: 'card', card: '00"8\\6{,}', verified: false, reason: 'outside-area 外' }];

test('every field of a report comes back from the store as it was sent', async () => {
  const full = report(4711, now() - 1_000, 120.5, {
    battery: { percent: 86.5, charging: true },
    network: { rssiDbm: -71 },
    events: EVENTS,
  });
  await send(lock, LOCK, { ...full, unknownField: { kept: 'out' } });
  const [row] = await rig.rows<Record<string, unknown>>(`SELECT * FROM ${PLAIN}`);
  expect(row).toMatchObject({
    lock_id: LOCK,
    boot: 1,
    seq: 4711,
    kind: 'live',
    mode: 'tracking',
    lon: 120.5,
    lat: 30,
    accuracy_m: 5,
    speed_kmh: 70,
    heading_deg: 90,
    source: 'gnss',
    rope: 'inserted',
    motor: 'locked',
    cover: 'closed',
    use_count: 7,
    battery_percent: 86.5,
    charging: true,
    rssi_dbm: -71,
    events: EVENTS,
    satellites: null,
  });
  expect(row?.time).toEqual(new Date(full.time));
  const [state] = await rig.rows<{ last_report: object; last_fix: object; max_boot: number; max_seq: number }>(
    'SELECT max_boot, max_seq, last_report, lock_fix(l) AS last_fix FROM locks l WHERE lock_id = $1',
    [LOCK],
  );
  expect(state).toMatchObject({ max_boot: 1, max_seq: 4711, last_report: full, last_fix: full });
});

test('the same record again is acknowledged and changes nothing, also as back-fill and inside an array', async () => {
  const record = report(1, now() - 5_000, 120.1);
  await send(lock, LOCK, record);
  await send(lock, LOCK, record);
  await send(lock, LOCK, [{ ...record, kind: 'backfill' }, record, report(2, now(), 120.2)]);
  expect(await stored()).toMatchObject([{ seq: 1 }, { seq: 2 }]);
  expect(await quarantined()).toEqual([]);
});

test('the same identity with another body goes to quarantine, whenever it comes, and the first record stays', async () => {
  const first = report(1, now() - 5_000, 120.1);
  await send(lock, LOCK, [first, report(2, now() - 4_000, 120.1), { ...first, battery: { percent: 12 } }]);
  await send(lock, LOCK, { ...first, time: new Date(now() - 9_000).toISOString() });
  expect(await stored()).toHaveLength(2);
  expect(await quarantined()).toMatchObject([{ reason: 'identity-conflict' }, { reason: 'identity-conflict' }]);
  expect(await rig.rows('SELECT * FROM identity_conflicts')).toHaveLength(1);
});

test('sequence numbers that restart at a boot, wrap, or come out of order are all stored once', async () => {
  const at = now() - 60_000;
  await send(lock, LOCK, [report(0xffff_ffff, at, 120.1), report(0, at + 1_000, 120.1)]);
  await send(lock, LOCK, report(1, at + 2_000, 120.1, { boot: 2 }));
  await send(lock, LOCK, [
    report(9, at + 3_000, 120.1, { kind: 'backfill' }),
    report(8, at + 2_500, 120.1, { kind: 'backfill' }),
  ]);
  expect(await stored()).toMatchObject([
    { boot: 1, seq: 0 },
    { boot: 1, seq: 8 },
    { boot: 1, seq: 9 },
    { boot: 1, seq: 0xffff_ffff },
    { boot: 2, seq: 1 },
  ]);
});

test.each([
  ['no JSON', '{"v":1,', 'not-json', /expected a report/],
  ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not-json', /UTF-8/],
  ['NaN', JSON.stringify(report(1, 0, 120)).replace('"seq":1', '"seq":NaN'), 'not-json', /NaN|token/],
  ['no sequence number', { v: 1, boot: 1, time: new Date().toISOString() }, 'invalid', /seq: absent/],
  ['an empty array', [], 'empty', /expected 1 to 200/],
  [
    '201 reports',
    Array.from({ length: 201 }, (_, i) => ({ v: 1, boot: 1, seq: i, time: new Date().toISOString() })),
    'too-many',
    /201 reports/,
  ],
  ['deep nesting', '['.repeat(5_000) + ']'.repeat(5_000), 'too-deep', /deeper than 16/],
  ['more than 256 KiB', JSON.stringify('x'.repeat(256 * 1024)), 'too-large', /more than 262144 bytes/],
  ['__proto__', '{"__proto__":{"v":1,"boot":1,"seq":1,"time":"2026-01-01T00:00:00Z"}}', 'invalid', /time: absent/],
])(
  '%s is acknowledged, told apart in quarantine, and the next good message is unaffected',
  async (_name, payload, reason, detail) => {
    await send(lock, LOCK, payload);
    await send(lock, LOCK, report(1, now(), 120.1));
    const [refused] = await quarantined();
    expect(refused).toMatchObject({ lock_id: LOCK, reason, detail: expect.stringMatching(detail) });
    expect(await stored()).toMatchObject([{ seq: 1 }]);
    expect(({} as Record<string, unknown>).boot).toBeUndefined();
  },
);

test('one bad record of an array is quarantined alone, the others are stored', async () => {
  const bad = { ...report(2, now(), 120), boot: -1 };
  await send(lock, LOCK, [report(1, now() - 2_000, 120.1), bad, report(3, now(), 120.1)]);
  expect(await stored()).toMatchObject([{ seq: 1 }, { seq: 3 }]);
  const [refused] = await quarantined();
  expect(refused?.detail).toMatch(/record 1: boot: -1/);
  expect(JSON.parse(String(refused?.raw))).toEqual(bad);
});

test('the bytes of a refused record are kept as they came, alone and inside an array', async () => {
  const bad = '{ "v":1, "boot":1,"seq":2,"time":"x\\"],","position":{"lon":1e309} }';
  const other = `{"v":1,"boot":1,"seq":1,"time":"${new Date(now() - 3_600_000).toISOString()}","kind":"backfill","mine":1e309}`;
  await send(lock, LOCK, ` [ ${JSON.stringify(report(1, now(), 120.1))} ,${bad}, 1e400,${bad}]`);
  await send(lock, LOCK, other);
  expect((await quarantined()).map(({ raw }) => String(raw))).toEqual([bad, ' 1e400', other]);
  expect(await stored()).toMatchObject([{ seq: 1 }]);
});

test('a record with an impossible old time is stored', async () => {
  await send(lock, LOCK, report(1, Date.UTC(1980, 0, 6), 120.1));
  expect(await stored()).toHaveLength(1);
});

test('records of one lock are told in the order sent, over many batches (law 2)', async () => {
  const sent = Array.from({ length: 300 }, (_, i) => report(i, now() - 300_000 + i * 1_000, 120.1));
  await Promise.all(sent.map((one) => send(lock, LOCK, one)));
  const told = rig.committed.flatMap((batch) => batch.reports.map((entry) => entry.report.seq));
  expect(told).toEqual(sent.map((one) => one.seq));
  expect(await stored()).toHaveLength(300);
});

test('a publish that the store refuses as data goes alone to quarantine; its neighbours in the batch are stored', async () => {
  await db.pool.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.seq = 13 THEN RAISE EXCEPTION 'unlucky' USING ERRCODE = '22000'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON reports FOR EACH ROW EXECUTE FUNCTION refuse()`);
  try {
    await Promise.all([12, 13, 14].map((seq) => send(lock, LOCK, report(seq, now(), 120.1))));
    expect(await stored()).toMatchObject([{ seq: 12 }, { seq: 14 }]);
    expect(await quarantined()).toMatchObject([{ reason: 'unstorable', detail: expect.stringMatching(/unlucky/) }]);
  } finally {
    await db.pool.query('DROP TRIGGER refuse ON reports; DROP FUNCTION refuse');
  }
});

test('stopping commits and acknowledges what is in hand', async () => {
  const sent = Promise.all([1, 2, 3].map((seq) => send(lock, LOCK, report(seq, now(), 120.1))));
  await vi.waitFor(async () => expect(await rig.metric('publishes_total')).toBe(3));
  await rig.intake.stop();
  await sent;
  expect(await stored()).toHaveLength(3);
  expect(rig.intake.ready()).toEqual(['stopping']);
});
