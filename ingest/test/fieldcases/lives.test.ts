import { expect, test } from 'vitest';
import { report, send } from '../intake/rig.ts';
import { PLAIN } from '../store/plain.ts';
import { CUT, fieldCase } from './fieldcase.ts';

/* Sources: TheThingsNetwork/lorawan-stack#3728; brocaar/chirpstack-network-server#38 and #133. */
const MINUTE = 60_000;
const field = fieldCase();

async function closedTrip(): Promise<string> {
  const tripId = await field.trip();
  for (let seq = 1; seq <= 20; seq++) await field.say(seq, field.nowMs + 30_000, { lon: 120.2 + seq * 0.007 });
  field.nowMs += MINUTE;
  await field.db.pool.query("UPDATE trips SET status = 'closed', closed_at = $1", [new Date(field.nowMs)]);
  await field.db.pool.query('UPDATE trip_units SET tracked_to = $1', [new Date(field.nowMs)]);
  await field.rig.judge(tripId);
  field.nowMs += 120 * MINUTE;
  return tripId;
}

test("counters that start again make today's trip red at once and leave last month's alone", async () => {
  const before = await closedTrip();
  const today = await field.trip();
  await field.rig.judge(today);
  for (let seq = 1; seq <= 4; seq++) await field.say(seq, field.nowMs + 30_000, { lon: 120.2 + seq * 0.007 });
  expect(await field.rules(today)).toEqual(['seal.identity-mismatch']);
  await field.say(5, field.nowMs + 30_000, { seal: CUT, lon: 120.235 });
  expect(await field.rules(today)).toEqual(['seal.identity-mismatch', 'seal.rope-cut']);
  expect(await field.risk(today)).toBe(2);
  expect([await field.risk(before), await field.rules(before)]).toEqual([0, []]);
  expect(await field.rig.rows('SELECT 1 FROM quarantine')).toEqual([]);
});

test('a resend of the new life is a duplicate after a restart of the platform, and so is one of the old life', async () => {
  await closedTrip();
  const old = await field.rig.rows<{ time: Date }>(`SELECT time FROM ${PLAIN} WHERE seq = 20`);
  const today = await field.trip();
  await field.rig.judge(today);
  const times = [1, 2, 3].map((seq) => field.nowMs + seq * 30_000);
  for (const [i, timeMs] of times.entries()) await field.say(i + 1, timeMs, { lon: 120.2 });
  await field.reopen();
  for (const [i, timeMs] of times.entries()) await field.say(i + 1, timeMs, { lon: 120.2 });
  await send(field.client, field.lockId, report(20, old[0]?.time.getTime() ?? 0, 120.2 + 20 * 0.007));
  expect(await field.rig.rows(`SELECT 1 FROM ${PLAIN}`)).toHaveLength(23);
  expect(await field.rig.rows('SELECT 1 FROM quarantine')).toEqual([]);
});
