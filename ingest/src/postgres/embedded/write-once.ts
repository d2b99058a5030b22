import { linkSync, rmSync, writeFileSync } from 'node:fs';
import { errorCode } from '../database-error.ts';

/**
 * Writes a line to a file that does not exist yet: complete by one link or not at all, so that of two writers at the same
 * time the first one's line stays.
 * @returns false if the file exists already
 */
export function writeOnce(file: string, line: string, mode: number): boolean {
  const partial = `${file}.new-${process.pid}`;
  try {
    writeFileSync(partial, `${line}\n`, { mode, flush: true });
    linkSync(partial, file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(partial, { force: true });
  }
}
