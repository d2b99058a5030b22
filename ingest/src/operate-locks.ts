import { CertificateSerial, LockId, NewLock, Sha256 } from '@sealwatch/schemas';
import { bridgedOf } from './bridged.ts';
import type { Config } from './config.ts';
import { markOf } from './locks/access.ts';
import { registerLocks } from './locks/register.ts';
import { OperationError, onDatabase, print } from './operation.ts';
import type { Principal } from './people/principal.ts';
import { hashSecret, newLockSecret } from './people/secret.ts';
import { inTransaction, type Queryable } from './postgres/queryable.ts';
import { ApiProblem } from './problem.ts';
import { sealingKeyOf } from './sealing-key.ts';
import { replaceSecret, revokeCertificate } from './store/locks/access.ts';
import { nextGeneration } from './store/locks/bridged.ts';
import { endSecretCommands } from './store/locks/commands.ts';
import { type LockOnFile, lockStates } from './store/locks/locks.ts';
import { audit } from './store/people/audit.ts';

function requireLockId(given: string): string {
  if (LockId.safeParse(given).success) return given;
  throw new OperationError(`"${given}" is no lock id`, 'Give 6 to 20 capital letters and digits, e.g. JT70100001.');
}

/** Changes the access of a lock in one transaction with its audit; a platform that runs beside closes its connections. */
async function onLock(
  config: Config,
  lockId: string,
  change: (db: Queryable, lock: LockOnFile) => Promise<void>,
): Promise<void> {
  await onDatabase(config, { beside: true }, ({ pool }) =>
    inTransaction(pool, async (db) => {
      const lock = (await lockStates(db, [requireLockId(lockId)])).get(lockId);
      if (lock === undefined) throw new OperationError(`lock ${lockId} is not registered`, 'See GET /api/v1/locks.');
      if (lock.retired) throw new OperationError(`lock ${lockId} is retired`, 'A retired lock signs in no more.');
      await change(db, lock);
    }),
  );
}

export interface RegisteredByHand {
  model: string;
  profile?: string;
  wireId?: string;
  network?: string[];
}

/** Registers a lock and prints only its secret; none of one with a profile. */
export async function registerLock(config: Config, lockId: string, given: RegisteredByHand): Promise<void> {
  const { network: networks, ...rest } = given;
  const read = NewLock.safeParse({ ...rest, lockId: requireLockId(lockId), networks });
  if (!read.success) {
    const { path, message } = read.error.issues[0]!;
    throw new OperationError(`${path.join('.')}: ${message}`, 'See: sealwatch lock register --help');
  }
  const caller: Principal = { kind: 'key', id: 'key:command line', name: 'command line', role: 'admin', offices: null };
  const hints = { publish: async () => undefined, on: () => undefined, onGap: () => undefined };
  const [made] = await onDatabase(config, { beside: true }, ({ pool }) =>
    registerLocks({ pool, hints, bridged: bridgedOf(sealingKeyOf(config)) }, caller, [read.data], () => 'lockId'),
  ).catch((error) => {
    if (error instanceof ApiProblem) throw new OperationError(error.message, 'See: sealwatch lock register --help');
    throw error;
  });
  print(made?.secret ?? `${lockId} is registered; the bridge signs in for it`);
}

/** Gives a lock another secret and prints only the secret. */
export async function renewSecret(config: Config, lockId: string): Promise<void> {
  const own = newLockSecret();
  let isBridged = false;
  await onLock(config, lockId, async (db, lock) => {
    isBridged = lock.bridged;
    const secret = isBridged ? bridgedOf(sealingKeyOf(config)).secretOf(lockId, await nextGeneration(db, lockId)) : own;
    await replaceSecret(db, lockId, hashSecret(secret));
    await endSecretCommands(db, lockId, 'command line');
    await audit(db, { actor: 'command line', action: 'lock.secret', subject: `lock:${lockId}` });
  });
  print(isBridged ? `${lockId} has another secret; the bridge is told it` : own);
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
