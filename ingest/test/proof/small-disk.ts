import { execFileSync } from 'node:child_process';
import { appendFileSync, rmSync } from 'node:fs';

/** A disk of its own for a folder, that can be filled. */
export interface SmallDisk {
  fill(): void;
  free(): void;
  remove(): void;
}

/** Mounts a disk of so many MB over an empty folder; the reason where this account may not. */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk | string {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=711`, 'sealwatch-proof', folder], {
      stdio: 'pipe',
    });
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
  const filler = `${folder}/filler`;
  return {
    fill() {
      // Large pieces first, then small ones, until not a page is left.
      for (let bytes = 2 ** 20; bytes >= 4_096; bytes /= 4) {
        const piece = Buffer.alloc(bytes);
        while (appended(filler, piece));
      }
    },
    free: () => rmSync(filler, { force: true }),
    remove: () => void execFileSync('umount', [folder]),
  };
}

function appended(file: string, piece: Buffer): boolean {
  try {
    appendFileSync(file, piece);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
    throw error;
  }
}
