import type { Role } from '@sealwatch/schemas';
import { z } from 'zod';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound, wrongField } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { insertKey, type KeyRow, keyForUpdate, replaceKey, revokeKey } from '../store/people/keys.ts';
import { isWithin, requireOwnOffices } from './offices.ts';
import { forgetKeys, type Principal } from './principal.ts';
import { hashSecret, newApiKey } from './secret.ts';

/** Makes an API key; only its hash is stored. @throws ApiProblem 403 beyond the caller's offices */
export async function makeKey({ pool }: Pick<UseCaseDeps, 'pool'>, caller: Principal, asked: NewKey): Promise<MadeKey> {
  requireOwnOffices(caller, asked.offices);
  return inTransaction(pool, (db) => insertNewKey(db, caller.name, asked));
}

export interface NewKey {
  name: string;
  role: Role;
  offices: string[] | null;
  /** When it ends by itself; absent: never. */
  expiresAt?: Date | undefined;
}
export interface MadeKey {
  row: KeyRow;
  /** Shown this once. */
  key: string;
}

/** @param actor who makes it, as the audit names them @throws ApiProblem 422 where it would have expired already */
export async function insertNewKey(db: Queryable, actor: string, asked: NewKey): Promise<MadeKey> {
  requireFuture(asked.expiresAt);
  const key = newApiKey();
  const row = await insertKey(db, { ...asked, keyHash: hashSecret(key) });
  await audit(db, { actor, action: 'key.create', subject: `key:${row.key_id}`, after: asked });
  return { row, key };
}

function requireFuture(expiresAt: Date | undefined): void {
  if (expiresAt === undefined || expiresAt.getTime() > Date.now()) return;
  const expected = 'a time in the future';
  const value = expiresAt.toISOString();
  throw wrongField('request.invalid', { path: 'expiresAt', message: `expected ${expected}`, value, expected });
}

export interface Rotation {
  /** How long the old key is taken beside the new one, ms. */
  overlapMs: number;
  /** When the new key ends by itself; absent: after as long as the old one was to last, or never. */
  expiresAt?: Date | undefined;
}

/**
 * Makes a key that takes the place of another one, with its name, role and offices. The old one ends after the overlap, or
 * when it would have ended anyway.
 * @throws ApiProblem 404; 409 if it has ended or was rotated already
 */
export async function rotateKey(
  { pool, hints }: Pick<UseCaseDeps, 'pool' | 'hints'>,
  caller: Principal,
  keyId: string,
  rotation: Rotation,
): Promise<MadeKey> {
  const made = await inTransaction(pool, async (db) => {
    const old = z.uuid().safeParse(keyId).success ? await keyForUpdate(db, keyId) : undefined;
    if (old === undefined || !isWithin(caller, old.offices)) throw notFound('key', keyId);
    return replace(db, caller.name, old, rotation);
  });
  forgetKeys(pool);
  await hints.publish({ hint: 'access' });
  return made;
}

/** The same in a transaction of the caller's, with `old` locked in it. @throws ApiProblem 409, 422 */
export async function replace(db: Queryable, actor: string, old: KeyRow, rotation: Rotation): Promise<MadeKey> {
  const nowMs = Date.now();
  await requireReplaceable(db, old, nowMs);
  const endMs = Math.min(nowMs + rotation.overlapMs, old.expires_at?.getTime() ?? Number.POSITIVE_INFINITY);
  const lastsMs = old.expires_at === null ? undefined : old.expires_at.getTime() - old.created_at.getTime();
  const { name, role, offices } = old;
  const expiresAt = rotation.expiresAt ?? (lastsMs === undefined ? undefined : new Date(nowMs + lastsMs));
  const made = await insertNewKey(db, actor, { name, role, offices, expiresAt });
  const end = { successor: made.row.key_id, expiresAt: new Date(endMs) };
  await replaceKey(db, old.key_id, end);
  const before = { expiresAt: old.expires_at };
  await audit(db, { actor, action: 'key.rotate', subject: `key:${old.key_id}`, before, after: end });
  return made;
}

async function requireReplaceable(db: Queryable, old: KeyRow, nowMs: number): Promise<void> {
  const hasExpired = old.expires_at !== null && old.expires_at.getTime() <= nowMs;
  if (old.revoked_at !== null || hasExpired) {
    throw new ApiProblem(409, 'key.ended', 'this key has ended; make a new one with POST /keys');
  }
  const next = old.successor === null ? undefined : await keyForUpdate(db, old.successor);
  if (next === undefined || next.revoked_at !== null) return;
  throw new ApiProblem(
    409,
    'key.rotated',
    `key ${next.key_id} takes its place already; revoke that one first if its secret was lost`,
  );
}

/** Revokes a key: in this process it ends at once. A revoked one stays as it is. @throws ApiProblem 404 */
export async function endKey(
  { pool, hints }: Pick<UseCaseDeps, 'pool' | 'hints'>,
  caller: Principal,
  keyId: string,
): Promise<void> {
  await inTransaction(pool, async (db) => {
    const row = z.uuid().safeParse(keyId).success ? await keyForUpdate(db, keyId) : undefined;
    if (row === undefined || !isWithin(caller, row.offices)) throw notFound('key', keyId);
    if (row.revoked_at !== null) return;
    await revokeKey(db, keyId);
    const { name, role, offices } = row;
    const entry = { actor: caller.name, action: 'key.revoke', subject: `key:${keyId}` };
    await audit(db, { ...entry, before: { name, role, offices, revoked: false }, after: { revoked: true } });
  });
  forgetKeys(pool);
  await hints.publish({ hint: 'access' });
}
