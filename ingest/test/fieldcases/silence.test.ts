import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { Listening } from '../../src/intake/listening.ts';
import { tick } from '../../src/tracker/replay.ts';
import { report, send } from '../intake/rig.ts';
import { at, Ledger, onRoad, planOf, reporter } from '../tracker/trip.ts';
import { fieldCase } from './fieldcase.ts';

/* Sources: traccar/traccar#3334 and #4832; vitalidze/traccar-web#57 and #722. */
const MINUTE = 60_000;
const field = fieldCase();

test('after the platform was away no lock is silent before it had 3 min to come back', async () => {
  const tripId = await field.trip();
  await field.base();
  field.nowMs += 6 * MINUTE;
  await field.reopen();
  field.nowMs += 2.9 * MINUTE;
  await field.rig.intake.checkLiveness();
  expect(await field.rules(tripId)).toEqual([]);
  field.nowMs += 0.2 * MINUTE;
  await field.rig.intake.checkLiveness();
  expect(await field.rules(tripId)).toEqual(['comms.silent']);
});

test('after the platform was away nobody is called for the gap, whether the live record or the stored ones come first', async () => {
  const tripId = await field.trip();
  await field.base();
  const awayFrom = field.nowMs;
  field.nowMs += 6 * MINUTE;
  await field.reopen();
  await field.say(115, field.nowMs + 1_000, { boot: 5, lon: 120.3 }, 1_000);
  const called = () =>
    field.rig.rows("SELECT 1 FROM outbox WHERE type = 'alarm.raised' AND data ->> 'rule' = 'comms.silent'");
  expect(await called()).toEqual([]);
  const stored = Array.from({ length: 12 }, (_, i) =>
    report(103 + i, awayFrom + (i + 1) * 30_000, 120.22 + i * 0.006, { boot: 5, kind: 'backfill' }),
  );
  await send(field.client, field.lockId, stored);
  expect(await called()).toEqual([]);
  expect(await field.rules(tripId)).not.toContain('comms.silent');
});

test('after the process was suspended no lock is silent before it had 3 min to come back', async () => {
  const tripId = await field.trip();
  let looks = 0;
  const nowMs = () => {
    looks += 1;
    return field.nowMs;
  };
  await field.reopen({ livenessEveryMs: 10, nowMs });
  await field.base();
  field.nowMs += 20 * MINUTE;
  const before = looks;
  // Each look at the trip reads the clock twice: some have been made since.
  await vi.waitFor(() => expect(looks).toBeGreaterThan(before + 10), { timeout: 60_000 });
  expect(await field.rules(tripId)).toEqual([]);
});

test('the platform listens from the moment on at which it is ready, awake and able to commit', () => {
  const listening = new Listening(0);
  listening.begin(10_000);
  for (let at = 15_000; at <= 60_000; at += 5_000) listening.look(at, 5_000, true);
  expect(listening.sinceMs).toBe(10_000);
  for (let at = 65_000; at <= 90_000; at += 5_000) listening.look(at, 5_000, false);
  listening.look(95_000, 5_000, true);
  expect(listening.sinceMs).toBe(90_000);
  listening.look(695_000, 5_000, true);
  listening.look(700_000, 5_000, true);
  expect(listening.sinceMs).toBe(695_000);
});

test('a lock that is silent while the platform listens is told of, once', async () => {
  await field.trip();
  await field.base();
  field.nowMs += 4 * MINUTE;
  await field.rig.intake.checkLiveness();
  await field.say(103, field.nowMs + 30_000, { boot: 5, lon: 120.3 });
  const called = await field.rig.rows<{ rule: string }>(
    "SELECT data ->> 'rule' AS rule FROM outbox WHERE type = 'alarm.raised'",
  );
  expect(called.filter(({ rule }) => rule === 'comms.silent')).toHaveLength(1);
});

test('a silence that was known before the restart lasts', async () => {
  const tripId = await field.trip();
  await field.base();
  field.nowMs += 6 * MINUTE;
  await field.rig.intake.checkLiveness();
  await field.reopen();
  await field.rig.intake.checkLiveness();
  expect(await field.rig.rows('SELECT active FROM alarms WHERE trip_id = $1', [tripId])).toEqual([{ active: true }]);
});

test('a lock is silent one limit after its last record, or after the platform could hear it again, and not before', () => {
  const story = fc.record({
    readyAfterMs: fc.integer({ min: -30 * MINUTE, max: 30 * MINUTE }),
    lookAfterMs: fc.integer({ min: 0, max: 60 * MINUTE }),
    tookMs: fc.integer({ min: 0, max: 20 * MINUTE }),
  });
  fc.assert(
    fc.property(story, ({ readyAfterMs, lookAfterMs, tookMs }) => {
      const lastMs = at('08:30');
      const plan = planOf();
      const record = reporter()(lastMs, onRoad(10), { mode: 'sealed', receivedMs: lastMs + tookMs });
      const ledger = new Ledger(plan).take(record);
      const readyMs = lastMs + readyAfterMs;
      const isHeardSince = record.receivedMs >= readyMs;
      const dueMs = (isHeardSince ? lastMs : Math.max(lastMs, readyMs)) + 3 * MINUTE;
      const nowMs = lastMs + lookAfterMs;
      const { changes } = tick(plan, ledger.track, nowMs, readyMs);
      expect(changes.some(({ rule }) => rule === 'comms.silent')).toBe(nowMs > dueMs);
    }),
  );
});
