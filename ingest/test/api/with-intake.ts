import { Registry } from 'prom-client';
import { type Intake, startIntake } from '../../src/intake/intake.ts';
import { askToJudge } from '../../src/store/trips/to-judge.ts';
import { ALL_SLOTS } from '../intake/all-slots.ts';
import type { TestPlatform } from './platform.ts';

/** Lets a platform judge and store what it receives by a real intake; the caller stops it. */
export async function withIntake({ pool, deps }: TestPlatform): Promise<Intake> {
  const intake = await startIntake({
    pool,
    registry: new Registry(),
    log: deps.log,
    slots: ALL_SLOTS,
    livenessEveryMs: 0,
  });
  deps.door = { receive: (...publish) => intake.receive(...publish), ready: () => intake.ready() };
  deps.judging = { ask: askToJudge, reevaluate: (tripIds) => intake.refreshTrips(tripIds) };
  return intake;
}
