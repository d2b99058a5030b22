import { spawnSync } from 'node:child_process';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseStartError, errorCode, explainFileError } from '../database-error.ts';

const CLAIM_FILE = 'platform.pid';

/** When a process began, in a form that no later process of the same id repeats; undefined where it does not live. */
function beginningOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() || undefined;
  }
  try {
    // after the name in brackets: state is the 1st field, the start in clock ticks since boot the 20th
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z'
      ? undefined
      : `${fields[19]} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    return undefined;
  }
}

export function inUse(dataDir: string, by: string): DatabaseStartError {
  return new DatabaseStartError(
    'in-use',
    `Another Sealwatch (${by}) is using the data folder ${dataDir}.`,
    'Stop it first, or give this one a data folder of its own with SEALWATCH_DATA_DIR.',
  );
}

function readClaim(file: string): { pid: number; living: boolean } | undefined {
  try {
    const [pid = '', ...beginning] = readFileSync(file, 'utf8').trim().split(' ');
    return { pid: Number(pid), living: beginningOf(Number(pid)) === beginning.join(' ') };
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
export function claimDataFolder(dataDir: string): () => void {
  const file = join(dataDir, CLAIM_FILE);
  const mine = `${file}.${process.pid}`;
  try {
    writeFileSync(mine, `${process.pid} ${beginningOf(process.pid)}\n`);
    for (;;) {
      try {
        linkSync(mine, file);
        return releaseOf(file);
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
        const other = readClaim(file);
        if (other?.living) throw inUse(dataDir, `process ${other.pid}`);
        rmSync(file, { force: true });
      }
    }
  } catch (error) {
    throw explainFileError(error, 'use the data folder', dataDir);
  } finally {
    rmSync(mine, { force: true });
  }
}
