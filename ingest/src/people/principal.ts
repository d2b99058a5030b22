import type { Role } from '@sealwatch/schemas';
import QuickLRU from 'quick-lru';
import type { Queryable } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { type KeyRow, keyByHash, noteKeyUse } from '../store/people/keys.ts';
import { noteSessionUse, sessionByHash } from '../store/people/sessions.ts';
import { isOfficer } from './roles.ts';
import { hashSecret, sameSecret } from './secret.ts';

/** Who calls. */
export interface Principal {
  kind: 'person' | 'key';
  /** `person:` or `key:` and the id of it: what is kept for a caller is kept under this. */
  id: string;
  /** The name in the audit: a person's name, or that of a key, `key:…`. No two have the same. */
  name: string;
  role: Role;
  /** Offices it is bound to; null: bound to none, it sees everything; `[]`: it sees nothing. */
  offices: string[] | null;
  /** The session by which a person calls. */
  sessionId?: string;
  /** What a session waits for before it is good for anything: a code of the second factor, or that one is enrolled. */
  needs?: Needs;
  /** When the session or key ends by itself, epoch ms; absent: never. */
  untilMs?: number;
  /** Set while an act is done that a second person has confirmed (`approvals/`). */
  approved?: { by: string; stamp: string };
}

export type Needs = 'code' | 'enrol';

/** What somebody still has to show who has signed in with one factor. @param required of supervisors and admins */
export function needsOf(
  { role, has_second_factor: has }: { role: Role; has_second_factor: boolean },
  required: boolean | undefined,
): Needs | undefined {
  if (has) return 'code';
  return required === true && isOfficer(role) ? 'enrol' : undefined;
}

export const SESSION_COOKIE = 'sealwatch_session';

export interface Credentials {
  key?: string | undefined;
  session?: string | undefined;
}

export interface AccessOptions {
  /** An admin key accepted from the first start on (SEALWATCH_BOOTSTRAP_KEY). */
  bootstrapKey?: string | undefined;
  /** Supervisors and admins need a second factor. */
  secondFactorRequired?: boolean | undefined;
}

const OUTSTANDING: Record<Needs, string> = {
  code: 'this session waits for a code of your authenticator: POST /api/v1/session/code, or /sign-in',
  enrol: 'your role needs a second factor: enrol it at /sign-in, or with POST /api/v1/account/second-factor',
};

/** @throws ApiProblem 401 where the second factor of a session is outstanding */
export function requireFinished({ needs }: Principal): void {
  if (needs !== undefined) throw new ApiProblem(401, 'auth.second-factor', OUTSTANDING[needs]);
}

/** The key of an `Authorization: Bearer …` header. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
}

/** That a session or a key is in use is noted at most so often, ms. */
const USE_NOTED_MS = 60_000;
const KEY_USE_NOTED_MS = 5 * 60_000;

/** A gate or a fleet asks many times a second: its key is looked up once in this time, ms. */
const KEY_KNOWN_MS = 1_000;
const KEYS_KNOWN = 1_000;
const known = new WeakMap<Queryable, QuickLRU<string, KeyRow>>();

/** A revoked key ends at once in this process (`forgetKeys`), and within `KEY_KNOWN_MS` in others. */
async function knownKey(db: Queryable, keyHash: Buffer): Promise<KeyRow | undefined> {
  const keys = known.get(db) ?? new QuickLRU<string, KeyRow>({ maxSize: KEYS_KNOWN, maxAge: KEY_KNOWN_MS });
  known.set(db, keys);
  const name = keyHash.toString('base64');
  const kept = keys.get(name);
  if (kept !== undefined) return kept;
  const row = await keyByHash(db, keyHash);
  if (row !== undefined) keys.set(name, row);
  return row;
}

/** After a key was revoked or has another end. */
export const forgetKeys = (db: Queryable): void => void known.delete(db);

/** @throws ApiProblem 401 once the key has expired, also where it is kept in `known` */
async function ofKey(db: Queryable, row: KeyRow): Promise<Principal> {
  const nowMs = Date.now();
  const untilMs = row.expires_at?.getTime();
  if (untilMs !== undefined && untilMs <= nowMs) {
    const next = row.successor === null ? 'an administrator makes a new one' : 'use the key that took its place';
    throw new ApiProblem(401, 'auth.key-expired', `this key expired at ${new Date(untilMs).toISOString()}; ${next}`);
  }
  if (nowMs - (row.last_used_at?.getTime() ?? 0) > KEY_USE_NOTED_MS) {
    row.last_used_at = new Date(nowMs);
    await noteKeyUse(db, row.key_id);
  }
  const { actor: name, role, offices } = row;
  return {
    kind: 'key',
    id: `key:${row.key_id}`,
    name,
    role,
    offices,
    ...(untilMs === undefined ? {} : { untilMs }),
  };
}

/**
 * Finds who calls. A key given wins over a cookie. Whoever lets the caller act asks `requireFinished` first.
 * @returns undefined where nothing was given
 * @throws ApiProblem 401 where a key or session was given that is not (or no longer) good
 */
export async function identify(
  db: Queryable,
  { key, session }: Credentials,
  { bootstrapKey, secondFactorRequired }: AccessOptions,
): Promise<Principal | undefined> {
  if (key !== undefined) {
    if (bootstrapKey !== undefined && sameSecret(key, bootstrapKey)) {
      return { kind: 'key', id: 'key:bootstrap', name: 'key:bootstrap', role: 'admin', offices: null };
    }
    const row = await knownKey(db, hashSecret(key));
    if (row === undefined) throw new ApiProblem(401, 'auth.key-unknown', 'this key is unknown or revoked');
    return ofKey(db, row);
  }
  if (session === undefined) return undefined;
  const row = await sessionByHash(db, hashSecret(session));
  if (row === undefined) throw new ApiProblem(401, 'auth.session-ended', 'this session has ended; sign in again');
  if (Date.now() - row.last_used_at.getTime() > USE_NOTED_MS) await noteSessionUse(db, row.session_id);
  const { name, role, offices, session_id: sessionId } = row;
  const untilMs = row.expires_at.getTime();
  const needs = row.second_factor ? undefined : needsOf(row, secondFactorRequired);
  const person = { kind: 'person', id: `person:${row.person_id}`, name, role, offices, sessionId, untilMs } as const;
  return needs === undefined ? person : { ...person, needs };
}
