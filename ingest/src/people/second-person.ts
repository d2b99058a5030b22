import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { activePerson } from '../store/people/people.ts';
import type { Principal } from './principal.ts';

/**
 * What two people have to answer for: a signed-in person, and another one named by it.
 * @returns the second person's name
 * @throws ApiProblem 403 where a key asks or somebody is not entitled, 422 where the second person is missing or unknown
 */
export async function secondPerson(
  db: Queryable,
  caller: Principal,
  name: string | undefined,
  roles: Role[],
): Promise<string> {
  const expected = `the name of another person with the role ${roles.join(' or ')}`;
  const wrong = (message: string) =>
    new ApiProblem(422, 'second-person.required', `secondPerson: ${message}`, [
      { path: 'secondPerson', message, value: name, expected },
    ]);
  if (caller.kind !== 'person') {
    throw new ApiProblem(403, 'two-people.required', 'two named people answer for this; a key is not a person');
  }
  if (!roles.includes(caller.role)) {
    throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not do this; ${roles.join(', ')} may`);
  }
  if (name === undefined) throw wrong('is missing');
  if (name === caller.name) throw wrong('is the same person');
  const person = await activePerson(db, name);
  if (person === undefined || !roles.includes(person.role)) throw wrong('is not such a person');
  return person.name;
}
