import type { Queryable } from '../../postgres/queryable.ts';

export interface SecondFactorRow {
  person_id: string;
  /** Sealed. */
  secret: Buffer;
  created_at: Date;
  confirmed_at: Date | null;
  /** The time step of the last code that was taken (pg gives a bigint as text or number). */
  last_step: string | number;
}

/** The secret of somebody who enrols, in the place of one that was not confirmed. @returns false if one was confirmed */
export async function putSecondFactor(db: Queryable, personId: string, secret: Buffer): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO second_factors AS f (person_id, secret) VALUES ($1, $2)
     ON CONFLICT (person_id) DO UPDATE SET secret = $2, created_at = now(), last_step = 0 WHERE f.confirmed_at IS NULL`,
    [personId, secret],
  );
  return rowCount === 1;
}

/** Locked until the end of the transaction. */
export async function secondFactorForUpdate(db: Queryable, personId: string): Promise<SecondFactorRow | undefined> {
  const { rows } = await db.query<SecondFactorRow>('SELECT * FROM second_factors WHERE person_id = $1 FOR UPDATE', [
    personId,
  ]);
  return rows[0];
}

/** Notes the time step of a code that was taken, with which the second factor is confirmed if it was not. */
export async function noteStep(db: Queryable, personId: string, step: number): Promise<void> {
  await db.query(
    'UPDATE second_factors SET last_step = $2, confirmed_at = coalesce(confirmed_at, now()) WHERE person_id = $1',
    [personId, step],
  );
}

/** New recovery codes in the place of all of before. */
export async function putRecoveryCodes(db: Queryable, personId: string, hashes: Buffer[]): Promise<void> {
  await db.query('DELETE FROM recovery_codes WHERE person_id = $1', [personId]);
  await db.query('INSERT INTO recovery_codes (person_id, code_hash) SELECT $1, unnest($2::bytea[])', [
    personId,
    hashes,
  ]);
}

/** @returns whether there was such a code that nobody had used */
export async function useRecoveryCode(db: Queryable, personId: string, hash: Buffer): Promise<boolean> {
  const { rowCount } = await db.query(
    'UPDATE recovery_codes SET used_at = now() WHERE person_id = $1 AND code_hash = $2 AND used_at IS NULL',
    [personId, hash],
  );
  return rowCount === 1;
}

export async function recoveryCodesLeft(db: Queryable, personId: string): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM recovery_codes WHERE person_id = $1 AND used_at IS NULL',
    [personId],
  );
  return rows[0]?.n ?? 0;
}

/** Takes the second factor away, from open sessions too. @returns whether one had been confirmed */
export async function removeSecondFactor(db: Queryable, personId: string): Promise<boolean> {
  await db.query('DELETE FROM recovery_codes WHERE person_id = $1', [personId]);
  await db.query('UPDATE sessions SET second_factor = false WHERE person_id = $1', [personId]);
  const { rows } = await db.query<{ confirmed: boolean }>(
    'DELETE FROM second_factors WHERE person_id = $1 RETURNING confirmed_at IS NOT NULL AS confirmed',
    [personId],
  );
  return rows[0]?.confirmed ?? false;
}
