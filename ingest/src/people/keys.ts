import type { Role } from '@sealwatch/schemas';
import { z } from 'zod';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { notFound } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { insertKey, type KeyRow, keyForUpdate, revokeKey } from '../store/people/keys.ts';
import { isWithin, requireOwnOffices } from './offices.ts';
import { forgetKeys, type Principal } from './principal.ts';
import { hashSecret, newApiKey } from './secret.ts';

/** Makes an API key; only its hash is stored. @throws ApiProblem 403 beyond the caller's offices */
export async function makeKey(
  { pool }: Pick<UseCaseDeps, 'pool'>,
  caller: Principal,
  asked: { name: string; role: Role; offices: string[] | null },
): Promise<{ row: KeyRow; key: string }> {
  requireOwnOffices(caller, asked.offices);
  const key = newApiKey();
  const row = await inTransaction(pool, async (db) => {
    const inserted = await insertKey(db, { ...asked, keyHash: hashSecret(key) });
    await audit(db, { actor: caller.name, action: 'key.create', subject: `key:${inserted.key_id}`, after: asked });
    return inserted;
  });
  return { row, key };
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
