import { Registry } from 'prom-client';
import { listenForJudging, StoredJudging } from '../../src/compose/judging.ts';
import { type Intake, startIntake } from '../../src/intake/intake.ts';
import { ALL_SLOTS } from '../intake/all-slots.ts';
import type { TestPlatform } from './platform.ts';

/** Lets a platform judge and store what it receives by a real intake; the caller stops it. */
export async function withIntake({ pool, deps }: TestPlatform): Promise<Intake> {
  const { log, hints } = deps;
  const intake = await startIntake({ pool, registry: new Registry(), log, slots: ALL_SLOTS, livenessEveryMs: 0 });
  deps.door = { receive: (...publish) => intake.receive(...publish), ready: () => intake.ready() };
  listenForJudging(intake, hints, log);
  deps.judging = new StoredJudging({ pool, hints, log });
  return intake;
}
