import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseStartError, errorCode, explainFileError } from '../database-error.ts';
import { runProgram } from './program.ts';
import { writeOnce } from './write-once.ts';

const CLAIM_FILE = 'platform.pid';

/** When a process began, in a form that no later process of the same id repeats; undefined if there is no such process. */
async function beginningOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    return (await runProgram('ps', ['-o', 'lstart=', '-p', String(pid)], { cwd: '/' })).stdout.trim() || undefined;
  }
  try {
    // after the name in brackets: state is the 1st field, the start in clock ticks since boot the 20th
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z'
      ? undefined
      : `${fields[19]} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errorCode(error))) return undefined;
    throw error;
  }
}

export function inUse(dataDir: string, by: string): DatabaseStartError {
  return new DatabaseStartError(
    'in-use',
    `Another Sealwatch (${by}) is using the data folder ${dataDir}.`,
    'Stop it first, or give this one a data folder of its own with SEALWATCH_DATA_DIR.',
  );
}

async function readClaim(file: string): Promise<{ pid: number; living: boolean } | undefined> {
  try {
    const [pid = '', ...beginning] = readFileSync(file, 'utf8').trim().split(' ');
    return { pid: Number(pid), living: (await beginningOf(Number(pid))) === beginning.join(' ') };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function releaseOf(file: string): () => void {
  let held = true;
  return () => {
    if (held) rmSync(file, { force: true });
    held = false;
  };
}

/**
 * Claims a data folder for this process, until released or dead: one file that names the process and when it began.
 * @returns the release
 * @throws DatabaseStartError `in-use` while the process of an earlier claim lives
 */
export async function claimDataFolder(dataDir: string): Promise<() => void> {
  const file = join(dataDir, CLAIM_FILE);
  try {
    const mine = `${process.pid} ${await beginningOf(process.pid)}`;
    while (!writeOnce(file, mine, 0o644)) {
      const other = await readClaim(file);
      if (other?.living) throw inUse(dataDir, `process ${other.pid}`);
      rmSync(file, { force: true });
    }
    return releaseOf(file);
  } catch (error) {
    throw explainFileError(error, 'use the data folder', dataDir);
  }
}
