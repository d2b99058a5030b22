import { CertificateSerial, LockId, Sha256 } from '@sealwatch/schemas';
import type { Config } from './config.ts';
import { markOf } from './locks/access.ts';
import { OperationError, onDatabase, print } from './operation.ts';
import { hashSecret, newLockSecret } from './people/secret.ts';
import { inTransaction, type Queryable } from './postgres/queryable.ts';
import { replaceSecret, revokeCertificate } from './store/locks/access.ts';
import { endSecretCommands } from './store/locks/commands.ts';
import { lockStates } from './store/locks/locks.ts';
import { audit } from './store/people/audit.ts';

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
