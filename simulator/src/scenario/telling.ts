import type { SimulatedLock, Simulation } from '@sealwatch/schemas';
import type { Control } from '../control.ts';
import type { Score } from '../score/score.ts';
import type { TripScript } from './perform.ts';
import type { Scenario } from './scenario.ts';

/** Tells the process that started this one how far a scenario has come, and what the truth about its trips is. */
export interface Telling {
  declared(script: TripScript, tripId: string): void;
  played(done: number, of: number): void;
  scoring(): void;
  scored(score: Score): void;
}

const TELL_MS = 1_000;

export function tellingTo(control: Control | undefined, scenario: Scenario, seed: number, trips: number): Telling {
  const simulation: Simulation = {
    scenario: scenario.name,
    seed,
    phase: 'starting',
    live: false,
    done: 0,
    of: trips,
    locks: [],
  };
  let toldMs = 0;
  const tell = (change: Partial<Simulation>, now: boolean) => {
    Object.assign(simulation, change);
    if (!now && Date.now() - toldMs < TELL_MS) return;
    toldMs = Date.now();
    control?.tell(simulation);
  };
  return {
    declared: (script, tripId) => {
      simulation.locks.push(...locksOf(script, tripId));
      tell({ phase: 'running' }, false);
    },
    played: (done, of) => tell({ done, of }, done === of),
    scoring: () => tell({ phase: 'scoring' }, true),
    scored: ({ recall, falseCriticalPer1000, records, verdicts, failures }) => {
      const { missing, storedTwice } = records;
      const score = { recall, falseCriticalPer1000, missing, storedTwice, wrongVerdicts: verdicts.wrong, failures };
      tell({ phase: 'ended', score }, true);
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
