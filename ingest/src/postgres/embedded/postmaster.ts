import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseStartError, errorCode } from '../database-error.ts';
import { runAs } from './account.ts';
import type { Binaries } from './binaries.ts';
import { type ClusterPlace, serverEnvironment } from './cluster.ts';
import { isScarce, isScarceText, SCARCE_PATIENCE_MS, scarce } from './program.ts';

/** What postmaster.pid says about a server that runs on a cluster. */
export interface Running {
  pid: number;
  port: number;
  ready: boolean;
}

/** A server started by this process. */
export interface Postmaster {
  child: ChildProcess;
  port: number;
  pid: number;
}

const POLL_MS = 20;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // a process that has ended but whose parent has not asked yet still takes signals
    return !/^\d+ \(.*\) Z/.test(contentOf(`/proc/${pid}/stat`) ?? '');
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Whether the process is a postgres that works in this cluster: a postmaster's working folder is its data folder. */
function worksIn(pid: number, cluster: string): boolean {
  if (process.platform !== 'linux') return alive(pid);
  const program = linkOf(`/proc/${pid}/exe`)?.replace(/ \(deleted\)$/, '');
  return program !== undefined && basename(program) === 'postgres' && linkOf(`/proc/${pid}/cwd`) === cluster;
}

/** Processes of a dead postmaster that have not noticed yet. */
function orphansIn(cluster: string): number[] {
  if (process.platform !== 'linux') return [];
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => linkOf(`/proc/${pid}/cwd`) === cluster);
}

function readPidFile(cluster: string): Running | undefined {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  // pid, data folder, start time, port, socket folder, listen address, shared memory key, status
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: (lines[7] ?? '').trim() === 'ready' };
}

/**
 * The server that runs on the cluster now, if any. A pid file whose process has become something else is removed;
 * one whose process is gone is left to Postgres, which checks the shared memory of its last run by it.
 */
export async function findRunning(cluster: string): Promise<Running | undefined> {
  const running = readPidFile(cluster);
  if (!running || !(running.pid > 0) || !alive(running.pid)) return undefined;
  if (worksIn(running.pid, cluster)) return running;
  await until(() => orphansIn(cluster).length === 0, 10_000);
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
  return undefined;
}

async function until(reached: () => boolean, withinMs = Number.POSITIVE_INFINITY): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < withinMs; waitedMs += POLL_MS) {
    if (reached()) return true;
    await sleep(POLL_MS);
  }
  return reached();
}

/**
 * Waits until a server that is starting accepts connections. Recovery after a crash takes minutes on a slow disk, and ends.
 * @returns false if the server is gone
 */
export async function untilReady(cluster: string, pid: number): Promise<boolean> {
  const ready = () => {
    const found = readPidFile(cluster);
    return found?.pid === pid && found.ready;
  };
  await until(() => !alive(pid) || ready());
  return alive(pid) && ready();
}

/** Fast shutdown, then harder: an immediate one is safe (recovery from the log), a kill the last resort. */
export async function stopPostmaster(pid: number): Promise<void> {
  if (!(pid > 0)) return;
  for (const [signal, withinMs] of [
    ['SIGINT', 30_000],
    ['SIGQUIT', 10_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!alive(pid)) return;
    process.kill(pid, signal);
    // a stopped process (SIGSTOP) sees its signals only after this
    process.kill(pid, 'SIGCONT');
    if (await until(() => !alive(pid), withinMs)) return;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

/** Settings for a server beside the platform on a small machine. fsync and full_page_writes stay at their default, on. */
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '128MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  // one machine, no standby: less to write per commit
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '1GB',
  checkpoint_completion_target: '0.9',
  // many small statements on two cores: neither pays
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  random_page_cost: '1.1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // the text of a failed statement may hold a secret
  log_min_error_statement: 'panic',
};

function openLog(place: ClusterPlace): number {
  const size = statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(place.logFile, `${place.logFile}.1`);
  return openSync(place.logFile, 'a', 0o600);
}

/** Starts the server in a session of its own: Ctrl-C in the terminal is for the platform, which stops it in order. */
function spawnPostmaster(
  place: ClusterPlace,
  binaries: Binaries,
  port: number,
  settings: Record<string, string>,
): ChildProcess {
  const log = openLog(place);
  const all = Object.entries({ ...SETTINGS, ...settings, port: String(port) });
  try {
    return spawn(
      binaries.postgres,
      ['-D', place.cluster, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        ...runAs(place.account),
        detached: true,
        stdio: ['ignore', log, log],
        env: serverEnvironment(),
      },
    );
  } finally {
    closeSync(log);
  }
}

function lastWords(place: ClusterPlace, fromByte: number): string {
  if (!existsSync(place.logFile)) return '';
  return readFileSync(place.logFile).subarray(fromByte).toString('utf8').trim().slice(-1500);
}

const logSize = (place: ClusterPlace) => statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0;

/** A start that may work in a moment: a port taken meanwhile, or the last run's processes not all gone. */
const PASSING = /Address already in use|could not bind|pre-existing shared memory|is still in use/;

/** A start that failed: what was said about it, and whether it may work in a moment. */
interface FailedStart {
  words: string;
  passing: boolean;
  scarce: boolean;
}

/**
 * Starts the server and waits until it is ready. @returns the process and the port it listens on
 * @throws DatabaseStartError with the server's last words
 */
export async function startPostmaster(
  place: ClusterPlace,
  binaries: Binaries,
  settings: Record<string, string>,
  fixedPort?: number,
): Promise<Postmaster> {
  const giveUpMs = performance.now() + SCARCE_PATIENCE_MS;
  for (;;) {
    const port = fixedPort ?? (await freePort());
    const started = await tryStart(place, binaries, port, settings);
    if ('child' in started) return started;
    if (!started.passing || performance.now() > giveUpMs) throw startFailure(place, binaries, started);
    await sleep(500);
  }
}

async function tryStart(
  place: ClusterPlace,
  binaries: Binaries,
  port: number,
  settings: Record<string, string>,
): Promise<Postmaster | FailedStart> {
  const logFrom = logSize(place);
  try {
    const child = spawnPostmaster(place, binaries, port, settings);
    if (child.pid === undefined) throw (await once(child, 'error'))[0];
    if (await readyOrGone(child, place.cluster)) return { child, port, pid: child.pid };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { words, passing: isScarce(error), scarce: isScarce(error) };
  }
  const words = lastWords(place, logFrom);
  const scarce = isScarceText(words);
  return { words, passing: scarce || PASSING.test(words), scarce };
}

async function readyOrGone(child: ChildProcess, cluster: string): Promise<boolean> {
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  const ready = () => {
    const found = readPidFile(cluster);
    return found?.pid === child.pid && found?.ready === true;
  };
  // recovery after a crash replays at most max_wal_size; how long a slow disk needs for it is not known
  await until(() => gone() || ready());
  return !gone();
}

function startFailure(place: ClusterPlace, binaries: Binaries, failed: FailedStart): DatabaseStartError {
  const { words } = failed;
  if (failed.scarce) return scarce(binaries.postgres, words);
  if (/lock file "postmaster.pid" already exists|is another postmaster/i.test(words)) {
    return new DatabaseStartError(
      'in-use',
      `Another server has just started on the data folder ${place.dataDir}.`,
      'Stop the other Sealwatch first, or choose another data folder with SEALWATCH_DATA_DIR.',
    );
  }
  const full = /no space left|could not extend file|wrote only/i.test(words);
  return new DatabaseStartError(
    full ? 'disk' : 'start-failed',
    `The embedded Postgres did not start: ${words || 'it said nothing'}`,
    full ? 'Free some space on the disk of the data folder.' : `Its log is ${place.logFile}.`,
  );
}
