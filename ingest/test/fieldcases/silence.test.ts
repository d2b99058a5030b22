import { expect, test } from 'vitest';
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

test('a silence that was known before the restart lasts', async () => {
  const tripId = await field.trip();
  await field.base();
  field.nowMs += 6 * MINUTE;
  await field.rig.intake.checkLiveness();
  await field.reopen();
  await field.rig.intake.checkLiveness();
  expect(await field.rig.rows('SELECT active FROM alarms WHERE trip_id = $1', [tripId])).toEqual([{ active: true }]);
});
