import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  FromSimulator,
  type Injection,
  type Simulation,
  type SimulatorRun,
  SimulatorScenario,
  type ToSimulator,
} from '@sealwatch/schemas';
import { z } from 'zod';
import type { Logger } from './log.ts';

/** Simulated fleets that testers start from their console: each is a process of its own that knows public addresses and a key. */
export interface Simulations {
  scenarios(): Promise<SimulatorScenario[]>;
  /** Newest first; those that have ended stay for a while. */
  runs(): SimulatorRun[];
  /** @returns undefined while another one runs */
  start(order: { scenario: string; trips?: number; seed?: number }, by: string): Promise<SimulatorRun | undefined>;
  /** @returns false where there is no such run, or it may not be stopped */
  stop(runId: string): Promise<boolean>;
  /** @returns why it could not be done, where it could not */
  inject(runId: string, injection: Injection): Promise<string | undefined>;
  /** Shows a fleet that somebody else started and ends. */
  adopt(fleet: ChildProcess, scenario: string, by: string): void;
  close(): Promise<void>;
}

export interface SimulationsDeps {
  /** The simulator's program. */
  path: string;
  log: Logger;
  /** Where the platform can be reached; known once it listens. */
  at: () => { http: string; mqtt: string };
  /** A key of role tester for one run, and how to end it. */
  lendKey: (name: string) => Promise<{ key: string; end: () => Promise<void> }>;
}

const STOP_WITHIN_MS = 8_000;
const ANSWER_WITHIN_MS = 5_000;
const LIST_WITHIN_MS = 20_000;
const ENDED_KEPT = 5;

interface Kept {
  run: SimulatorRun;
  child: ChildProcess;
  over: boolean;
  /** Its process has ended and what it was lent is taken back. */
  gone: Promise<unknown>;
}

/**
 * Starts the simulator's program. The key goes by the environment: a command line can be read by everyone on the
 * machine. It is a process group of its own, so that Ctrl-C lets the platform stop it in order.
 */
export function spawnSimulator(path: string, args: string[], key: string, output: 'inherit' | 'pipe'): ChildProcess {
  return spawn(process.execPath, [path, 'simulate', ...args, '--control', '--stop-with-parent'], {
    stdio: ['ignore', output, 'inherit', 'ipc'],
    env: { ...process.env, SEALWATCH_KEY: key },
    detached: true,
  });
}

/** Asks a simulator to end, and sees to it that it does. */
export async function stopSimulator(child: ChildProcess, withinMs = STOP_WITHIN_MS): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), withinMs);
  await ended;
  clearTimeout(force);
}

async function finish({ child, gone }: Kept): Promise<void> {
  await stopSimulator(child);
  await gone;
}

export function startSimulations(deps: SimulationsDeps): Simulations {
  const kept = new Map<string, Kept>();
  const asked = new Map<string, (refused: string | undefined) => void>();
  let known: Promise<SimulatorScenario[]> | undefined;
  let starting = false;

  const keep = (child: ChildProcess, head: Pick<SimulatorRun, 'startedBy' | 'stoppable'>, scenario: string): Kept => {
    const simulation: Simulation = { scenario, phase: 'starting', live: false, done: 0, of: 0, locks: [] };
    const run = { runId: randomUUID(), startedAt: new Date().toISOString(), ...head, simulation };
    const one: Kept = { run, child, over: false, gone: Promise.resolve() };
    kept.set(run.runId, one);
    const ended = [...kept.values()].filter(({ over }) => over);
    for (const { run: old } of ended.slice(0, -ENDED_KEPT)) kept.delete(old.runId);
    child.on('message', (message) => hear(one, message));
    child.once('exit', (code) => end(one, code));
    child.once('error', (error) => end(one, 1, error.message));
    return one;
  };
  const hear = (one: Kept, message: unknown) => {
    const read = FromSimulator.safeParse(message);
    if (!read.success) return deps.log.warn({ err: read.error }, 'the simulator said something that cannot be read');
    if (read.data.type === 'simulation') one.run.simulation = read.data.simulation;
    else asked.get(read.data.requestId)?.(read.data.refused);
  };
  const end = (one: Kept, code: number | null, why?: string) => {
    one.over = true;
    const { simulation } = one.run;
    if (simulation.phase === 'ended') return;
    const failed = code !== 0 && code !== 2;
    const message = why ?? simulation.message;
    one.run.simulation = {
      ...simulation,
      phase: failed ? 'failed' : 'ended',
      live: false,
      ...(message === undefined ? {} : { message }),
    };
  };

  return {
    scenarios: () => {
      known ??= listScenarios(deps.path).catch((error) => {
        known = undefined;
        throw error;
      });
      return known;
    },
    runs: () => [...kept.values()].map(({ run }) => run).reverse(),
    start: async ({ scenario, trips, seed }, by) => {
      const mine = [...kept.values()].filter(({ over, run }) => !over && run.stoppable);
      if (starting || mine.some(({ run }) => run.simulation.phase !== 'ended')) return undefined;
      starting = true;
      try {
        // One that has told its score is about to leave.
        await Promise.all(mine.map(finish));
        const { child, one } = await launch(scenario, trips, seed, by);
        noteErrors(child, (message) => {
          one.run.simulation = { ...one.run.simulation, message };
        });
        return one.run;
      } finally {
        starting = false;
      }
    },
    stop: async (runId) => {
      const one = kept.get(runId);
      if (!one?.run.stoppable) return false;
      await finish(one);
      return true;
    },
    inject: (runId, injection) => {
      const one = kept.get(runId);
      if (!one || one.over || !one.child.connected) return Promise.resolve('this run is over');
      const requestId = randomUUID();
      return new Promise((resolve) => {
        const answered = (refused: string | undefined) => {
          asked.delete(requestId);
          clearTimeout(timer);
          resolve(refused);
        };
        const timer = setTimeout(() => answered('the simulator did not answer'), ANSWER_WITHIN_MS);
        asked.set(requestId, answered);
        one.child.send({ type: 'inject', requestId, injection } satisfies ToSimulator);
      });
    },
    adopt: (fleet, scenario, by) => void keep(fleet, { startedBy: by, stoppable: false }, scenario),
    close: async () => {
      const mine = [...kept.values()].filter(({ over, run }) => !over && run.stoppable);
      await Promise.all(mine.map(finish));
    },
  };

  async function launch(scenario: string, trips: number | undefined, seed: number | undefined, by: string) {
    const lent = await deps.lendKey(`simulator ${scenario}`);
    // The demo's fleet remembers its locks from one start to the next; one of the console is gone when it ends.
    const state = await mkdtemp(join(tmpdir(), 'sealwatch-simulation-'));
    const { http, mqtt } = deps.at();
    const size = trips === undefined ? [] : ['--locks', String(trips)];
    const seeded = seed === undefined ? [] : ['--seed', String(seed)];
    const args = [scenario, '--http', http, '--mqtt', mqtt, '--tidy', '--state', state, ...size, ...seeded];
    const child = spawnSimulator(deps.path, args, lent.key, 'pipe');
    const one = keep(child, { startedBy: by, stoppable: true }, scenario);
    one.gone = once(child, 'close').then(async () => {
      await rm(state, { recursive: true, force: true });
      await lent.end();
    });
    one.gone.catch((error) => deps.log.error({ err: error }, 'what was lent to a simulator was not taken back'));
    return { child, one };
  }
}

/** What went wrong is the last line of level error that the simulator writes. */
function noteErrors(child: ChildProcess, tell: (message: string) => void): void {
  const Line = z.object({ level: z.literal('error'), msg: z.string() });
  if (!child.stdout) return;
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = Line.safeParse(parse(text));
    if (line.success) tell(line.data.msg);
  });
}

async function listScenarios(path: string): Promise<SimulatorScenario[]> {
  const child = spawn(process.execPath, [path, 'simulate', 'list'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LIST_WITHIN_MS,
  });
  const Line = z.object({ msg: z.literal('scenarios'), items: z.array(SimulatorScenario) });
  for await (const text of createInterface({ input: child.stdout })) {
    const line = Line.safeParse(parse(text));
    if (line.success) return line.data.items;
  }
  throw new Error('the simulator does not say which scenarios it has');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
