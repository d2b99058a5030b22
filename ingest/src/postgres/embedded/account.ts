import { statSync } from 'node:fs';
import { DatabaseStartError } from '../database-error.ts';
import { runProgram } from './program.ts';

/** Who runs Postgres when the platform itself is root, which Postgres refuses to be. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** In this order; accounts that every system has. None is ever created. */
const CANDIDATES = ['postgres', 'nobody'];

/** What `id` says, or '' if there is no such account. */
async function askId(flag: '-u' | '-g' | '-nu', account: string): Promise<string> {
  const { code, stdout } = await runProgram('id', [flag, account], { cwd: '/' });
  return code === 0 ? stdout.trim() : '';
}

async function lookUp(name: string): Promise<Account | undefined> {
  const [uid, gid] = [Number(await askId('-u', name)), Number(await askId('-g', name))];
  return uid > 0 && gid > 0 ? { name, uid, gid } : undefined;
}

/**
 * The account for a cluster: its owner if it exists already, otherwise an unprivileged account of the system.
 * @returns undefined when the platform is not root and Postgres runs as whoever the platform runs as
 */
export async function accountFor(clusterFolder: string | undefined): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = clusterFolder === undefined ? undefined : statSync(clusterFolder, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) {
    const name = (await askId('-nu', String(owner.uid))) || `uid ${owner.uid}`;
    return { name, uid: owner.uid, gid: owner.gid };
  }
  for (const name of CANDIDATES) {
    const account = await lookUp(name);
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

/**
 * Whether the account really gets at the path: asked of the kernel, so that ACLs and mount options count too.
 * @throws DatabaseStartError if the question could not be asked
 */
export async function reaches(account: Account | undefined, test: '-x' | '-r', path: string): Promise<boolean> {
  const { code, signal, stderr } = await runProgram(
    '/bin/sh',
    ['-c', 'test "$1" "$2"', 'sh', test, path],
    runAs(account),
  );
  if (code === 0) return true;
  if (code === 1) return false;
  throw new DatabaseStartError(
    'start-failed',
    `Whether the account of the database gets at ${path} could not be found out: ${stderr.trim() || (signal ?? `exit code ${code}`)}`,
    'Mend what the message says, or use a server of your own with DATABASE_URL.',
  );
}
