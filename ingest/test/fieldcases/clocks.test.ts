import { expect, test } from 'vitest';
import { report, send } from '../intake/rig.ts';
import { PLAIN } from '../store/plain.ts';
import { CUT, fieldCase } from './fieldcase.ts';

/*
 * Sources: traccar/traccar#5434, #1396, #4965, #881, #3494, #5427 and #3224; traccar/traccar-client-android#414;
 * labexp/osmtracker-android#283; abarghoud/SentryGuard#210; vitalidze/traccar-web#1065 and #1155.
 */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const field = fieldCase();

const clockAlarms = (tripId: string) =>
  field.rig.rows<{ reason: string; error: number }>(
    `SELECT evidence ->> 'reason' AS reason, (evidence ->> 'errorMs')::float8 AS error FROM alarms
     WHERE trip_id = $1 AND rule = 'comms.clock' ORDER BY started_at`,
    [tripId],
  );

test.each([
  ['1980', () => Date.UTC(1980, 0, 6, 0, 0, 19), 'epoch', 6],
  ['2000', () => Date.UTC(2000, 0, 1, 0, 0, 24), 'epoch', 6],
  ['7,168 days back', () => field.nowMs + 30_000 - 7_168 * DAY, 'rollover', 6],
  ['a day back in the same boot', () => field.nowMs + 30_000 - DAY, 'stepped-back', 5],
  ['8 h ahead', () => field.nowMs + 30_000 + 8 * HOUR, 'zone', 5],
  ['8 h behind', () => field.nowMs + 30_000 - 8 * HOUR, 'zone', 5],
  ['3 days ahead', () => field.nowMs + 30_000 + 3 * DAY, 'ahead', 5],
])(
  'a rope cut told by a clock that says %s makes the trip red at once, with the reason',
  async (_, time, reason, boot) => {
    const tripId = await field.trip();
    await field.base();
    const sentMs = time();
    await field.say(boot === 6 ? 1 : 103, sentMs, { boot, seal: CUT });
    expect(await field.risk(tripId)).toBe(2);
    expect(await field.rules(tripId)).toEqual(['comms.clock', 'seal.rope-cut']);
    expect(await clockAlarms(tripId)).toEqual([{ reason, error: sentMs - field.nowMs }]);
    expect(await field.rig.rows('SELECT 1 FROM quarantine')).toEqual([]);
    const [stored] = await field.rig.rows<{ time: Date; sent_time: Date }>(
      `SELECT time, sent_time FROM ${PLAIN} ORDER BY boot DESC, seq DESC LIMIT 1`,
    );
    expect([stored?.time.getTime(), stored?.sent_time.getTime()]).toEqual([field.nowMs, sentMs]);
  },
);

test.each([
  ['1970', () => 60_000, 'epoch'],
  ['three days ago, before the lock was registered', () => field.nowMs - 3 * DAY, 'reset'],
  ['five hours ago, before the trip of a new lock', () => field.nowMs + 30_000 - 5 * HOUR, 'zone'],
  ['7 h 13 min ago, before the trip of a new lock', () => field.nowMs - 433 * MINUTE, 'stepped-back'],
  ['a year ahead', () => field.nowMs + 365 * DAY, 'ahead'],
])('the first record of a lock, a rope cut at %s, is of the trip that it is on', async (_, time, reason) => {
  const tripId = await field.trip();
  await field.say(1, time(), { boot: 6, seal: CUT });
  expect(await field.risk(tripId)).toBe(2);
  expect(await clockAlarms(tripId)).toMatchObject([{ reason }]);
});

test('a lock that lay in a drawer for weeks and whose clock stood still meanwhile is judged on its trip of today', async () => {
  const today = field.nowMs;
  await field.db.pool.query('UPDATE locks SET created_at = $1', [new Date(today - 60 * DAY)]);
  field.nowMs = today - 31 * DAY;
  await field.say(1, field.nowMs, { boot: 6 }, 0);
  field.nowMs = today;
  const tripId = await field.trip();
  await field.reopen();
  await field.say(2, today - 31 * DAY + MINUTE, { boot: 6, seal: CUT });
  expect(await field.risk(tripId)).toBe(2);
  expect(await clockAlarms(tripId)).toMatchObject([{ reason: 'stepped-back' }]);
});

test('a clock that steps back by seconds over the begin of the trip does not leave it', async () => {
  const tripId = await field.trip();
  await field.db.pool.query('UPDATE trip_units SET tracked_from = $1', [new Date(field.nowMs)]);
  await field.reopen();
  await field.say(1, field.nowMs + 5_000, { boot: 6 }, 5_000);
  await field.say(2, field.nowMs - 15_000, { boot: 6, seal: CUT }, 5_000);
  expect(await field.risk(tripId)).toBe(2);
});

test('stored records that call themselves live are of the trip of their time, if the newest beside them is of now', async () => {
  const tripId = await field.trip();
  await field.base();
  const from = field.nowMs;
  field.nowMs += 60 * MINUTE;
  const ended = new Date(from + 30 * MINUTE);
  await field.db.pool.query("UPDATE trips SET status = 'closed', closed_at = $1", [ended]);
  await field.db.pool.query('UPDATE trip_units SET tracked_to = $1', [ended]);
  await field.reopen();
  const at = (seq: number, timeMs: number, more = {}) => report(seq, timeMs, 120.22, { boot: 5, ...more });
  await send(field.client, field.lockId, [at(103, from + MINUTE, { seal: CUT }), at(104, field.nowMs - 1_000)]);
  expect(await field.rig.rows(`SELECT 1 FROM ${PLAIN} WHERE sent_time IS NOT NULL`)).toEqual([]);
  expect(await field.rules(tripId)).toContain('seal.rope-cut');
});

test('stored records without a clock are filed beside their neighbours in the same publish', async () => {
  await field.trip();
  await field.base();
  const from = field.nowMs;
  field.nowMs += 20 * MINUTE;
  const at = (seq: number, timeMs: number) => report(seq, timeMs, 120.22, { boot: 6, kind: 'backfill' });
  await send(field.client, field.lockId, [at(1, 4_000), at(2, 34_000), at(3, from + MINUTE), at(4, 64_000)]);
  const stored = await field.rig.rows<{ time: Date }>(`SELECT time FROM ${PLAIN} WHERE boot = 6 ORDER BY seq`);
  expect(stored.map(({ time }) => time.getTime())).toEqual(Array(4).fill(from + MINUTE));
});

test('the same record with an impossible time is a duplicate, whenever it comes again', async () => {
  await field.trip();
  await field.base();
  const sentMs = Date.UTC(1980, 0, 6);
  await field.say(1, sentMs, { boot: 6, seal: CUT });
  await field.say(1, sentMs, { boot: 6, seal: CUT }, HOUR);
  await field.reopen();
  await field.say(1, sentMs, { boot: 6, seal: CUT }, HOUR);
  expect(await field.rig.rows(`SELECT 1 FROM ${PLAIN}`)).toHaveLength(4);
  expect(await field.rig.rows('SELECT 1 FROM quarantine')).toEqual([]);
});

test('records of one publish by a clock that is 8 h ahead keep their distances', async () => {
  const tripId = await field.trip();
  await field.base();
  const from = field.nowMs + 30_000;
  field.nowMs += 20 * 30_000;
  const records = Array.from({ length: 20 }, (_, i) =>
    report(103 + i, from + i * 30_000 + 8 * HOUR, 120.221 + i * 0.007, { boot: 5 }),
  );
  await send(field.client, field.lockId, records);
  const times = await field.rig.rows<{ time: Date }>(`SELECT time FROM ${PLAIN} WHERE seq > 102 ORDER BY seq`);
  expect(times.map(({ time }) => time.getTime())).toEqual(records.map((_, i) => from + i * 30_000));
  expect(await field.rules(tripId)).toEqual(['comms.clock']);
});

test('one record 9 min ahead does not stop the truck, and silence is found', async () => {
  const tripId = await field.trip();
  await field.base();
  await field.say(103, field.nowMs + 9.5 * MINUTE, { boot: 5, lon: 120.221 });
  for (let i = 0; i < 3; i++) await field.say(104 + i, field.nowMs + 30_000, { boot: 5, lon: 120.228 + i * 0.007 });
  const [lock] = await field.rig.rows<{ last_time: Date; lon: number }>(
    "SELECT last_time, (lock_fix(l) -> 'position' ->> 'lon')::float8 AS lon FROM locks l",
  );
  expect(lock?.last_time.getTime()).toBe(field.nowMs);
  expect(lock?.lon).toBeCloseTo(120.242, 5);
  expect(await clockAlarms(tripId)).toMatchObject([{ reason: 'ahead' }]);
  field.nowMs += 4 * MINUTE;
  await field.rig.intake.checkLiveness();
  expect(await field.rules(tripId)).toEqual(['comms.clock', 'comms.silent']);
});

test('a clock that lags by 3 min is measured by its third record and told', async () => {
  const tripId = await field.trip();
  for (let i = 0; i < 5; i++) await field.say(1 + i, field.nowMs - 2.5 * MINUTE, { boot: 6, lon: 120.221 + i * 0.007 });
  const times = await field.rig.rows<{ lag: number }>(
    `SELECT extract(epoch FROM received_at - time)::float8 AS lag FROM ${PLAIN} WHERE boot = 6 ORDER BY seq`,
  );
  expect(times.at(-1)?.lag).toBe(0);
  expect(await clockAlarms(tripId)).toMatchObject([{ reason: 'slow', error: -3 * MINUTE }]);
});

test('records that come late at once keep the times that were sent', async () => {
  const tripId = await field.trip();
  await field.base();
  const from = field.nowMs;
  field.nowMs += 10 * MINUTE;
  for (let i = 0; i < 15; i++)
    await field.say(103 + i, from + (i + 1) * 30_000, { boot: 5, lon: 120.22 + i * 0.007 }, 500);
  expect(await field.rig.rows(`SELECT 1 FROM ${PLAIN} WHERE sent_time IS NOT NULL`)).toEqual([]);
  expect(await clockAlarms(tripId)).toEqual([]);
});

test('records received before the sealing are no opening, though the clock is 45 s fast', async () => {
  const tripId = await field.trip();
  const fast = 45_000;
  const open = { rope: 'pulled', motor: 'unlocked', cover: 'closed', useCount: 6 };
  const sealedMs = field.nowMs + 20_000;
  await field.db.pool.query('UPDATE trips SET sealed_at = $1, taken_over_at = NULL', [new Date(sealedMs)]);
  await field.db.pool.query('UPDATE trip_units SET tracked_from = $1', [new Date(sealedMs)]);
  await field.rig.judge(tripId);
  await field.say(1, field.nowMs + fast, { seal: open, lon: 120.001 }, 0);
  await field.say(2, field.nowMs + 15_000 + fast, { lon: 120.001 }, 15_000);
  await field.say(3, field.nowMs + 10_000 + fast, { lon: 120.001 }, 10_000);
  expect(await field.risk(tripId)).toBe(0);
  expect(await field.rules(tripId)).toEqual([]);
  await field.say(4, field.nowMs + 30_000 + fast, { seal: CUT, lon: 120.001 });
  expect(await field.risk(tripId)).toBe(2);
});
