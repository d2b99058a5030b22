import type { Role } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { ApiProblem } from '../problem.ts';
import { activePerson } from '../store/people/people.ts';
import type { Principal } from './principal.ts';
import { requirePerson } from './two-people.ts';

export interface AccountFacts {
  name: string;
  role: Role;
  offices: string[] | null;
  hasPassword: boolean;
}

/** What people see of their own access. @throws ApiProblem 403 for keys */
export async function accountOf(pool: Pool, caller: Principal): Promise<AccountFacts> {
  requirePerson(caller, 'an account is a person’s');
  const person = await activePerson(pool, caller.name);
  if (person === undefined) throw new ApiProblem(401, 'auth.session-ended', 'this session has ended; sign in again');
  const { name, role, offices, password_hash: passwordHash } = person;
  return { name, role, offices, hasPassword: passwordHash !== null };
}
