import type { Role } from '@sealwatch/schemas';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { hasAdminBeside, insertPerson, type PersonRow, personForUpdate, updatePerson } from '../store/people/people.ts';
import { endSignIns } from '../store/people/sessions.ts';
import { isWithin, requireOwnOffices } from './offices.ts';
import type { Principal } from './principal.ts';
import { DECIDERS } from './roles.ts';
import { hashPassword, linkOf } from './sign-in.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import { requirePerson } from './two-people.ts';

type Deps = Pick<UseCaseDeps, 'pool' | 'hints'>;

/**
 * Adds a person; without a password with a one-time sign-in link, `signIn`, the path of it.
 * @throws ApiProblem 403 beyond the caller's offices, 409 if the name is taken
 */
export async function addPerson(
  { pool }: Pick<Deps, 'pool'>,
  caller: Principal,
  { password, ...person }: { name: string; role: Role; offices: string[] | null; password?: string | undefined },
): Promise<{ row: PersonRow; signIn: string | undefined }> {
  requireOwnOffices(caller, person.offices);
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  return inTransaction(pool, async (db) => {
    await requireAdminPerson(db, caller, person.name, person.role);
    const row = await insertPerson(db, { ...person, passwordHash });
    if (row === undefined) {
      const errors = [{ path: 'name', message: 'is taken', value: person.name, expected: 'a name not in use' }];
      throw new ApiProblem(409, 'user.exists', `there is a person named "${person.name}"`, errors);
    }
    const signIn = password === undefined ? await linkOf(db, row.person_id) : undefined;
    await audit(db, { actor: caller.name, action: 'user.add', subject: `person:${row.name}`, after: person });
    return { row, signIn };
  });
}

/** What of a person's access may change. */
export interface AccessChange {
  role?: Role | undefined;
  offices?: string[] | null | undefined;
  /** Ends every session and link, like the end of the access. */
  password?: string | undefined;
}

/** Changes role, offices or password; sessions read the new role and offices at their next call. @throws ApiProblem 403, 404 */
export async function changeAccess(
  { pool, hints }: Deps,
  caller: Principal,
  name: string,
  { password, ...change }: AccessChange,
): Promise<PersonRow> {
  if (change.offices !== undefined) requireOwnOffices(caller, change.offices);
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  const row = await inTransaction(pool, async (db) => {
    const was = await visiblePerson(db, caller, name);
    requireLocal(was);
    const { role = was.role, offices = was.offices } = change;
    await requireAdminPerson(db, caller, name, was.role, role);
    const changed = await updatePerson(db, { ...was, role, offices, password_hash: passwordHash ?? was.password_hash });
    if (passwordHash !== undefined) await endSignIns(db, was.person_id);
    const entry = { actor: caller.name, action: 'user.change', subject: `person:${name}` };
    const before = { role: was.role, offices: was.offices };
    const after = { role, offices, ...(passwordHash === undefined ? {} : { password: 'changed' }) };
    await audit(db, { ...entry, before, after });
    return changed;
  });
  await hints.publish({ hint: 'access' });
  return row;
}

/** Ends a person's access with every session and link; if it has ended nothing changes. @throws ApiProblem 404 */
export async function endAccess({ pool, hints }: Deps, caller: Principal, name: string): Promise<void> {
  await inTransaction(pool, async (db) => {
    const row = await visiblePerson(db, caller, name);
    await endSignIns(db, row.person_id);
    if (row.disabled_at !== null) return;
    await updatePerson(db, { ...row, disabled_at: new Date() });
    const entry = { actor: caller.name, action: 'user.disable', subject: `person:${name}` };
    const { role, offices } = row;
    await audit(db, { ...entry, before: { role, offices, disabled: false }, after: { disabled: true } });
  });
  await hints.publish({ hint: 'access' });
}

/**
 * Lets somebody in again whose access has ended, with the role and offices of before; the password of before is gone.
 * @returns `signIn`: the path of a one-time sign-in link, unless a password is given
 * @throws ApiProblem 404, 409 if the access has not ended
 */
export async function restoreAccess(
  { pool, hints }: Deps,
  caller: Principal,
  name: string,
  password: string | undefined,
): Promise<{ row: PersonRow; signIn: string | undefined }> {
  const passwordHash = password === undefined ? null : await hashPassword(password);
  const restored = await inTransaction(pool, async (db) => {
    const was = await visiblePerson(db, caller, name);
    if (passwordHash !== null) requireLocal(was);
    if (was.disabled_at === null) {
      throw new ApiProblem(409, 'user.enabled', `${name} has access; give a new link with POST /users/{name}/link`);
    }
    await requireAdminPerson(db, caller, name, was.role);
    const row = await updatePerson(db, { ...was, disabled_at: null, password_hash: passwordHash });
    const signIn = passwordHash === null && !was.from_provider ? await linkOf(db, row.person_id) : undefined;
    const { role, offices } = row;
    const entry = { actor: caller.name, action: 'user.enable', subject: `person:${name}` };
    await audit(db, { ...entry, before: { disabled: true }, after: { role, offices, disabled: false } });
    return { row, signIn };
  });
  await hints.publish({ hint: 'access' });
  return restored;
}

/** A new one-time sign-in link. @returns its path @throws ApiProblem 404, 409 if the access has ended */
export async function giveLink({ pool }: Pick<Deps, 'pool'>, caller: Principal, name: string): Promise<string> {
  return inTransaction(pool, async (db) => {
    const row = await visiblePerson(db, caller, name);
    requireLocal(row);
    if (row.disabled_at !== null) throw new ApiProblem(409, 'user.disabled', `the access of ${name} has ended`);
    await requireAdminPerson(db, caller, name, row.role);
    await audit(db, { actor: caller.name, action: 'user.link', subject: `person:${name}` });
    return linkOf(db, row.person_id);
  });
}

/** Lifts the lock-out of a name after wrong passwords. @throws ApiProblem 404 */
export async function unlockPerson(
  { pool }: Pick<Deps, 'pool'>,
  limits: SignInLimits,
  caller: Principal,
  name: string,
): Promise<PersonRow> {
  return inTransaction(pool, async (db) => {
    const row = await visiblePerson(db, caller, name);
    const untilMs = limits.lockedUntilMs(name);
    const before = { lockedUntil: untilMs === undefined ? null : new Date(untilMs).toISOString() };
    const entry = { actor: caller.name, action: 'user.unlock', subject: `person:${name}` };
    await audit(db, { ...entry, before, after: { lockedUntil: null } });
    limits.lift(name);
    return row;
  });
}

/**
 * Who could sign in as somebody that works alarms would be a second person at will: a key makes, changes and lets in only people
 * who do not. The first administrator of all is made by a key, and given links, until one has signed in.
 * @param roles of the person, before and after
 * @throws ApiProblem 403
 */
async function requireAdminPerson(db: Queryable, caller: Principal, name: string, ...roles: Role[]): Promise<void> {
  if (caller.kind === 'person' || !roles.some((role) => (DECIDERS as readonly Role[]).includes(role))) return;
  // Of two keys at once the second sees what the first has made.
  await db.query(`SELECT pg_advisory_xact_lock(hashtextextended('first administrator', 0))`);
  const isFirst = roles.every((role) => role === 'admin') && !(await hasAdminBeside(db, name));
  if (!isFirst) requirePerson(caller, 'a signed-in administrator adds, changes and lets in people who work alarms');
}

/** @throws ApiProblem 409 for people of the provider: a password or a link of ours would outlast their access there */
export function requireLocal({ name, from_provider: fromProvider }: PersonRow): void {
  if (!fromProvider) return;
  const why = 'role, offices and sign-in are those of the provider; change the groups there, or end the access here';
  throw new ApiProblem(409, 'user.provider', `${name} signs in by the provider: ${why}`);
}

async function visiblePerson(db: Queryable, caller: Principal, name: string): Promise<PersonRow> {
  const row = await personForUpdate(db, name);
  if (row === undefined || !isWithin(caller, row.offices)) throw notFound('user', name);
  return row;
}
