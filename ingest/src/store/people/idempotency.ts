import type { Queryable } from '../../postgres/queryable.ts';

/** An unfinished call older than this was cut off; its key may be used again. */
const ABANDONED = `interval '2 minutes'`;
const KEPT = `interval '24 hours'`;

export interface Remembered {
  requestHash: Buffer;
  /** Absent while the first call is still at work. */
  status?: number;
  body?: string;
}

/** Takes a key for a call. @returns what is known of an earlier call, or undefined where this is the first */
export async function claimKey(
  db: Queryable,
  claim: { principal: string; key: string; requestHash: Buffer },
): Promise<Remembered | undefined> {
  const { rowCount } = await db.query(
    `INSERT INTO idempotency AS i (principal, key, request_hash) VALUES ($1, $2, $3)
     ON CONFLICT (principal, key) DO UPDATE SET request_hash = $3, status = NULL, body = NULL, created_at = now()
       WHERE i.created_at < now() - ${KEPT} OR (i.status IS NULL AND i.created_at < now() - ${ABANDONED})`,
    [claim.principal, claim.key, claim.requestHash],
  );
  if (rowCount === 1) return undefined;
  const { rows } = await db.query<{ request_hash: Buffer; status: number | null; body: { sealed: string } | null }>(
    'SELECT request_hash, status, body FROM idempotency WHERE principal = $1 AND key = $2',
    [claim.principal, claim.key],
  );
  const row = rows[0];
  // Released between the two statements: the caller is asked to repeat the call.
  if (row === undefined) return { requestHash: claim.requestHash };
  return {
    requestHash: row.request_hash,
    ...(row.status === null ? {} : { status: row.status }),
    ...(row.body === null ? {} : { body: row.body.sealed }),
  };
}

export async function rememberAnswer(
  db: Queryable,
  answer: { principal: string; key: string; status: number; body: string },
): Promise<void> {
  await db.query('UPDATE idempotency SET status = $3, body = $4 WHERE principal = $1 AND key = $2', [
    answer.principal,
    answer.key,
    answer.status,
    { sealed: answer.body },
  ]);
  await db.query(
    `DELETE FROM idempotency WHERE (principal, key) IN
       (SELECT principal, key FROM idempotency WHERE created_at < now() - ${KEPT} LIMIT 100)`,
  );
}

/** The call failed through no fault of the caller's: it may be tried again under the same key. */
export async function releaseKey(db: Queryable, principal: string, key: string): Promise<void> {
  await db.query('DELETE FROM idempotency WHERE principal = $1 AND key = $2 AND status IS NULL', [principal, key]);
}
