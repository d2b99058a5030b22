import type { LockCertificate, LockSignIn } from '@sealwatch/schemas';
import type { CertificateMark, LockAccess } from '../../ports.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import { IS_PENDING } from './commands.ts';

interface AccessRow {
  lock_id: string;
  sign_in: LockSignIn;
  secret_hash: Buffer;
  secret_until: Date | null;
  next_secret_hash: Buffer | null;
  certificate_pins: string[];
  revoked: CertificateMark[];
}

/** Of locks that may connect; unknown and retired ones are left out. */
export async function lockAccess(db: Queryable, lockIds: string[]): Promise<Map<string, LockAccess>> {
  const { rows } = await db.query<AccessRow>(
    `SELECT l.lock_id, l.sign_in, l.secret_hash, l.secret_until, l.next_secret_hash, l.certificate_pins,
       coalesce((SELECT json_agg(json_build_object('kind', r.kind, 'value', r.value)) FROM revoked_certificates r
         WHERE r.lock_id = l.lock_id), '[]'::json) AS revoked
     FROM locks l WHERE l.lock_id = ANY($1) AND l.retired_at IS NULL`,
    [lockIds],
  );
  return new Map(rows.map((row) => [row.lock_id, accessOf(row)]));
}

const accessOf = (row: AccessRow): LockAccess => ({
  signIn: row.sign_in,
  secretHash: row.secret_hash,
  ...(row.secret_until === null ? {} : { secretUntilMs: row.secret_until.getTime() }),
  ...(row.next_secret_hash === null ? {} : { nextSecretHash: row.next_secret_hash }),
  pins: row.certificate_pins,
  revoked: row.revoked,
});

/** What is said of a lock's access; secrets and their hashes are no part of it. */
export interface AccessOnFile {
  sign_in: LockSignIn;
  certificate_pins: string[];
  certificate: LockCertificate | null;
  /** A new secret waits for the lock to sign in with it. */
  secret_waits: boolean;
  revoked: (CertificateMark & { reason: string; revokedAt: string; revokedBy: string })[];
}

export async function accessOnFile(db: Queryable, lockId: string): Promise<AccessOnFile> {
  const { rows } = await db.query<AccessOnFile>(
    `SELECT l.sign_in, l.certificate_pins, l.certificate, l.next_secret_hash IS NOT NULL AS secret_waits,
       coalesce((SELECT json_agg(json_build_object('kind', r.kind, 'value', r.value, 'reason', r.reason,
           'revokedAt', to_char(r.revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'revokedBy', r.revoked_by)
           ORDER BY r.revoked_at)
         FROM revoked_certificates r WHERE r.lock_id = l.lock_id), '[]'::json) AS revoked
     FROM locks l WHERE l.lock_id = $1`,
    [lockId],
  );
  return rows[0]!;
}

export async function setSignIn(
  db: Queryable,
  lockId: string,
  to: { signIn: LockSignIn; pins: string[] },
): Promise<void> {
  await db.query('UPDATE locks SET sign_in = $2, certificate_pins = $3 WHERE lock_id = $1', [
    lockId,
    to.signIn,
    to.pins,
  ]);
}

/** False where it was revoked before. */
export async function revokeCertificate(
  db: Queryable,
  lockId: string,
  { kind, value, reason, by }: CertificateMark & { reason: string; by: string },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO revoked_certificates (lock_id, kind, value, reason, revoked_by) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT DO NOTHING`,
    [lockId, kind, value, reason, by],
  );
  return rowCount === 1;
}

const NO_NEXT = 'next_secret_hash = NULL, next_secret_sealed = NULL, secret_overlap_s = NULL, secret_until = NULL';

/** Another secret, at once: the one before it, and one on its way to the lock, are good no longer. */
export async function replaceSecret(db: Queryable, lockId: string, secretHash: Buffer): Promise<void> {
  await db.query(`UPDATE locks SET secret_hash = $2, ${NO_NEXT} WHERE lock_id = $1`, [lockId, secretHash]);
}

/** Puts a new secret beside the one that a lock has, in place of one that is on its way already. */
export async function offerSecret(
  db: Queryable,
  lockId: string,
  offer: { hash: Buffer; sealed: Buffer },
): Promise<void> {
  await db.query('UPDATE locks SET next_secret_hash = $2, next_secret_sealed = $3 WHERE lock_id = $1', [
    lockId,
    offer.hash,
    offer.sealed,
  ]);
}

/** @param overlapS how long the secret is good once the lock says that it keeps the new one; undefined: until it signs in with that */
export async function setOverlap(db: Queryable, lockId: string, overlapS: number | undefined): Promise<void> {
  await db.query('UPDATE locks SET secret_overlap_s = $2, secret_until = NULL WHERE lock_id = $1', [
    lockId,
    overlapS ?? null,
  ]);
}

/** The secret on its way to a lock, sealed; undefined: there is none any more. */
export async function sealedSecret(db: Queryable, lockId: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ next_secret_sealed: Buffer | null }>(
    'SELECT next_secret_sealed FROM locks WHERE lock_id = $1',
    [lockId],
  );
  return rows[0]?.next_secret_sealed ?? undefined;
}

/**
 * A lock has replied that it keeps its new secret: from now on the overlap counts. The command is not done before the lock has
 * signed in with it.
 * @returns false where no such command of the lock waits for a reply
 */
export async function secretKept(db: Queryable, lockId: string, commandId: string, now: Date): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE locks l SET secret_until = coalesce(l.secret_until, $3::timestamptz + make_interval(secs => l.secret_overlap_s))
     FROM commands c WHERE c.command_id = $2 AND c.lock_id = $1 AND c.type = 'secret' AND c.${IS_PENDING} AND l.lock_id = $1`,
    [lockId, commandId, now],
  );
  return rowCount === 1;
}

/**
 * A lock has signed in with its new secret: it is the one from now on, and the commands that brought it are done.
 * @returns false where another secret has taken its place meanwhile
 */
export async function confirmSecret(db: Queryable, lockId: string, hash: Buffer): Promise<boolean> {
  const { rowCount } = await db.query(
    `WITH changed AS (UPDATE locks SET secret_hash = next_secret_hash, ${NO_NEXT}
       WHERE lock_id = $1 AND next_secret_hash = $2 AND retired_at IS NULL RETURNING lock_id),
     ended AS (UPDATE commands c SET state = 'done', ended_at = clock_timestamp(), reason = NULL FROM changed
       WHERE c.lock_id = changed.lock_id AND c.type = 'secret' AND c.${IS_PENDING} RETURNING c.command_id)
     INSERT INTO audit (at, actor, action, subject, after)
     SELECT clock_timestamp(), 'lock:' || lock_id, 'lock.secret-confirmed', 'lock:' || lock_id,
       jsonb_build_object('commandIds', coalesce((SELECT json_agg(command_id) FROM ended), '[]'::json)) FROM changed`,
    [lockId, hash],
  );
  return rowCount === 1;
}

/** Notes the certificate that a lock has signed in with. */
export async function noteCertificate(db: Queryable, lockId: string, certificate: LockCertificate): Promise<void> {
  await db.query(
    `UPDATE locks SET certificate = $2 WHERE lock_id = $1 AND certificate ->> 'sha256' IS DISTINCT FROM $2::jsonb ->> 'sha256'`,
    [lockId, JSON.stringify(certificate)],
  );
}
