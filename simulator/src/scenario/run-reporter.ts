import type { SimulatedLock, Simulation } from '@sealwatch/schemas';
import type { Control } from '../control.ts';
import type { Score } from '../score/score.ts';
import type { Scenario } from './scenario.ts';
import type { TripScript } from './trip-script.ts';

/** Reports the progress of a scenario and the truth about its trips to the parent process. */
export interface RunReporter {
  declared(script: TripScript, tripId: string): void;
  played(done: number, of: number): void;
  scoring(): void;
  scored(score: Score): void;
}

const REPORT_EVERY_MS = 1_000;

export function reportTo(control: Control | undefined, scenario: Scenario, seed: number, trips: number): RunReporter {
  const simulation: Simulation = {
    scenario: scenario.name,
    seed,
    phase: 'starting',
    live: false,
    done: 0,
    of: trips,
    locks: [],
  };
  let reportedMs = 0;
  const report = (change: Partial<Simulation>, now: boolean) => {
    Object.assign(simulation, change);
    if (!now && Date.now() - reportedMs < REPORT_EVERY_MS) return;
    reportedMs = Date.now();
    control?.publish(simulation);
  };
  return {
    declared: (script, tripId) => {
      simulation.locks.push(...locksOf(script, tripId));
      report({ phase: 'running' }, false);
    },
    played: (done, of) => report({ done, of }, done === of),
    scoring: () => report({ phase: 'scoring' }, true),
    scored: ({ recall, falseCriticalPer1000, records, verdicts, failures }) => {
      const { missing, storedTwice } = records;
      const score = { recall, falseCriticalPer1000, missing, storedTwice, wrongVerdicts: verdicts.wrong, failures };
      report({ phase: 'ended', score }, true);
    },
  };
}

function locksOf({ lockIds, papers, truth }: TripScript, tripId: string): SimulatedLock[] {
  const end = truth.way?.at(-1);
  return lockIds.map((lockId) => ({
    lockId,
    tripId,
    plate: papers.tractorPlate,
    ...(end ? { position: { lon: end[0], lat: end[1], headingDeg: 0, speedKmh: 0 } } : {}),
    offRoad: false,
    inFlash: 0,
    happened: truth.expected.map(({ rule, span }) => ({
      rule,
      fromAt: new Date(span.fromMs).toISOString(),
      toAt: new Date(span.toMs).toISOString(),
    })),
    tolerated: truth.tolerated,
    verdict: truth.verdict,
    ...(truth.way ? { way: truth.way } : {}),
  }));
}
