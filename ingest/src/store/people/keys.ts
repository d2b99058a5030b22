import { randomUUID } from 'node:crypto';
import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

export interface KeyRow {
  key_id: string;
  name: string;
  role: Role;
  /** Offices it is bound to; null: none, it sees everything; `[]`: it sees nothing. */
  offices: string[] | null;
  /** The name under which it appears in the audit; no two keys have the same. */
  actor: string;
  created_at: Date;
  revoked_at: Date | null;
  /** When it ends by itself; null: never. */
  expires_at: Date | null;
  /** To five minutes; null: not yet. */
  last_used_at: Date | null;
  /** The key that takes its place. */
  successor: string | null;
}

const COLUMNS = 'key_id, name, role, offices, actor, created_at, revoked_at, expires_at, last_used_at, successor';

/** Of a key whose name another one appears under already, or that has none. */
const actorOf = (name: string, keyId: string) => (name === '' ? `key:${keyId}` : `key:${name}#${keyId}`);

export async function insertKey(
  db: Queryable,
  key: { name: string; role: Role; keyHash: Buffer; offices: string[] | null; expiresAt?: Date | undefined },
): Promise<KeyRow> {
  const keyId = randomUUID();
  const insert = async (actor: string) => {
    const { rows } = await db.query<KeyRow>(
      `INSERT INTO api_keys (key_id, name, role, key_hash, offices, actor, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (actor) DO NOTHING RETURNING ${COLUMNS}`,
      [keyId, key.name, key.role, key.keyHash, key.offices, actor, key.expiresAt ?? null],
    );
    return rows[0];
  };
  return (key.name === '' ? undefined : await insert(`key:${key.name}`)) ?? (await insert(actorOf(key.name, keyId)))!;
}

/** A key that was not revoked; whether it has expired is for the caller to see. */
export async function keyByHash(db: Queryable, keyHash: Buffer): Promise<KeyRow | undefined> {
  const { rows } = await db.query<KeyRow>(
    `SELECT ${COLUMNS} FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL`,
    [keyHash],
  );
  return rows[0];
}

/** Of all keys that are not revoked. */
export async function liveKeyHashes(db: Queryable): Promise<Buffer[]> {
  const { rows } = await db.query<{ key_hash: Buffer }>('SELECT key_hash FROM api_keys WHERE revoked_at IS NULL');
  return rows.map((row) => row.key_hash);
}

/** The key, locked until the end of the transaction. */
export async function keyForUpdate(db: Queryable, keyId: string): Promise<KeyRow | undefined> {
  const { rows } = await db.query<KeyRow>(`SELECT ${COLUMNS} FROM api_keys WHERE key_id = $1 FOR UPDATE`, [keyId]);
  return rows[0];
}

/** In the order of their ids; to people of some offices the keys that see no more than they do; null: all. */
export async function listKeys(
  db: Queryable,
  page: { offices: string[] | null; after?: string | undefined; limit: number },
): Promise<KeyRow[]> {
  const { rows } = await db.query<KeyRow>(
    `SELECT ${COLUMNS} FROM api_keys WHERE ($1::uuid IS NULL OR key_id > $1)
       AND ($3::text[] IS NULL OR offices <@ $3) ORDER BY key_id LIMIT $2`,
    [page.after ?? null, page.limit, page.offices],
  );
  return rows;
}

/** Names the key that takes the place of another one, and when that one ends. */
export async function replaceKey(
  db: Queryable,
  keyId: string,
  { successor, expiresAt }: { successor: string; expiresAt: Date },
): Promise<void> {
  await db.query('UPDATE api_keys SET successor = $2, expires_at = $3 WHERE key_id = $1', [
    keyId,
    successor,
    expiresAt,
  ]);
}

/** Notes that a key is in use, unless that was noted within the last five minutes. */
export async function noteKeyUse(db: Queryable, keyId: string): Promise<void> {
  await db.query(
    `UPDATE api_keys SET last_used_at = now() WHERE key_id = $1
       AND (last_used_at IS NULL OR last_used_at < now() - interval '5 minutes')`,
    [keyId],
  );
}

export async function revokeKey(db: Queryable, keyId: string): Promise<void> {
  await db.query('UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = $1', [keyId]);
}

/** Keys of the role `bridge` that are good. */
export async function countBridgeKeys(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM api_keys
     WHERE role = 'bridge' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
  );
  return rows[0]!.n;
}
