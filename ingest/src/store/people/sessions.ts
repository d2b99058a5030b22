import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

export interface SessionRow {
  name: string;
  role: Role;
  offices: string[];
  expires_at: Date;
}

export async function insertSession(
  db: Queryable,
  session: { tokenHash: Buffer; name: string; role: Role; offices: string[]; expiresAt: Date },
): Promise<void> {
  await db.query('DELETE FROM sessions WHERE expires_at < now()');
  await db.query('INSERT INTO sessions (token_hash, name, role, offices, expires_at) VALUES ($1, $2, $3, $4, $5)', [
    session.tokenHash,
    session.name,
    session.role,
    session.offices,
    session.expiresAt,
  ]);
}

export async function sessionByHash(db: Queryable, tokenHash: Buffer): Promise<SessionRow | undefined> {
  const { rows } = await db.query<SessionRow>(
    'SELECT name, role, offices, expires_at FROM sessions WHERE token_hash = $1 AND expires_at > now()',
    [tokenHash],
  );
  return rows[0];
}

export async function deleteSession(db: Queryable, tokenHash: Buffer): Promise<void> {
  await db.query('DELETE FROM sessions WHERE token_hash = $1', [tokenHash]);
}

export async function insertSignInLink(
  db: Queryable,
  link: { tokenHash: Buffer; name: string; role: Role; expiresAt: Date },
): Promise<void> {
  await db.query('INSERT INTO sign_in_links (token_hash, name, role, expires_at) VALUES ($1, $2, $3, $4)', [
    link.tokenHash,
    link.name,
    link.role,
    link.expiresAt,
  ]);
}

/** Uses a link up; only the first of several callers gets it. */
export async function useSignInLink(
  db: Queryable,
  tokenHash: Buffer,
): Promise<{ name: string; role: Role } | undefined> {
  const { rows } = await db.query<{ name: string; role: Role }>(
    `UPDATE sign_in_links SET used_at = now()
     WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now() RETURNING name, role`,
    [tokenHash],
  );
  return rows[0];
}
