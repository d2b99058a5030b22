import type { NewLock } from '@sealwatch/schemas';
import type { Principal } from '../people/principal.ts';
import { TESTERS } from '../people/roles.ts';
import { hashSecret, newLockSecret } from '../people/secret.ts';
import { isTester, requireSimulated } from '../people/simulated.ts';
import { requirePerson } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem, type FieldError, notFound } from '../problem.ts';
import { cancelCommands } from '../store/locks/commands.ts';
import {
  blockLock,
  existingLocks,
  existingWireIds,
  getLock,
  insertLocks,
  type LockRow,
  retireLock,
} from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { busyLocks } from '../store/trips/trips.ts';
import { markOf } from './access.ts';

type RegisterDeps = Pick<UseCaseDeps, 'pool' | 'hints' | 'bridged'>;

/**
 * Faults of ids that are registered already, or repeated in the list.
 * @param pathOf the path of the i-th id in the request
 */
function takenIds(ids: string[], taken: Set<string>, pathOf: (i: number) => string): FieldError[] {
  const repeated = new Set(ids.filter((id, i) => ids.indexOf(id) !== i));
  return ids.flatMap((lockId, i) =>
    taken.has(lockId) || (repeated.has(lockId) && ids.indexOf(lockId) !== i)
      ? [{ path: pathOf(i), message: 'is registered already', value: lockId, expected: 'a lock id not in use' }]
      : [],
  );
}

/** Only who runs test fleets says that a lock is simulated: its trips need fewer people. */
function requireTester(caller: Principal, locks: { simulated?: boolean | undefined }[]): void {
  if ((TESTERS as readonly string[]).includes(caller.role) || !locks.some((lock) => lock.simulated)) return;
  throw new ApiProblem(
    403,
    'auth.role',
    `the role ${caller.role} registers no simulated locks; ${TESTERS.join(', ')} do`,
  );
}

function refuseTaken(errors: FieldError[]): never {
  const which = errors
    .map((error) => error.value)
    .slice(0, 10)
    .join(', ');
  throw new ApiProblem(409, 'lock.exists', `registered already: ${which}`, errors.slice(0, 100));
}

function refuseTakenOnWire(wireIds: string[], taken: readonly string[]): void {
  const repeated = wireIds.filter((id, i) => wireIds.indexOf(id) !== i);
  const which = [...new Set([...taken, ...repeated])];
  if (which.length === 0) return;
  throw new ApiProblem(409, 'lock.wire-id', `another lock bears this id on the wire: ${which.slice(0, 10).join(', ')}`);
}

/** What cannot be said of a lock together. */
function bridgeFaults(locks: NewLock[], profiles: readonly string[], pathOf: PathOf): FieldError[] {
  return locks.flatMap((lock, i) => {
    const wrong = (field: string, value: unknown, expected: string): FieldError[] => [
      { path: pathOf(i).replace(/lockId$/, field), message: `expected ${expected}`, value, expected },
    ];
    const { profile, lockId, wireId, networks, numbered, signIn } = lock;
    if (profile === undefined) {
      if (wireId !== undefined) return wrong('wireId', wireId, 'a "profile" beside it');
      return (networks ?? []).length > 0 ? wrong('networks', networks, 'a "profile" beside it') : [];
    }
    if (!profiles.includes(profile)) return wrong('profile', profile, `one of ${profiles.join(', ')}`);
    if (signIn !== 'secret') return wrong('signIn', signIn, 'secret: the bridge signs in for a lock with a profile');
    if (numbered === true)
      return wrong('numbered', numbered, 'false: records of a lock with a profile have no consecutive numbers');
    if (wireId === undefined && !/^[0-9A-F]+$/.test(lockId)) {
      return wrong('wireId', wireId, 'the id that the lock bears on the wire, where its lock id is none');
    }
    return [];
  });
}

const wireIdOf = ({ wireId, lockId }: NewLock): string => wireId ?? lockId;

type PathOf = (i: number) => string;

/**
 * Registers locks, all of them or none.
 * @returns the secrets of those that sign in with one, which are known this once
 * @throws ApiProblem 422 for a profile that there is not, 403 if somebody else than a tester calls one simulated, 409 naming those that are registered already
 */
export async function registerLocks(
  { pool, hints, bridged }: RegisterDeps,
  caller: Principal,
  locks: NewLock[],
  pathOf: PathOf,
): Promise<{ lockId: string; secret?: string }[]> {
  const ids = locks.map((lock) => lock.lockId);
  requireTester(caller, locks);
  const wrong = bridgeFaults(locks, bridged.profiles, pathOf);
  if (wrong.length > 0) throw new ApiProblem(422, 'request.invalid', wrong[0]!.message, wrong.slice(0, 100));
  const issued = locks.map((lock) => {
    const secret = lock.profile === undefined ? newLockSecret() : bridged.secretOf(lock.lockId, 0);
    return { ...lock, secret };
  });
  const onWire = locks.filter(({ profile }) => profile !== undefined).map(wireIdOf);
  await inTransaction(pool, async (db) => {
    const errors = takenIds(ids, new Set(await existingLocks(db, ids)), pathOf);
    if (errors.length > 0) refuseTaken(errors);
    refuseTakenOnWire(onWire, await existingWireIds(db, onWire));
    const hashed = issued.map((lock) => ({
      ...lock,
      secretHash: hashSecret(lock.secret),
      pins: lock.pins?.map((pin) => markOf('sha256', pin).value),
      numbered: lock.numbered ?? lock.profile === undefined,
      // A tester's locks are simulated whether that is said or not.
      simulated: lock.simulated === true || isTester(caller),
    }));
    const inserted = await insertLocks(db, hashed);
    if (inserted.length < locks.length) refuseTaken(errors);
    const after = {
      locks: ids,
      ...(hashed.some((lock) => lock.simulated) ? { simulated: true } : {}),
      ...(onWire.length > 0 ? { profiles: [...new Set(locks.flatMap(({ profile }) => profile ?? []))] } : {}),
      ...(hashed.some((lock) => lock.signIn !== 'secret') ? { signIn: hashed.map((lock) => lock.signIn) } : {}),
    };
    await audit(db, { actor: caller.name, action: 'lock.register', subject: `lock:${ids[0]}`, after });
  });
  // The bridge speaks for them from now on.
  if (onWire.length > 0) await hints.publish({ hint: 'locks', lockIds: ids });
  await hints.publish({ hint: 'changed', lockIds: ids });
  return issued.map(({ lockId, secret, signIn, profile }) =>
    signIn === 'certificate' || profile !== undefined ? { lockId } : { lockId, secret },
  );
}

/** Puts a lock on the black list, or without a reason takes it off. @throws ApiProblem 404 */
export function setBlock(
  { pool }: Pick<RegisterDeps, 'pool'>,
  caller: Principal,
  lockId: string,
  reason: string | null,
): Promise<LockRow> {
  return inTransaction(pool, async (db) => {
    const before = await getLock(db, lockId, caller.offices);
    if (before === undefined) throw notFound('lock', lockId);
    requireSimulated(caller, before, 'this lock is');
    if (reason === null && !before.simulated) requirePerson(caller, 'a person takes a lock off the black list');
    await blockLock(db, lockId, reason === null ? null : { reason, by: caller.name });
    const entry = { actor: caller.name, action: 'lock.block', subject: `lock:${lockId}` };
    await audit(db, { ...entry, before: { reason: before.blocked_reason }, after: { reason } });
    return (await getLock(db, lockId, caller.offices))!;
  });
}

/** Takes a lock out of service for good and cancels its commands. @throws ApiProblem 404, 409 while it is on a trip */
export async function retire(
  { pool, hints }: Pick<RegisterDeps, 'pool' | 'hints'>,
  caller: Principal,
  lockId: string,
): Promise<LockRow> {
  const row = await inTransaction(pool, async (db) => {
    const lock = await getLock(db, lockId, caller.offices);
    if (lock === undefined) throw notFound('lock', lockId);
    requireSimulated(caller, lock, 'this lock is');
    const [busy] = await busyLocks(db, [lockId]);
    if (busy) throw new ApiProblem(409, 'lock.on-trip', `lock ${lockId} is on trip ${busy.tripId}; end that first`);
    await retireLock(db, lockId);
    await cancelCommands(db, { lockId }, 'lock retired', caller.name);
    const entry = { actor: caller.name, action: 'lock.retire', subject: `lock:${lockId}` };
    await audit(db, { ...entry, before: { retired: false }, after: { retired: true } });
    return (await getLock(db, lockId, caller.offices))!;
  });
  await hints.publish({ hint: 'locks', lockIds: [lockId] });
  await hints.publish({ hint: 'changed', lockIds: [lockId] });
  return row;
}
