import type { Role } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { activePerson, disablePerson, insertPerson, type PersonRow } from '../store/people/people.ts';
import { isWithin, requireOwnOffices } from './offices.ts';
import type { Principal } from './principal.ts';
import { hashPassword, signInLink } from './sign-in.ts';

/**
 * Adds a person; without a password with a one-time sign-in link, `signIn`, the path of it.
 * @throws ApiProblem 403 beyond the caller's offices, 409 if the name is taken
 */
export async function addPerson(
  pool: Pool,
  caller: Principal,
  { password, ...person }: { name: string; role: Role; offices: string[]; password?: string | undefined },
): Promise<{ row: PersonRow; signIn: string | undefined }> {
  requireOwnOffices(caller, person.offices);
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  return inTransaction(pool, async (db) => {
    const row = await insertPerson(db, { ...person, passwordHash });
    if (row === undefined) {
      const errors = [{ path: 'name', message: 'is taken', value: person.name, expected: 'a name not in use' }];
      throw new ApiProblem(409, 'user.exists', `there is a person named "${person.name}"`, errors);
    }
    const signIn = password === undefined ? await signInLink(db, person) : undefined;
    await audit(db, { actor: caller.name, action: 'user.add', subject: `person:${row.name}`, after: person });
    return { row, signIn };
  });
}

/** Ends a person's access; for one whose access has ended nothing changes. @throws ApiProblem 404 */
export async function endAccess(pool: Pool, caller: Principal, name: string): Promise<void> {
  await inTransaction(pool, async (db) => {
    const row = await activePerson(db, name);
    if (row !== undefined && !isWithin(caller, row.offices)) throw notFound('user', name);
    if (!(await disablePerson(db, name))) throw notFound('user', name);
    if (row === undefined) return;
    const entry = { actor: caller.name, action: 'user.disable', subject: `person:${name}` };
    const { role, offices } = row;
    await audit(db, { ...entry, before: { role, offices, disabled: false }, after: { disabled: true } });
  });
}
