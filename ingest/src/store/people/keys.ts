import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

export interface KeyRow {
  key_id: string;
  name: string;
  role: Role;
  offices: string[];
  created_at: Date;
  revoked_at: Date | null;
}

const COLUMNS = 'key_id, name, role, offices, created_at, revoked_at';

export async function insertKey(
  db: Queryable,
  key: { name: string; role: Role; keyHash: Buffer; offices: string[] },
): Promise<KeyRow> {
  const { rows } = await db.query<KeyRow>(
    `INSERT INTO api_keys (name, role, key_hash, offices) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
    [key.name, key.role, key.keyHash, key.offices],
  );
  return rows[0]!;
}

export async function keyByHash(db: Queryable, keyHash: Buffer): Promise<KeyRow | undefined> {
  const { rows } = await db.query<KeyRow>(
    `SELECT ${COLUMNS} FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL`,
    [keyHash],
  );
  return rows[0];
}

/** The key, locked until the end of the transaction. */
export async function keyForUpdate(db: Queryable, keyId: string): Promise<KeyRow | undefined> {
  const { rows } = await db.query<KeyRow>(`SELECT ${COLUMNS} FROM api_keys WHERE key_id = $1 FOR UPDATE`, [keyId]);
  return rows[0];
}

/** In the order of their ids; to people of some offices the keys that see no more than they do, `[]`: all. */
export async function listKeys(
  db: Queryable,
  page: { offices: string[]; after?: string | undefined; limit: number },
): Promise<KeyRow[]> {
  const { rows } = await db.query<KeyRow>(
    `SELECT ${COLUMNS} FROM api_keys WHERE ($1::uuid IS NULL OR key_id > $1)
       AND ($3::text[] = '{}' OR (offices <> '{}' AND offices <@ $3)) ORDER BY key_id LIMIT $2`,
    [page.after ?? null, page.limit, page.offices],
  );
  return rows;
}

export async function revokeKey(db: Queryable, keyId: string): Promise<void> {
  await db.query('UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = $1', [keyId]);
}
