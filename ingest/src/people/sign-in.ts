import { hash, verify } from '@node-rs/argon2';
import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../postgres/queryable.ts';
import { audit } from '../store/people/audit.ts';
import { insertSession, insertSignInLink } from '../store/people/sessions.ts';
import { hashSecret, newToken } from './secret.ts';

/** A shift and its handover. */
const SESSION_MS = 12 * 3_600_000;
const LINK_MS = 3_600_000;

/** argon2id with the library's defaults (19 MiB, 2 passes), which are OWASP's. */
export const hashPassword = (password: string): Promise<string> => hash(password);

let decoy: Promise<string> | undefined;

/** Takes as long for a name that does not exist as for a wrong password. */
export async function passwordFits(stored: string | null | undefined, password: string): Promise<boolean> {
  decoy ??= hashPassword(newToken());
  const fits = await verify(stored ?? (await decoy), password);
  return fits && stored !== null && stored !== undefined;
}

interface Signed {
  name: string;
  role: Role;
  offices: string[];
}

/** Opens a session of 12 h. */
export async function openSession(db: Queryable, who: Signed): Promise<{ token: string; expiresAt: Date }> {
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
