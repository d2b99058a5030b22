import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseStartError, errorCode } from '../database-error.ts';

/** How a program ended: by an exit code or by a signal. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ProgramOptions {
  cwd: string;
  uid?: number;
  gid?: number;
  env?: Record<string, string>;
}

/** How long a start waits, in ms, for processes, memory or open files that a busy machine lacks. */
export const SCARCE_PATIENCE_MS = 60_000;

/** Errors of spawn that pass: no process, memory or file handle is free, or the program is still being written. */
const SCARCE_CODES = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY'];
/** The same, as a program that did start says it on its standard error. */
const SCARCE_WORDS = /cannot allocate memory|out of memory|resource temporarily unavailable|too many open files/i;
/** Errors of spawn that say: no program, or none for this machine. -86 is EBADARCH of macOS, which has no name in Node. */
const MISSING = /^(ENOENT|ENOTDIR|ELOOP|ENOEXEC|Unknown system error -86)$/;

export function isScarce(error: unknown): boolean {
  return SCARCE_CODES.includes(errorCode(error));
}

export function isScarceText(words: string): boolean {
  return SCARCE_WORDS.test(words);
}

export function scarce(program: string, detail: string, cause?: unknown): DatabaseStartError {
  return new DatabaseStartError(
    'machine-busy',
    `This machine could not start ${program} within ${SCARCE_PATIENCE_MS / 1_000} s: ${detail}`,
    'It is short of memory, processes or open files. Free some or raise the limit (ulimit -u, ulimit -n), and start again.',
    cause,
  );
}

function explainSpawn(error: unknown, program: string): DatabaseStartError {
  const detail = error instanceof Error ? error.message : String(error);
  if (['EACCES', 'EPERM'].includes(errorCode(error))) {
    return new DatabaseStartError(
      'no-permission',
      `Sealwatch may not run ${program} under the account of the database (${detail}).`,
      'Start Sealwatch as an ordinary user, or use a server of your own with DATABASE_URL.',
      error,
    );
  }
  const missing = MISSING.test(errorCode(error));
  return new DatabaseStartError(
    missing ? 'no-binaries' : 'start-failed',
    `${program} ${missing ? 'is missing or is no program for this machine' : 'could not be started'} (${detail}).`,
    missing
      ? 'Run npm ci without --omit=optional, or use a server of your own with DATABASE_URL.'
      : 'Mend what the message says, or use a server of your own with DATABASE_URL.',
    error,
  );
}

async function runOnce(program: string, args: string[], options: ProgramOptions): Promise<Ended> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<Pick<Ended, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  // after EMFILE the child has no streams; `ended` says why
  if (child.pid === undefined) return { ...(await ended), stdout: '', stderr: '' };
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { ...end, stdout, stderr };
}

/**
 * Runs a program to its end, however long it takes. A start that fails because the machine is short of processes,
 * memory or open files is tried again for SCARCE_PATIENCE_MS.
 * @throws DatabaseStartError `machine-busy` after that, `no-binaries`, `no-permission` or `start-failed` at once
 */
export async function runProgram(program: string, args: string[], options: ProgramOptions): Promise<Ended> {
  const giveUpMs = performance.now() + SCARCE_PATIENCE_MS;
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 2_000)) {
    const ended = await runOnce(program, args, options).catch((error: unknown) => {
      if (isScarce(error)) return error as Error;
      throw explainSpawn(error, program);
    });
    if (ended instanceof Error) {
      if (performance.now() > giveUpMs) throw scarce(program, ended.message, ended);
    } else {
      if (ended.code === 0 || !isScarceText(ended.stderr)) return ended;
      if (performance.now() > giveUpMs) throw scarce(program, ended.stderr.trim());
    }
    await sleep(waitMs);
  }
}
