import type { LockSignIn } from '@sealwatch/schemas';
import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { hashSecret, newLockSecret } from '../people/secret.ts';
import { requireSimulated } from '../people/simulated.ts';
import { requirePerson } from '../people/two-people.ts';
import type { CertificateMark, UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { accessOnFile, replaceSecret, revokeCertificate, setSignIn } from '../store/locks/access.ts';
import { nextGeneration } from '../store/locks/bridged.ts';
import { endSecretCommands } from '../store/locks/commands.ts';
import { getLock, type LockRow } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { getTrip } from '../store/trips/trips.ts';

type AccessDeps = Pick<UseCaseDeps, 'pool' | 'hints'>;

/** @throws ApiProblem 409 */
export function requireOwnSignIn({ profile }: { profile: string | null }, lockId: string): void {
  if (profile === null) return;
  const why = `the bridge signs in for lock ${lockId}, by a secret that it is told; only POST /locks/${lockId}/secret changes it`;
  throw new ApiProblem(409, 'lock.bridged', why);
}

/** What a certificate is recognised by, as it is stored: hexadecimal in lower case, a serial without leading zeros. */
export function markOf(kind: CertificateMark['kind'], given: string): CertificateMark {
  const hex = given.replaceAll(':', '').toLowerCase();
  return { kind, value: kind === 'serial' ? hex.replace(/^0+(?=.)/, '') : hex };
}

/** The lock, if the caller may change its access. @throws ApiProblem 404, 403, 409 */
async function lockToChange(db: Queryable, caller: Principal, lockId: string): Promise<LockRow> {
  const lock = await getLock(db, lockId, caller.offices);
  if (lock === undefined) throw notFound('lock', lockId);
  requireSimulated(caller, lock, 'this lock is');
  const trip = lock.trip_id === null ? undefined : await getTrip(db, lock.trip_id, caller.offices);
  if (trip !== undefined) requireActing(caller, trip);
  if (lock.retired_at !== null) throw new ApiProblem(409, 'lock.retired', `lock ${lockId} is retired`);
  return lock;
}

/** Who can sign in as a lock speaks for its seal: a person answers for it, unless it is simulated. @throws ApiProblem 403 */
function requireHuman(caller: Principal, lock: LockRow, what: string): void {
  if (!lock.simulated) requirePerson(caller, what);
}

/** Closes the connections that are not let in any more, before the caller has the answer. */
const told = ({ hints }: AccessDeps, lockId: string) => hints.publish({ hint: 'locks', lockIds: [lockId] });

/**
 * Gives a lock another secret at once, for the technician who enters it. The old one, and one on its way, end.
 * @returns undefined for a lock that a bridge speaks for: the bridge is told it
 */
export async function renewSecret(
  deps: AccessDeps & Pick<UseCaseDeps, 'bridged'>,
  caller: Principal,
  lockId: string,
): Promise<string | undefined> {
  const shown = await inTransaction(deps.pool, async (db) => {
    const lock = await lockToChange(db, caller, lockId);
    requireHuman(caller, lock, 'a person gives a lock another secret');
    if ((await accessOnFile(db, lockId)).sign_in === 'certificate') {
      throw new ApiProblem(409, 'lock.no-secret', `lock ${lockId} signs in by certificate alone; set "signIn" first`);
    }
    const isBridged = lock.profile !== null;
    const secret = isBridged ? deps.bridged.secretOf(lockId, await nextGeneration(db, lockId)) : newLockSecret();
    await replaceSecret(db, lockId, hashSecret(secret));
    await endSecretCommands(db, lockId, caller.name);
    await audit(db, { actor: caller.name, action: 'lock.secret', subject: `lock:${lockId}` });
    return isBridged ? undefined : secret;
  });
  await told(deps, lockId);
  return shown;
}

/** Sets what a lock signs in with. @throws ApiProblem 403, 404, 409 */
export async function changeSignIn(
  deps: AccessDeps,
  caller: Principal,
  lockId: string,
  to: { signIn: LockSignIn; pins: string[] },
): Promise<void> {
  const pins = to.pins.map((pin) => markOf('sha256', pin).value);
  await inTransaction(deps.pool, async (db) => {
    const lock = await lockToChange(db, caller, lockId);
    requireOwnSignIn(lock, lockId);
    requireHuman(caller, lock, 'a person says what a lock signs in with');
    const before = await accessOnFile(db, lockId);
    await setSignIn(db, lockId, { signIn: to.signIn, pins });
    await audit(db, {
      actor: caller.name,
      action: 'lock.sign-in',
      subject: `lock:${lockId}`,
      before: { signIn: before.sign_in, pins: before.certificate_pins },
      after: { signIn: to.signIn, pins },
    });
  });
  await told(deps, lockId);
}

/** Revokes a certificate of a lock, for good; the connection that brought it is closed. @throws ApiProblem 403, 404, 409 */
export async function revoke(
  deps: AccessDeps,
  caller: Principal,
  lockId: string,
  { reason, ...mark }: CertificateMark & { reason: string },
): Promise<void> {
  await inTransaction(deps.pool, async (db) => {
    await lockToChange(db, caller, lockId);
    if (!(await revokeCertificate(db, lockId, { ...mark, reason, by: caller.name }))) return;
    const entry = { actor: caller.name, action: 'lock.certificate-revoke', subject: `lock:${lockId}` };
    await audit(db, { ...entry, after: { [mark.kind]: mark.value, reason } });
  });
  await told(deps, lockId);
}
