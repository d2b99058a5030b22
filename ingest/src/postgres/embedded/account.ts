import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { DatabaseStartError } from '../database-error.ts';

/** Who runs Postgres when the platform itself is root, which Postgres refuses to be. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** In this order; accounts that every system has. None is ever created. */
const CANDIDATES = ['postgres', 'nobody'];

function lookUp(name: string): Account | undefined {
  const ask = (flag: string) =>
    Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout?.trim() || Number.NaN);
  const uid = ask('-u');
  const gid = ask('-g');
  return uid > 0 && gid > 0 ? { name, uid, gid } : undefined;
}

function nameOf(uid: number): string {
  return spawnSync('id', ['-nu', String(uid)], { encoding: 'utf8' }).stdout?.trim() || `uid ${uid}`;
}

/**
 * The account for a cluster: its owner where it exists already, else an unprivileged account of the system.
 * @returns undefined when the platform is not root and Postgres runs as whoever the platform runs as
 */
export function accountFor(clusterFolder: string | undefined): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = clusterFolder === undefined ? undefined : statSync(clusterFolder, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { name: nameOf(owner.uid), uid: owner.uid, gid: owner.gid };
  for (const name of CANDIDATES) {
    const account = lookUp(name);
    if (account) return account;
  }
  throw new DatabaseStartError(
    'no-account',
    'Postgres refuses to run as root, and this system has neither a "postgres" nor a "nobody" account to run it as.',
    'Start Sealwatch as an ordinary user, or use a server of your own with DATABASE_URL.',
  );
}

/** Options for spawn: uid and gid make libuv drop the supplementary groups too. The folder `/` is open to everyone. */
export function runAs(account: Account | undefined): { cwd: string; uid?: number; gid?: number } {
  return account ? { cwd: '/', uid: account.uid, gid: account.gid } : { cwd: '/' };
}

/** Whether the account really gets at the path: asked of the kernel, so that ACLs and mount options count too. */
export function reaches(account: Account | undefined, test: '-x' | '-r', path: string): boolean {
  const answer = spawnSync('/bin/sh', ['-c', 'test "$1" "$2"', 'sh', test, path], runAs(account));
  return answer.status === 0;
}
