import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CertificateSerial, LockId, type Role, Sha256 } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { checkTls } from './broker/tls-doctor.ts';
import { type Config, WALL_DIR } from './config.ts';
import { markOf } from './locks/access.ts';
import { createLog } from './log.ts';
import { readOffices, type TableFault } from './office-table.ts';
import { anchorFileOf, readAnchors } from './people/audit-anchors.ts';
import { KeyName, PersonName } from './people/names.ts';
import { hashSecret, newApiKey, newLockSecret } from './people/secret.ts';
import { hashPassword, signInLink } from './people/sign-in.ts';
import { restoreBackup, writeBackup } from './postgres/backup.ts';
import type { Manifest } from './postgres/backup-format.ts';
import { type Database, openDatabase } from './postgres/database.ts';
import { checkDatabase, type Finding } from './postgres/doctor.ts';
import { migrate } from './postgres/migrate.ts';
import { inTransaction, type Queryable } from './postgres/queryable.ts';
import { adoptTimescale } from './postgres/timescale.ts';
import { replaceSecret, revokeCertificate } from './store/locks/access.ts';
import { endSecretCommands } from './store/locks/commands.ts';
import { lockStates } from './store/locks/locks.ts';
import { audit } from './store/people/audit.ts';
import { linkAudit } from './store/people/audit-chain.ts';
import { type Anchor, checkAudit } from './store/people/audit-check.ts';
import { insertKey } from './store/people/keys.ts';
import { type OfficeRow, replaceOffices } from './store/people/offices.ts';
import { insertPerson } from './store/people/people.ts';

/** A command that cannot be carried out, with what the operator can do about it. */
export class OperationError extends Error {
  override name = 'OperationError';
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

interface Access {
  /** true: allowed while a platform runs on the same database; false: fails if one does. */
  beside: boolean;
}

async function onDatabase<T>(config: Config, access: Access, work: (database: Database) => Promise<T>): Promise<T> {
  const log = createLog('warn');
  const database = await openDatabase({ ...config, ...access, log, pool: { max: 3 } });
  try {
    await migrate(database.pool, log);
    return await work(database);
  } finally {
    await database.stop();
  }
}

const print = (line: string) => process.stdout.write(`${line}\n`);

function readName(form: typeof KeyName | typeof PersonName, given: string): string {
  const read = form.safeParse(given);
  if (read.success) return read.data;
  throw new OperationError(`"${given}" cannot be a name`, read.error.issues[0]?.message ?? 'Choose another name.');
}

/** Creates a key and prints only the key, so that a script can read it. */
export async function createKey(config: Config, given: { role: Role; name: string; office?: string[] }): Promise<void> {
  const name = readName(KeyName, given.name);
  const key = newApiKey();
  await onDatabase(config, { beside: true }, ({ pool }) =>
    inTransaction(pool, async (client) => {
      const { key_id, role, offices } = await insertKey(client, {
        name,
        role: given.role,
        keyHash: hashSecret(key),
        offices: given.office ?? null,
      });
      await audit(client, {
        actor: 'command line',
        action: 'key.create',
        subject: `key:${key_id}`,
        after: { name, role, offices },
      });
    }),
  );
  print(key);
}

function requireLockId(given: string): string {
  if (LockId.safeParse(given).success) return given;
  throw new OperationError(`"${given}" is no lock id`, 'Give 6 to 20 capital letters and digits, e.g. JT70100001.');
}

/** Changes the access of a lock in one transaction with its audit; a platform that runs beside closes its connections. */
async function onLock(config: Config, lockId: string, change: (db: Queryable) => Promise<void>): Promise<void> {
  await onDatabase(config, { beside: true }, ({ pool }) =>
    inTransaction(pool, async (db) => {
      const lock = (await lockStates(db, [requireLockId(lockId)])).get(lockId);
      if (lock === undefined) throw new OperationError(`lock ${lockId} is not registered`, 'See GET /api/v1/locks.');
      if (lock.retired) throw new OperationError(`lock ${lockId} is retired`, 'A retired lock signs in no more.');
      await change(db);
    }),
  );
}

/** Gives a lock another secret and prints only the secret. */
export async function renewSecret(config: Config, lockId: string): Promise<void> {
  const secret = newLockSecret();
  await onLock(config, lockId, async (db) => {
    await replaceSecret(db, lockId, hashSecret(secret));
    await endSecretCommands(db, lockId, 'command line');
    await audit(db, { actor: 'command line', action: 'lock.secret', subject: `lock:${lockId}` });
  });
  print(secret);
}

/** Revokes a certificate of a lock. */
export async function revokeOf(
  config: Config,
  lockId: string,
  { serial, sha256, reason }: { serial?: string; sha256?: string; reason: string },
): Promise<void> {
  if ((serial === undefined) === (sha256 === undefined)) {
    throw new OperationError('one certificate is revoked at a time', 'Give --serial, or --sha256 of it or of its key.');
  }
  const [form, given] = serial === undefined ? [Sha256, sha256] : [CertificateSerial, serial];
  const read = form.safeParse(given);
  if (!read.success) throw new OperationError(`"${given}" cannot be used`, read.error.issues[0]?.message ?? '');
  const mark = markOf(serial === undefined ? 'sha256' : 'serial', read.data);
  await onLock(config, lockId, async (db) => {
    await revokeCertificate(db, lockId, { ...mark, reason, by: 'command line' });
    const entry = { actor: 'command line', action: 'lock.certificate-revoke', subject: `lock:${lockId}` };
    await audit(db, { ...entry, after: { [mark.kind]: mark.value, reason } });
  });
  print(`${lockId}: the certificate with ${mark.kind} ${mark.value} is revoked`);
}

/** Reads a password from standard input; undefined on a terminal or if it is empty: the person then gets a sign-in link. */
async function pipedPassword(): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined;
  const given = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (given === '') return undefined;
  if (given.length >= 12) return given;
  throw new OperationError('the password is too short', 'Give at least 12 characters, or none to get a sign-in link.');
}

export async function createPerson(
  config: Config,
  given: { name: string; role: Role; office?: string[] },
): Promise<void> {
  const name = readName(PersonName, given.name);
  const password = await pipedPassword();
  await onDatabase(config, { beside: true }, async ({ pool }) => {
    const passwordHash = password === undefined ? undefined : await hashPassword(password);
    await inTransaction(pool, async (client) => {
      const row = await insertPerson(client, {
        name,
        role: given.role,
        passwordHash,
        offices: given.office ?? null,
      });
      if (!row) throw new OperationError(`there is a person named ${name} already`, 'Choose another name.');
      await audit(client, {
        actor: 'command line',
        action: 'person.create',
        subject: `person:${row.person_id}`,
        after: { name: row.name, role: row.role, offices: row.offices },
      });
    });
    print(`${name} is now a ${given.role}.`);
    if (passwordHash === undefined) {
      const path = await signInLink(pool, { name, role: given.role });
      print(`One-time sign-in link, good for an hour: http://${config.host}:${config.httpPort}${path}`);
    }
  });
}

const FAULTS_SHOWN = 20;

/** Replaces the table of offices by a file; if anything is wrong with the file, the table stays as it was. */
export async function importOffices(config: Config, path: string): Promise<void> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new OperationError(`${path} cannot be read: ${error.message}`, 'Give the path of a CSV file.');
  });
  const { offices, faults, notes } = readOffices(bytes);
  if (faults.length > 0) {
    const shown = faults.slice(0, FAULTS_SHOWN).map(faultLine);
    const more = faults.length > shown.length ? [`and ${faults.length - shown.length} more`] : [];
    throw new OperationError(
      [`${path}: nothing was imported`, ...shown, ...more].join('\n'),
      'Correct these lines and run the command again.',
    );
  }
  await onDatabase(config, { beside: true }, ({ pool }) => loadOffices(pool, offices));
  print(`${path}: ${offices.length} offices; trips may now name only these`);
  for (const note of notes) print(note);
}

const faultLine = ({ line, column, value, expected }: TableFault) =>
  `line ${line}, ${column}: "${value}"; expected ${expected}`;

async function loadOffices(pool: Pool, offices: OfficeRow[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    const known = await replaceOffices(client, offices);
    const entry = { actor: 'command line', action: 'office.import', subject: 'office:table' };
    await audit(client, { ...entry, before: { offices: known }, after: { offices } });
  });
}

export async function migrateNow(config: Config): Promise<void> {
  const log = createLog('warn');
  const database = await openDatabase({ ...config, log, beside: true });
  try {
    const done = await migrate(database.pool, log);
    await adoptTimescale(database.pool, log);
    print(done.length === 0 ? 'the schema is up to date' : `applied: ${done.join(', ')}`);
  } finally {
    await database.stop();
  }
}

const MARKS = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM' } as const;

/** Prints one line per part and what to do about it; sets exit code 1 if there is a problem. */
export async function checkUp(config: Config): Promise<void> {
  const findings: Finding[] = [checkNode(), checkWall()];
  if (config.tls) findings.push(...(await checkTls(config.tls, Date.now())));
  findings.push(
    ...(await onDatabase(config, { beside: true }, ({ pool, description }) => checkDatabase(pool, description))),
  );
  for (const { part, state, text: found, hint } of findings) {
    print(`${MARKS[state]}  ${part}: ${found}`);
    if (hint) print(`         ${hint}`);
  }
  if (findings.some(({ state }) => state === 'problem')) process.exitCode = 1;
}

function checkNode(): Finding {
  return { part: 'node', state: 'ok', text: `${process.version} on ${process.platform} ${process.arch}` };
}

function checkWall(): Finding {
  const built = existsSync(join(WALL_DIR, 'index.html'));
  return built
    ? { part: 'wall', state: 'ok', text: 'built' }
    : { part: 'wall', state: 'warning', text: 'not built', hint: 'Run: npm run build' };
}

/** The anchors to compare with: of the file that is named, else of the platform's own file, if there is one. */
async function anchorsFor(
  config: Config,
  file: string | undefined,
): Promise<{ path: string; kept: Anchor[][] } | undefined> {
  const path = file ?? anchorFileOf(config.dataDir);
  if (file === undefined && !existsSync(path)) return undefined;
  const kept: Anchor[][] = [];
  try {
    for await (const some of readAnchors(path)) kept.push(some);
  } catch (error) {
    throw new OperationError(`${path} cannot be read: ${(error as Error).message}`, 'Give a file of anchors.');
  }
  if (kept.length > 0 || file === undefined) return { path, kept };
  const hint = 'Give audit.anchors of the data folder, a copy of it, or log lines of the platform ("audit anchored").';
  throw new OperationError(`${path} holds no anchor of an audit`, hint);
}

async function* batches<T>(lists: T[][]): AsyncGenerator<T[]> {
  yield* lists;
}

/** Verifies the hash chain of the audit, against anchors as well; sets exit code 1 if it is broken. */
export async function verifyAudit(
  config: Config,
  { json, anchor }: { json?: boolean; anchor?: string },
): Promise<void> {
  const anchors = await anchorsFor(config, anchor);
  const count = anchors?.kept.flat().length ?? 0;
  const {
    broken,
    breaks = [],
    warnings = [],
    ...counts
  } = await onDatabase(config, { beside: true }, async ({ pool }) => {
    // Entries committed in the last half second are not linked yet; link them first so that they are verified too.
    await linkAudit(pool);
    return checkAudit(pool, batches(anchors?.kept ?? []));
  });
  if (broken !== undefined) process.exitCode = 1;
  if (json === true) {
    const faults = { ...(broken ? { breaks } : {}), ...(warnings.length > 0 ? { warnings } : {}) };
    print(JSON.stringify({ holds: broken === undefined, ...broken, ...faults, ...counts, anchors: count }));
    return;
  }
  for (const { auditId, reason } of warnings) print(`warning: entry ${auditId}: ${reason}`);
  for (const { auditId, reason } of breaks) print(`THE AUDIT IS BROKEN at entry ${auditId}: ${reason}`);
  if (broken === undefined) print(`the audit holds: ${counts.linked} entries, each linked to the one before it`);
  else
    print(
      `${breaks.length} breaks in ${counts.linked} entries. Compare with a backup made before; nothing was changed.`,
    );
  if (anchors === undefined)
    print('no anchors to compare with: an end that was cut off together with its head is not found');
  else print(`compared with ${count} anchors of ${anchors.path}`);
}

export async function backUpTo(config: Config, path: string): Promise<void> {
  const manifest = await onDatabase(config, { beside: true }, ({ pool }) => writeBackup(pool, path, new Date()));
  print(`${path}: ${countRows(manifest)} rows of ${manifest.tables.length} tables, checksums included`);
}

export async function restoreFrom(config: Config, path: string, force: boolean): Promise<void> {
  const manifest = await onDatabase(config, { beside: false }, ({ pool }) => restoreBackup(pool, path, { force }));
  print(`restored ${countRows(manifest)} rows of ${manifest.tables.length} tables, state of ${manifest.createdAt}`);
  // What was anchored after the backup is not in the chain any more.
  const anchors = anchorFileOf(config.dataDir);
  if (!existsSync(anchors)) return;
  const kept = `${anchors}.before-restore-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  await rename(anchors, kept);
  print(`the anchors of the audit before this restore are kept in ${kept}`);
}

const countRows = (manifest: Manifest) => manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
