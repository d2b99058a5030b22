import type { Pool } from 'pg';
import { z } from 'zod';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { type PersonRow, personForUpdate, updatePerson } from '../store/people/people.ts';
import { endLinks, endOtherSessions, endSession, listSessions, type SessionRow } from '../store/people/sessions.ts';
import { isWithin } from './offices.ts';
import { requireLocal } from './persons.ts';
import type { Principal } from './principal.ts';
import { checkPassword, hashPassword } from './sign-in.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import { requirePerson } from './two-people.ts';

type Deps = Pick<UseCaseDeps, 'pool' | 'hints'>;

/** More than anybody looks at; the ones used last. */
const SESSIONS_SHOWN = 200;

/** The person whose sessions are meant, locked: the caller, or somebody of the caller's offices. @throws ApiProblem 403, 404 */
async function ownerOf(db: Queryable, caller: Principal, name: string | undefined): Promise<PersonRow> {
  if (name === undefined) requirePerson(caller, 'an account is a person’s');
  const row = await personForUpdate(db, name ?? caller.name);
  if (row === undefined || (name !== undefined && !isWithin(caller, row.offices))) throw notFound('user', name ?? '');
  return row;
}

/** @param name absent: the caller's own @throws ApiProblem 403 for a key without a name, 404 */
export async function sessionsOf(pool: Pool, caller: Principal, name?: string): Promise<SessionRow[]> {
  return inTransaction(pool, async (db) =>
    listSessions(db, (await ownerOf(db, caller, name)).person_id, SESSIONS_SHOWN),
  );
}

/** Ends one session with its open screens. @param name absent: the caller's own @throws ApiProblem 403, 404 */
export async function endOneSession(
  { pool, hints }: Deps,
  caller: Principal,
  sessionId: string,
  name?: string,
): Promise<void> {
  await inTransaction(pool, async (db) => {
    const owner = await ownerOf(db, caller, name);
    const isId = z.uuid().safeParse(sessionId).success;
    const ended = isId ? await endSession(db, owner.person_id, sessionId) : undefined;
    if (ended === undefined) throw notFound('session', sessionId);
    const { method, address } = ended;
    const entry = { actor: caller.name, action: 'session.end', subject: `person:${owner.name}` };
    await audit(db, { ...entry, before: { sessionId, method, address }, after: { ended: true } });
  });
  await hints.publish({ hint: 'access' });
}

/**
 * Ends the caller's sessions but for the one that asks, or all of somebody else.
 * @returns how many were ended @throws ApiProblem 403, 404
 */
export async function endSessions({ pool, hints }: Deps, caller: Principal, name?: string): Promise<number> {
  const ended = await inTransaction(pool, async (db) => {
    const owner = await ownerOf(db, caller, name);
    return endOthers(db, caller, owner);
  });
  await hints.publish({ hint: 'access' });
  return ended;
}

async function endOthers(db: Queryable, caller: Principal, owner: PersonRow): Promise<number> {
  const kept = caller.name === owner.name ? (caller.sessionId ?? null) : null;
  const ended = await endOtherSessions(db, owner.person_id, kept);
  const entry = { actor: caller.name, action: 'session.end-all', subject: `person:${owner.name}` };
  if (ended > 0) await audit(db, { ...entry, before: { sessions: ended }, after: { sessions: 0 } });
  return ended;
}

/**
 * Gives the caller another password, who knows the one of before; every other session and every link ends.
 * @param given `current` may be absent where the caller has no password
 * @throws ApiProblem 403 for keys and where the password is wrong, 409 for people of the provider; TooManyAttempts
 */
export async function changeOwnPassword(
  { pool, hints }: Deps,
  limits: SignInLimits,
  caller: Principal,
  { current, password, address }: { current?: string | undefined; password: string; address: string },
): Promise<void> {
  const was = await inTransaction(pool, (db) => ownerOf(db, caller, undefined));
  requireLocal(was);
  const { password_hash: before } = was;
  if (before !== null) {
    const check = () => checkPassword(pool, caller.name, current ?? '');
    if ((await limits.attempt(caller.name, address, check)) === undefined) {
      throw new ApiProblem(403, 'password.wrong', 'the current password is wrong');
    }
  }
  const passwordHash = await hashPassword(password);
  await inTransaction(pool, async (db) => {
    const owner = await ownerOf(db, caller, undefined);
    if (owner.password_hash !== before) throw new ApiProblem(409, 'password.changed', 'it was changed meanwhile');
    await updatePerson(db, { ...owner, password_hash: passwordHash });
    await endLinks(db, owner.person_id);
    await endOthers(db, caller, owner);
    const entry = { actor: caller.name, action: 'password.change', subject: `person:${owner.name}` };
    await audit(db, { ...entry, after: { password: 'changed' } });
  });
  await hints.publish({ hint: 'access' });
}
