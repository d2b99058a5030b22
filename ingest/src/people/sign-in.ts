import { hash, verify } from '@node-rs/argon2';
import type { Role } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { activePerson, insertPerson, type PersonRow } from '../store/people/people.ts';
import {
  deleteSession,
  insertSession,
  insertSignInLink,
  isGoodLink,
  type SignedFrom,
  type SignedRow,
  useSignInLink,
} from '../store/people/sessions.ts';
import { type Needs, needsOf } from './principal.ts';
import { hashSecret, newToken } from './secret.ts';
import type { SignInLimits } from './sign-in-limits.ts';

/** A shift and its handover. */
export const SESSION_MS = 12 * 3_600_000;
const LINK_MS = 3_600_000;
/** A session that waits for its second factor. */
const UNFINISHED_MS = 10 * 60_000;

/** argon2id with the library's defaults (19 MiB, 2 passes), which are OWASP's. */
export const hashPassword = (password: string): Promise<string> => hash(password);

/** The hash of a password that nobody has. */
const decoy = hashPassword(newToken());

/** Takes as long for a name that does not exist as for a wrong password. */
async function passwordFits(stored: string | null | undefined, password: string): Promise<boolean> {
  const fits = await verify(stored ?? (await decoy), password);
  return fits && stored !== null && stored !== undefined;
}

export interface Session {
  token: string;
  expiresAt: Date;
  /** What it waits for; absent: it is good. */
  needs?: Needs | undefined;
}

/** @param secondFactorRequired of supervisors and admins */
export interface SignInDeps {
  pool: Pool;
  secondFactorRequired: boolean | undefined;
}

const AGENT_CHARS = 300;

/** Where somebody signs in from. @param agent the browser's own words */
export const browserOf = (address: string, agent: string | undefined): Browser => ({
  address,
  agent: (agent ?? '').slice(0, AGENT_CHARS),
});
export type Browser = Omit<SignedFrom, 'method'>;

/**
 * Opens a session: of 12 h, or of 10 min where the second factor is outstanding.
 * @param from `secondFactor`: the provider says that it was shown there
 */
export async function openSession(
  db: Queryable,
  person: SignedRow,
  from: SignedFrom & { secondFactor?: boolean },
  secondFactorRequired: boolean | undefined,
): Promise<Session> {
  const { person_id: personId, name } = person;
  const { secondFactor = false, ...by } = from;
  const needs = secondFactor ? undefined : needsOf(person, secondFactorRequired);
  const token = newToken();
  const expiresAt = new Date(Date.now() + (needs === undefined ? SESSION_MS : UNFINISHED_MS));
  await insertSession(db, { tokenHash: hashSecret(token), personId, expiresAt, secondFactor, ...by });
  const { method, address } = by;
  await audit(db, {
    actor: name,
    action: 'session.open',
    subject: `person:${name}`,
    after: { method, address, needs },
  });
  return { token, expiresAt, needs };
}

/**
 * Makes a link that signs one browser of a person in, once, within the hour.
 * @returns the path, to be put behind the platform's address
 */
export async function linkOf(db: Queryable, personId: string): Promise<string> {
  const token = newToken();
  await insertSignInLink(db, { tokenHash: hashSecret(token), personId, expiresAt: new Date(Date.now() + LINK_MS) });
  return `/sign-in/${token}`;
}

/** A link for the person of a name; if nobody has it, the person is made, with this role and bound to no office. */
export async function signInLink(db: Queryable, { name, role }: { name: string; role: Role }): Promise<string> {
  const person = (await insertPerson(db, { name, role, offices: null })) ?? (await activePerson(db, name));
  if (person === undefined) throw new Error(`the access of ${name} has ended`);
  return linkOf(db, person.person_id);
}

/** The person of a name and its password; undefined where either is wrong. */
export async function checkPassword(pool: Pool, name: string, password: string): Promise<PersonRow | undefined> {
  const person = await activePerson(pool, name);
  return (await passwordFits(person?.password_hash, password)) ? person : undefined;
}

/**
 * Opens a session for a name and its password.
 * @throws ApiProblem 401, the same for a wrong name and a wrong password; TooManyAttempts
 */
export async function signIn(
  { pool, secondFactorRequired }: SignInDeps,
  limits: SignInLimits,
  { name, password, from }: { name: string; password: string; from: Browser },
): Promise<SignedRow & Session> {
  const person = await limits.attempt(
    name,
    from.address,
    () => checkPassword(pool, name, password),
    (found) => needsOf(found, secondFactorRequired) === undefined,
  );
  if (person === undefined) throw new ApiProblem(401, 'auth.sign-in', 'name or password is wrong');
  const by = { ...from, method: 'password' as const };
  return { ...person, ...(await inTransaction(pool, (db) => openSession(db, person, by, secondFactorRequired))) };
}

/** Opens a session for whoever has a link that was not used. @throws ApiProblem 410 */
export async function signInByLink(
  { pool, secondFactorRequired }: SignInDeps,
  token: string,
  from: Browser,
): Promise<Session> {
  const session = await inTransaction(pool, async (db) => {
    const person = await useSignInLink(db, hashSecret(token));
    return person && openSession(db, person, { ...from, method: 'link' }, secondFactorRequired);
  });
  if (session !== undefined) return session;
  throw linkIsGone();
}

/** Looks at a link without using it. @throws ApiProblem 410 */
export async function requireGoodLink(pool: Pool, token: string): Promise<void> {
  if (!(await isGoodLink(pool, hashSecret(token)))) throw linkIsGone();
}

const linkIsGone = () =>
  new ApiProblem(410, 'sign-in.used', 'this sign-in link was used, is too old, or never was; ask for a new one');

export const signOut = (pool: Pool, token: string): Promise<void> => deleteSession(pool, hashSecret(token));
