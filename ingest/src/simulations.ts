import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
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

/** Simulated fleets that testers start from their console. Each is a child process that gets the public addresses and a key. */
export interface Simulations {
  scenarios(): Promise<SimulatorScenario[]>;
  /** Newest first; the last 5 runs that ended are included. */
  runs(): SimulatorRun[];
  /** @returns undefined while another one runs */
  start(run: { scenario: string; trips?: number; seed?: number }, by: string): Promise<SimulatorRun | undefined>;
  /** @returns false if there is no such run or it may not be stopped */
  stop(runId: string): Promise<boolean>;
  /** @returns undefined on success, else why it failed */
  inject(runId: string, injection: Injection): Promise<string | undefined>;
  /** Lists a fleet whose process the caller starts and stops. */
  adopt(fleet: ChildProcess, scenario: string, by: string): void;
  close(): Promise<void>;
}

export interface SimulationsDeps {
  /** The simulator's program. */
  path: string;
  log: Logger;
  /** Addresses of the platform; called after it listens. */
  at: () => { http: string; mqtt: string };
  /** Creates a key of role `tester` for one run; `end` revokes it. */
  lendKey: (name: string) => Promise<{ key: string; end: () => Promise<void> }>;
}

const STOP_WITHIN_MS = 8_000;
/** A fleet that lives answers; one that ends meanwhile is noticed by its end, not by this. */
const ANSWER_WITHIN_MS = 30_000;
const ENDED_KEPT = 5;

interface Kept {
  run: SimulatorRun;
  child: ChildProcess;
  over: boolean;
  /** Resolves after the process has exited, its folder is deleted and its key revoked. */
  gone: Promise<unknown>;
  /** Injections that were not answered yet, by request id. */
  asked: Map<string, (refused: string | undefined) => void>;
}

const OVER = 'this run is over';

/**
 * Starts the simulator's program. The key is passed in the environment, because every account of the machine can read
 * command lines. The process is detached, so that Ctrl-C reaches only the platform, which then stops it.
 */
export function spawnSimulator(path: string, args: string[], key: string, output: 'inherit' | 'pipe'): ChildProcess {
  return spawn(process.execPath, [path, 'simulate', ...args, '--control', '--stop-with-parent'], {
    stdio: ['ignore', output, 'inherit', 'ipc'],
    env: { ...process.env, SEALWATCH_KEY: key },
    detached: true,
  });
}

/** Sends SIGTERM, and SIGKILL after `withinMs`; resolves when the process has exited. */
export async function stopSimulator(child: ChildProcess, withinMs = STOP_WITHIN_MS): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), withinMs);
  await ended;
  clearTimeout(force);
}

/** Also of one that could not be started: it has no process, and not always a `close`. */
function closed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => child.pid === undefined && resolve());
  });
}

async function finish({ child, gone }: Kept): Promise<void> {
  await stopSimulator(child);
  await gone;
}

function receive(one: Kept, message: unknown, log: Logger): void {
  const read = FromSimulator.safeParse(message);
  if (!read.success) log.warn({ err: read.error }, 'message of the simulator cannot be read');
  else if (read.data.type === 'simulation') one.run.simulation = read.data.simulation;
  else one.asked.get(read.data.requestId)?.(read.data.refused);
}

function end(one: Kept, code: number | null, why?: string): void {
  one.over = true;
  for (const answered of one.asked.values()) answered(OVER);
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
}

/** Asks a fleet for an injection. @returns undefined on success, else why it failed */
function ask(one: Kept, injection: Injection): Promise<string | undefined> {
  const requestId = randomUUID();
  return new Promise((resolve) => {
    const answered = (refused: string | undefined) => {
      one.asked.delete(requestId);
      clearTimeout(timer);
      resolve(refused);
    };
    const timer = setTimeout(() => answered('the simulator did not answer'), ANSWER_WITHIN_MS);
    one.asked.set(requestId, answered);
    // a process that has just ended takes nothing; `exit` answers
    one.child.send({ type: 'inject', requestId, injection } satisfies ToSimulator, () => undefined);
  });
}

/** Starts a fleet with a key and a folder of its own; both are removed after it has exited. @param keep called at once */
async function launch(
  deps: SimulationsDeps,
  { scenario, trips, seed }: { scenario: string; trips?: number | undefined; seed?: number | undefined },
  keep: (child: ChildProcess) => Kept,
): Promise<Kept> {
  const lent = await deps.lendKey(`simulator ${scenario}`);
  // The demo's fleet keeps its locks between starts; a run started here uses a folder that is deleted when it ends.
  const state = await mkdtemp(join(tmpdir(), 'sealwatch-simulation-'));
  const { http, mqtt } = deps.at();
  const size = trips === undefined ? [] : ['--locks', String(trips)];
  const seeded = seed === undefined ? [] : ['--seed', String(seed)];
  const args = [scenario, '--http', http, '--mqtt', mqtt, '--tidy', '--state', state, ...size, ...seeded];
  const child = spawnSimulator(deps.path, args, lent.key, 'pipe');
  const one = keep(child);
  one.gone = closed(child).then(async () => {
    await rm(state, { recursive: true, force: true });
    await lent.end();
  });
  one.gone.catch((error) =>
    deps.log.error({ err: error }, 'the folder or key of a simulator run could not be removed'),
  );
  return one;
}

export function startSimulations(deps: SimulationsDeps): Simulations {
  const kept = new Map<string, Kept>();
  let known: Promise<SimulatorScenario[]> | undefined;
  let starting = false;

  const keep = (child: ChildProcess, head: Pick<SimulatorRun, 'startedBy' | 'stoppable'>, scenario: string): Kept => {
    const simulation: Simulation = { scenario, phase: 'starting', live: false, done: 0, of: 0, locks: [] };
    const run = { runId: randomUUID(), startedAt: new Date().toISOString(), ...head, simulation };
    const one: Kept = { run, child, over: false, gone: Promise.resolve(), asked: new Map() };
    kept.set(run.runId, one);
    const ended = [...kept.values()].filter(({ over }) => over);
    for (const { run: old } of ended.slice(0, -ENDED_KEPT)) kept.delete(old.runId);
    child.on('message', (message) => receive(one, message, deps.log));
    child.once('exit', (code) => end(one, code));
    child.once('error', (error) => end(one, 1, error.message));
    return one;
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
        // A run that has reported its score is about to exit; wait for it.
        await Promise.all(mine.map(finish));
        const one = await launch(deps, { scenario, trips, seed }, (child) =>
          keep(child, { startedBy: by, stoppable: true }, scenario),
        );
        noteErrors(one.child, (message) => {
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
      return !one || one.over || !one.child.connected ? Promise.resolve(OVER) : ask(one, injection);
    },
    adopt: (fleet, scenario, by) => void keep(fleet, { startedBy: by, stoppable: false }, scenario),
    close: async () => {
      const mine = [...kept.values()].filter(({ over, run }) => !over && run.stoppable);
      await Promise.all(mine.map(finish));
    },
  };
}

/** Passes on each log line of level error; the last one is what ended the run. */
function noteErrors(child: ChildProcess, note: (message: string) => void): void {
  const Line = z.object({ level: z.literal('error'), msg: z.string() });
  if (!child.stdout) return;
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = Line.safeParse(parse(text));
    if (line.success) note(line.data.msg);
  });
}

/** However long it takes: a slow machine has the same scenarios. */
async function listScenarios(path: string): Promise<SimulatorScenario[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [path, 'simulate', 'list']);
  const Line = z.object({ msg: z.literal('scenarios'), items: z.array(SimulatorScenario) });
  for (const text of stdout.split('\n')) {
    const line = Line.safeParse(parse(text));
    if (line.success) return line.data.items;
  }
  throw new Error('the simulator printed no list of scenarios');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
