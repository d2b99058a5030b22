import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

/** Who is signed in, as the person stands now. */
export interface SignedRow {
  person_id: string;
  name: string;
  role: Role;
  /** Offices it is bound to; null: none, it sees everything; `[]`: it sees nothing. */
  offices: string[] | null;
}

const SIGNED = 'p.person_id, p.name, p.role, p.offices';

interface Ticket {
  tokenHash: Buffer;
  personId: string;
  expiresAt: Date;
}

export async function insertSession(db: Queryable, { tokenHash, personId, expiresAt }: Ticket): Promise<void> {
  await db.query('DELETE FROM sessions WHERE expires_at < now()');
  await db.query('INSERT INTO sessions (token_hash, person_id, expires_at) VALUES ($1, $2, $3)', [
    tokenHash,
    personId,
    expiresAt,
  ]);
}

/** The person of a session that lasts; undefined as well once the access of the person has ended. */
export async function sessionByHash(db: Queryable, tokenHash: Buffer): Promise<SignedRow | undefined> {
  const { rows } = await db.query<SignedRow>(
    `SELECT ${SIGNED} FROM sessions s JOIN people p USING (person_id)
     WHERE s.token_hash = $1 AND s.expires_at > now() AND p.disabled_at IS NULL`,
    [tokenHash],
  );
  return rows[0];
}

export async function deleteSession(db: Queryable, tokenHash: Buffer): Promise<void> {
  await db.query('DELETE FROM sessions WHERE token_hash = $1', [tokenHash]);
}

/** Ends every session of a person and every link that was not used. */
export async function endSignIns(db: Queryable, personId: string): Promise<void> {
  await db.query('DELETE FROM sessions WHERE person_id = $1', [personId]);
  await db.query('DELETE FROM sign_in_links WHERE person_id = $1 AND used_at IS NULL', [personId]);
}

export async function insertSignInLink(db: Queryable, { tokenHash, personId, expiresAt }: Ticket): Promise<void> {
  await db.query('INSERT INTO sign_in_links (token_hash, person_id, expires_at) VALUES ($1, $2, $3)', [
    tokenHash,
    personId,
    expiresAt,
  ]);
}

const GOOD_LINK = `l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > now()
  AND p.person_id = l.person_id AND p.disabled_at IS NULL`;

/** Uses a link up; only the first of several callers gets it, and nobody that of a person whose access has ended. */
export async function useSignInLink(db: Queryable, tokenHash: Buffer): Promise<SignedRow | undefined> {
  const { rows } = await db.query<SignedRow>(
    `UPDATE sign_in_links l SET used_at = now() FROM people p WHERE ${GOOD_LINK} RETURNING ${SIGNED}`,
    [tokenHash],
  );
  return rows[0];
}

/** Whether a link would sign somebody in; it is not used up. */
export async function isGoodLink(db: Queryable, tokenHash: Buffer): Promise<boolean> {
  const { rowCount } = await db.query(`SELECT FROM sign_in_links l, people p WHERE ${GOOD_LINK}`, [tokenHash]);
  return rowCount === 1;
}
