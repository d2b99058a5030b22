import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

/** Who is signed in, as the person stands now. */
export interface SignedRow {
  person_id: string;
  name: string;
  role: Role;
  /** Offices it is bound to; null: none, it sees everything; `[]`: it sees nothing. */
  offices: string[] | null;
  /** Whether a second factor was enrolled and confirmed. */
  has_second_factor: boolean;
}

const SIGNED = `p.person_id, p.name, p.role, p.offices, EXISTS (SELECT FROM second_factors f
  WHERE f.person_id = p.person_id AND f.confirmed_at IS NOT NULL) AS has_second_factor`;

/** How a session was opened, and from where. */
export interface SignedFrom {
  method: 'password' | 'link' | 'provider';
  address: string;
  /** The browser's own words. */
  agent: string;
}

export interface SessionRow extends SignedFrom {
  session_id: string;
  created_at: Date;
  /** To the minute. */
  last_used_at: Date;
  expires_at: Date;
}

/** A session with its person. */
export interface OpenSessionRow extends SignedRow, Pick<SessionRow, 'session_id' | 'last_used_at' | 'expires_at'> {
  /** Whether the second factor was shown in it. */
  second_factor: boolean;
}

interface Ticket {
  tokenHash: Buffer;
  personId: string;
  expiresAt: Date;
}

export async function insertSession(
  db: Queryable,
  session: Ticket & SignedFrom & { secondFactor: boolean },
): Promise<void> {
  await db.query('DELETE FROM sessions WHERE expires_at < now()');
  const { tokenHash, personId, expiresAt, method, address, agent, secondFactor } = session;
  await db.query(
    `INSERT INTO sessions (token_hash, person_id, expires_at, method, address, agent, second_factor)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [tokenHash, personId, expiresAt, method, address, agent, secondFactor],
  );
}

/** The person of a session that lasts; undefined as well once the access of the person has ended. */
export async function sessionByHash(db: Queryable, tokenHash: Buffer): Promise<OpenSessionRow | undefined> {
  const { rows } = await db.query<OpenSessionRow>(
    `SELECT ${SIGNED}, s.session_id, s.last_used_at, s.expires_at, s.second_factor FROM sessions s JOIN people p USING (person_id)
     WHERE s.token_hash = $1 AND s.expires_at > now() AND p.disabled_at IS NULL`,
    [tokenHash],
  );
  return rows[0];
}

/** Notes that a session is in use, unless that was noted within the last minute. */
export async function noteSessionUse(db: Queryable, sessionId: string): Promise<void> {
  await db.query(
    `UPDATE sessions SET last_used_at = now() WHERE session_id = $1 AND last_used_at < now() - interval '1 minute'`,
    [sessionId],
  );
}

/** Its second factor was shown: it goes on under another token. @returns false where it has ended */
export async function finishSession(
  db: Queryable,
  sessionId: string,
  { tokenHash, expiresAt }: Pick<Ticket, 'tokenHash' | 'expiresAt'>,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE sessions SET token_hash = $2, expires_at = $3, second_factor = true, wrong_codes = 0
     WHERE session_id = $1 AND expires_at > now()`,
    [sessionId, tokenHash, expiresAt],
  );
  return rowCount === 1;
}

/** Counts a wrong code in a session. @returns whether it was ended by it */
export async function countWrongCode(db: Queryable, sessionId: string, atMost: number): Promise<boolean> {
  const { rows } = await db.query<{ wrong_codes: number }>(
    'UPDATE sessions SET wrong_codes = wrong_codes + 1 WHERE session_id = $1 RETURNING wrong_codes',
    [sessionId],
  );
  if ((rows[0]?.wrong_codes ?? 0) < atMost) return false;
  await db.query('DELETE FROM sessions WHERE session_id = $1', [sessionId]);
  return true;
}

/** The sessions of a person that last, the one used last first. */
export async function listSessions(db: Queryable, personId: string, limit: number): Promise<SessionRow[]> {
  const { rows } = await db.query<SessionRow>(
    `SELECT session_id, method, address, agent, created_at, last_used_at, expires_at FROM sessions
     WHERE person_id = $1 AND expires_at > now() ORDER BY last_used_at DESC, session_id LIMIT $2`,
    [personId, limit],
  );
  return rows;
}

/** @returns the session that was ended; undefined where the person has none of this id */
export async function endSession(db: Queryable, personId: string, sessionId: string): Promise<SessionRow | undefined> {
  const { rows } = await db.query<SessionRow>(
    'DELETE FROM sessions WHERE person_id = $1 AND session_id = $2 RETURNING *',
    [personId, sessionId],
  );
  return rows[0];
}

/** Ends the sessions of a person but for one. @returns how many that lasted were ended */
export async function endOtherSessions(db: Queryable, personId: string, kept: string | null): Promise<number> {
  const { rows } = await db.query<{ lasted: boolean }>(
    `DELETE FROM sessions WHERE person_id = $1 AND session_id IS DISTINCT FROM $2::uuid RETURNING expires_at > now() AS lasted`,
    [personId, kept],
  );
  return rows.filter(({ lasted }) => lasted).length;
}

/** Ends every link of a person that was not used. */
export async function endLinks(db: Queryable, personId: string): Promise<void> {
  await db.query('DELETE FROM sign_in_links WHERE person_id = $1 AND used_at IS NULL', [personId]);
}

export async function deleteSession(db: Queryable, tokenHash: Buffer): Promise<void> {
  await db.query('DELETE FROM sessions WHERE token_hash = $1', [tokenHash]);
}

/** Ends every session of a person and every link that was not used. */
export async function endSignIns(db: Queryable, personId: string): Promise<void> {
  await db.query('DELETE FROM sessions WHERE person_id = $1', [personId]);
  await endLinks(db, personId);
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
