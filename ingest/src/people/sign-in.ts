import { hash, verify } from '@node-rs/argon2';
import type { Role } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { activePerson } from '../store/people/people.ts';
import { deleteSession, insertSession, insertSignInLink, useSignInLink } from '../store/people/sessions.ts';
import { hashSecret, newToken } from './secret.ts';

/** A shift and its handover. */
const SESSION_MS = 12 * 3_600_000;
const LINK_MS = 3_600_000;

/** argon2id with the library's defaults (19 MiB, 2 passes), which are OWASP's. */
export const hashPassword = (password: string): Promise<string> => hash(password);

let decoy: Promise<string> | undefined;

/** Takes as long for a name that does not exist as for a wrong password. */
async function passwordFits(stored: string | null | undefined, password: string): Promise<boolean> {
  decoy ??= hashPassword(newToken());
  const fits = await verify(stored ?? (await decoy), password);
  return fits && stored !== null && stored !== undefined;
}

interface Signed {
  name: string;
  role: Role;
  offices: string[];
}

interface Session {
  token: string;
  expiresAt: Date;
}

/** Opens a session of 12 h. */
async function openSession(db: Queryable, who: Signed): Promise<Session> {
  const token = newToken();
  const expiresAt = new Date(Date.now() + SESSION_MS);
  await insertSession(db, { tokenHash: hashSecret(token), ...who, expiresAt });
  await audit(db, { actor: who.name, action: 'session.open', subject: `person:${who.name}` });
  return { token, expiresAt };
}

/**
 * Makes a link that signs one browser in, once, within the hour.
 * @returns the path, to be put behind the platform's address
 */
export async function signInLink(db: Queryable, who: { name: string; role: Role }): Promise<string> {
  const token = newToken();
  await insertSignInLink(db, { tokenHash: hashSecret(token), ...who, expiresAt: new Date(Date.now() + LINK_MS) });
  return `/sign-in/${token}`;
}

/** Opens a session for a name and its password. @throws ApiProblem 401, the same for a wrong name and a wrong password */
export async function signIn(pool: Pool, name: string, password: string): Promise<Signed & Session> {
  const person = await activePerson(pool, name);
  if (!(await passwordFits(person?.password_hash, password)) || person === undefined) {
    throw new ApiProblem(401, 'auth.sign-in', 'name or password is wrong');
  }
  const who = { name: person.name, role: person.role, offices: person.offices };
  return { ...who, ...(await inTransaction(pool, (db) => openSession(db, who))) };
}

/** Opens a session for whoever has a link that was not used. @throws ApiProblem 410 */
export async function signInByLink(pool: Pool, token: string): Promise<Session> {
  const session = await inTransaction(pool, async (db) => {
    const link = await useSignInLink(db, hashSecret(token));
    if (link === undefined) return undefined;
    const offices = (await activePerson(db, link.name))?.offices ?? [];
    return openSession(db, { ...link, offices });
  });
  if (session !== undefined) return session;
  throw new ApiProblem(410, 'sign-in.used', 'this sign-in link was used, is too old, or never was; ask for a new one');
}

export const signOut = (pool: Pool, token: string): Promise<void> => deleteSession(pool, hashSecret(token));
