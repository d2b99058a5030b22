import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { checkBridge } from './bridge-doctor.ts';
import { checkTls } from './broker/tls-doctor.ts';
import { type Config, WALL_DIR } from './config.ts';
import { createLog } from './log.ts';
import { readOffices, type TableFault } from './office-table.ts';
import { OperationError, onDatabase, print } from './operation.ts';
import { anchorFileOf, readAnchors } from './people/audit-anchors.ts';
import { OFFICERS } from './people/roles.ts';
import { restoreBackup, writeBackup } from './postgres/backup.ts';
import type { Manifest } from './postgres/backup-format.ts';
import { openDatabase } from './postgres/database.ts';
import { checkDatabase, type Finding } from './postgres/doctor.ts';
import { hasMembers, listMembers } from './postgres/members.ts';
import { migrate } from './postgres/migrate.ts';
import { inTransaction } from './postgres/queryable.ts';
import { adoptTimescale } from './postgres/timescale.ts';
import { keyFileOf, sealingKeyOf } from './sealing-key.ts';
import { fingerprintOf } from './secret-box.ts';
import { audit } from './store/people/audit.ts';
import { linkAudit } from './store/people/audit-chain.ts';
import { type Anchor, checkAudit } from './store/people/audit-check.ts';
import { type OfficeRow, replaceOffices } from './store/people/offices.ts';
import { countWithoutFactor } from './store/people/people.ts';

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
    ...(await onDatabase(config, { beside: true }, async ({ pool, description }) => [
      ...(await checkDatabase(pool, description)),
      await checkSecondFactors(pool, config),
      await checkSealingKey(pool, config),
      await checkBridge(pool, config),
    ])),
  );
  for (const { part, state, text: found, hint } of findings) {
    print(`${MARKS[state]}  ${part}: ${found}`);
    if (hint) print(`         ${hint}`);
  }
  if (findings.some(({ state }) => state === 'problem')) process.exitCode = 1;
}

/** Whether those who answer for trucks sign in with a password alone. */
async function checkSecondFactors(pool: Pool, { secondFactorRequired }: Config): Promise<Finding> {
  const part = 'second factor';
  if (secondFactorRequired) return { part, state: 'ok', text: 'required of supervisors and admins' };
  const without = await countWithoutFactor(pool, OFFICERS);
  if (without === 0) return { part, state: 'ok', text: 'no supervisor or admin signs in without' };
  const found = `${without} supervisors and admins sign in with a password or a link alone`;
  const hint = 'Set SEALWATCH_SECOND_FACTOR=required: they enrol an authenticator at their next sign-in.';
  return { part, state: 'warning', text: found, hint };
}

/** Whether this machine has the key that the active platform seals secrets with; nothing of the key is shown but a fingerprint. */
export async function checkSealingKey(pool: Pool, config: Pick<Config, 'dataDir' | 'webhookKey'>): Promise<Finding> {
  const part = 'webhooks.key';
  const path = keyFileOf(config);
  if (config.webhookKey === undefined && !existsSync(path))
    return { part, state: 'ok', text: `${path} is made at the first start` };
  const hint =
    'Set SEALWATCH_WEBHOOK_KEY to the key of the active platform, or copy its webhooks.key into the data folder.';
  let mine: string;
  try {
    mine = fingerprintOf(sealingKeyOf(config));
  } catch (error) {
    return { part, state: 'problem', text: error instanceof Error ? error.message : String(error), hint };
  }
  const from = config.webhookKey === undefined ? path : 'SEALWATCH_WEBHOOK_KEY';
  const active = (await hasMembers(pool)) ? (await listMembers(pool)).find((member) => member.active) : undefined;
  if (active === undefined || active.webhook_key === mine)
    return { part, state: 'ok', text: `${from}, fingerprint ${mine}` };
  const text = `${from} (fingerprint ${mine}) is not the key of ${active.name} (${active.webhook_key})`;
  return { part, state: 'problem', text, hint };
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
