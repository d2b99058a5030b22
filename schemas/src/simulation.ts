import { z } from 'zod';
import { LockId, Uuid } from './identifiers.ts';
import { Time } from './time.ts';

/** What a tester can make happen to a lock of a running fleet. */
export const INJECTIONS = ['ramp', 'rope-cut', 'case-opened', 'illegal-card', 'jamming', 'dead-zone'] as const;
export const Injection = z.object({ lockId: LockId, what: z.enum(INJECTIONS) });
export type Injection = z.infer<typeof Injection>;

/** An event that truly happened, with the rule that must raise an alarm for it. */
export const TrueEvent = z.object({
  rule: z.string(),
  fromAt: Time,
  /** absent: still going on */
  toAt: Time.optional(),
});
export type TrueEvent = z.infer<typeof TrueEvent>;

/** True state of a simulated lock, which may differ from what it reported. */
export const SimulatedLock = z.object({
  lockId: LockId,
  tripId: Uuid.optional(),
  plate: z.string().optional(),
  position: z.object({ lon: z.number(), lat: z.number(), headingDeg: z.number(), speedKmh: z.number() }).optional(),
  /** outside the planned corridor at this moment */
  offRoad: z.boolean(),
  rope: z.string().optional(),
  cover: z.string().optional(),
  /** records that wait in its flash */
  inFlash: z.int(),
  /** events of this trip that must raise an alarm */
  happened: z.array(TrueEvent),
  /** rules that may raise an alarm on this trip without being wrong; `*`: any */
  tolerated: z.array(z.string()),
  /** the right gate verdict, if it follows from the events */
  verdict: z.enum(['release', 'manual', 'alarm', 'unasked']).optional(),
  /** the line truly driven, if the drive is over */
  way: z.array(z.tuple([z.number(), z.number()])).optional(),
});
export type SimulatedLock = z.infer<typeof SimulatedLock>;

/** The whole state of a run; the simulator sends it after each change. */
export const Simulation = z.object({
  scenario: z.string(),
  seed: z.int().optional(),
  phase: z.enum(['starting', 'running', 'scoring', 'ended', 'failed']),
  /** testers can interfere with its locks */
  live: z.boolean(),
  /** trips played, of all */
  done: z.int(),
  of: z.int(),
  message: z.string().optional(),
  locks: z.array(SimulatedLock),
  score: z
    .object({
      recall: z.number(),
      falseCriticalPer1000: z.number(),
      missing: z.int(),
      storedTwice: z.int(),
      wrongVerdicts: z.int(),
      failures: z.array(z.string()),
    })
    .optional(),
});
export type Simulation = z.infer<typeof Simulation>;

/** Messages between a platform and the simulator that it started, by the channel between the two processes. */
export const FromSimulator = z.discriminatedUnion('type', [
  z.object({ type: z.literal('simulation'), simulation: Simulation }),
  z.object({ type: z.literal('injected'), requestId: Uuid, refused: z.string().optional() }),
]);
export type FromSimulator = z.infer<typeof FromSimulator>;
export const ToSimulator = z.object({ type: z.literal('inject'), requestId: Uuid, injection: Injection });
export type ToSimulator = z.infer<typeof ToSimulator>;

export const SimulatorScenario = z.object({
  name: z.string(),
  about: z.object({ en: z.string(), zh: z.string() }),
  trips: z.int(),
});
export type SimulatorScenario = z.infer<typeof SimulatorScenario>;

/** A run as the platform's console shows it. */
export const SimulatorRun = z.object({
  runId: Uuid,
  startedAt: Time,
  startedBy: z.string(),
  /** the platform's own demo fleet runs as long as the platform does */
  stoppable: z.boolean(),
  simulation: Simulation,
});
export type SimulatorRun = z.infer<typeof SimulatorRun>;
