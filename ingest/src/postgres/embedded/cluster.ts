import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseStartError, errorCode, explainFileError } from '../database-error.ts';
import { type Account, accountFor, reaches, runAs } from './account.ts';
import type { Binaries } from './binaries.ts';
import { runProgram } from './program.ts';
import { writeOnce } from './write-once.ts';

/** The role that owns the cluster; the platform itself connects as an ordinary role (embedded.ts). */
export const SUPERVISOR_ROLE = 'sealwatch_supervisor';

/** Where things are: `home` is Postgres's own folder, `cluster` the PGDATA in it. */
export interface ClusterPlace {
  dataDir: string;
  home: string;
  cluster: string;
  logFile: string;
  account: Account | undefined;
  /** Set when the account cannot enter the data folder and the cluster is therefore kept elsewhere. */
  movedTo?: string;
}

const PASSWORD_FILE = 'postgres.password';
const POINTER_FILE = 'postgres.location';

function makeFolder(path: string, mode: number, account?: Account): void {
  mkdirSync(path, { recursive: true, mode });
  if (account) {
    chownSync(path, account.uid, account.gid);
    chmodSync(path, mode);
  }
}

/** The name holds a random part: a data folder made anew at an old path must not meet the old one's cluster. */
function newHomeFor(dataDir: string, stateFolder: string): string {
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  return join(stateFolder, 'clusters', `${hash}-${randomBytes(4).toString('hex')}`);
}

/** Where the pointer file says the cluster is. Only below the state folder: root follows it and changes owners there. */
function pointedHome(dataDir: string, stateFolder: string): string | undefined {
  const pointer = join(dataDir, POINTER_FILE);
  if (!existsSync(pointer)) return undefined;
  const home = readFileSync(pointer, 'utf8').trim();
  if (dirname(home) === join(stateFolder, 'clusters')) return home;
  throw new DatabaseStartError(
    'not-a-cluster',
    `${pointer} points to ${home}, which is not below ${join(stateFolder, 'clusters')}.`,
    'Remove that file if it is not yours, or choose another data folder with SEALWATCH_DATA_DIR.',
  );
}

/** A database that exists is never left behind for a new and empty one. */
function outOfReach(dataDir: string, account: Account | undefined): DatabaseStartError {
  return new DatabaseStartError(
    'no-permission',
    `The account ${account?.name ?? 'of Sealwatch'} owns the database in ${dataDir} but cannot enter that folder.`,
    `Let it pass: chmod a+x ${dataDir} and the folders above it.`,
  );
}

/** Decides where the cluster of a data folder lives and makes the folders. Throws DatabaseStartError. */
export async function placeCluster(wantedDataDir: string, stateFolder: string): Promise<ClusterPlace> {
  let dataDir = wantedDataDir;
  try {
    // 0711: an unprivileged Postgres passes through to its own folder but cannot list this one
    mkdirSync(wantedDataDir, { recursive: true, mode: 0o711 });
    dataDir = realpathSync(wantedDataDir);
    const inside = join(dataDir, 'postgres');
    let home = pointedHome(dataDir, stateFolder) ?? inside;
    const account = await accountFor(existsSync(join(home, 'cluster')) ? join(home, 'cluster') : undefined);
    if (home === inside && !(await reaches(account, '-x', dataDir))) {
      if (existsSync(join(inside, 'cluster'))) throw outOfReach(dataDir, account);
      writeOnce(join(dataDir, POINTER_FILE), newHomeFor(dataDir, stateFolder), 0o644);
      home = pointedHome(dataDir, stateFolder) ?? inside;
    }
    if (home !== inside) mkdirSync(join(home, '..'), { recursive: true, mode: 0o711 });
    makeFolder(home, 0o700, account);
    if (home !== inside) writeFileSync(join(home, 'data-folder'), `${dataDir}\n`);
    const cluster = join(home, 'cluster');
    const place = { dataDir, home, cluster, logFile: join(home, 'server.log'), account };
    return home === inside ? place : { ...place, movedTo: home };
  } catch (error) {
    throw explainFileError(error, 'use the data folder', dataDir);
  }
}

/**
 * The password of the embedded server: 192 random bits in a file only the platform's user can read. Made before the
 * cluster and by one link, so that two starts at once agree on it.
 */
export function clusterPassword(place: ClusterPlace): string {
  const file = join(place.dataDir, PASSWORD_FILE);
  try {
    if (!existsSync(file)) writeOnce(file, randomBytes(24).toString('base64url'), 0o600);
    chmodSync(file, 0o600);
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw explainFileError(error, 'keep the database password in', file);
  }
}

/** Throws where the cluster was made by another major version, which this server cannot read. */
export function checkMajor(place: ClusterPlace, binaries: Binaries): void {
  const file = join(place.cluster, 'PG_VERSION');
  if (!existsSync(file)) {
    throw new DatabaseStartError(
      'not-a-cluster',
      `${place.cluster} exists but is not a Postgres database folder (no PG_VERSION in it).`,
      'Move that folder away, or choose another data folder with SEALWATCH_DATA_DIR.',
    );
  }
  const major = Number(readFileSync(file, 'utf8').trim());
  if (major === binaries.major) return;
  throw new DatabaseStartError(
    'wrong-major',
    `The data folder ${place.dataDir} was made by PostgreSQL ${major}; this Sealwatch brings PostgreSQL ${binaries.major}.`,
    'Nothing was changed. Take a backup with the Sealwatch that made it (sealwatch backup FILE), start this one with an empty data folder ' +
      '(SEALWATCH_DATA_DIR) and sealwatch restore FILE; or point DATABASE_URL at a server of that version.',
  );
}

/** An initdb cut short by kill -9 leaves its folder under the name of its process. */
function sweepUnfinished(home: string): void {
  for (const name of readdirSync(home)) {
    const pid = /^new-(\d+)$/.exec(name)?.[1];
    if (pid && Number(pid) !== process.pid && !existsSync(`/proc/${pid}`)) {
      rmSync(join(home, name), { recursive: true, force: true });
    }
  }
}

async function runInitdb(place: ClusterPlace, binaries: Binaries, folder: string, passwordFile: string): Promise<void> {
  const answer = await runProgram(
    binaries.initdb,
    [
      ['-D', folder],
      ['--username', SUPERVISOR_ROLE],
      ['--auth', 'scram-sha-256'],
      ['--pwfile', passwordFile],
      ['--encoding', 'UTF8'],
      ['--locale-provider', 'builtin'],
      ['--locale', 'C.UTF-8'],
      ['--lc-messages', 'C'],
      ['--lc-collate', 'C'],
      ['--lc-ctype', 'C'],
    ].flat(),
    { ...runAs(place.account), env: serverEnvironment() },
  );
  if (answer.code === 0) return;
  const detail = answer.stderr.trim().slice(-1000) || (answer.signal ?? `exit code ${answer.code}`);
  const full = /no space left|could not extend file|wrote only/i.test(detail);
  throw new DatabaseStartError(
    full ? 'disk' : 'initdb-failed',
    `The database could not be set up in ${place.home}: ${detail}`,
    full
      ? 'Free some space on that disk, or choose another data folder with SEALWATCH_DATA_DIR.'
      : 'Mend what the message says, choose another data folder with SEALWATCH_DATA_DIR, or use a server of your own with DATABASE_URL.',
  );
}

/** Nothing of the platform's environment reaches the server: PG* variables and library paths would change it. */
export function serverEnvironment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** Makes the cluster where there is none: complete, by one rename, or not at all. @returns whether it was made now */
export async function createCluster(place: ClusterPlace, binaries: Binaries, password: string): Promise<boolean> {
  if (existsSync(place.cluster)) return false;
  const partial = join(place.home, `new-${process.pid}`);
  const passwordFile = `${partial}.password`;
  try {
    sweepUnfinished(place.home);
    rmSync(partial, { recursive: true, force: true });
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (place.account) chownSync(passwordFile, place.account.uid, place.account.gid);
    await runInitdb(place, binaries, partial, passwordFile);
    renameSync(partial, place.cluster);
    const folder = openSync(place.home, 'r');
    fsyncSync(folder);
    closeSync(folder);
    return true;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST'].includes(errorCode(error)) && existsSync(place.cluster)) return false;
    throw explainFileError(error, 'set up the database in', place.home);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}
