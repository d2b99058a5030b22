import type { Role } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { ApiProblem } from '../problem.ts';
import { activePerson } from '../store/people/people.ts';
import { recoveryCodesLeft } from '../store/people/second-factors.ts';
import type { Principal } from './principal.ts';
import { isOfficer } from './roles.ts';
import { requirePerson } from './two-people.ts';

export interface AccountFacts {
  name: string;
  role: Role;
  offices: string[] | null;
  hasPassword: boolean;
  /** Whether the provider signs them in: they have no password here. */
  fromProvider: boolean;
  secondFactor: {
    enrolled: boolean;
    /** Whether the role needs one here. */
    required: boolean;
    recoveryCodesLeft: number;
  };
}

/** What people see of their own access. @throws ApiProblem 403 for keys */
export async function accountOf(
  pool: Pool,
  caller: Principal,
  secondFactorRequired: boolean | undefined,
): Promise<AccountFacts> {
  requirePerson(caller, 'an account is a person’s');
  const person = await activePerson(pool, caller.name);
  if (person === undefined) throw new ApiProblem(401, 'auth.session-ended', 'this session has ended; sign in again');
  const { name, role, offices, password_hash: passwordHash, has_second_factor: enrolled } = person;
  const { from_provider: fromProvider } = person;
  const secondFactor = {
    enrolled,
    required: secondFactorRequired === true && isOfficer(role),
    recoveryCodesLeft: await recoveryCodesLeft(pool, person.person_id),
  };
  return { name, role, offices, hasPassword: passwordHash !== null, fromProvider, secondFactor };
}
