import type { Queryable } from '../../postgres/queryable.ts';

/** Two sign-ins of one identity wait for each other until the end of the transaction. */
export async function lockIdentity(db: Queryable, issuer: string, subject: string): Promise<void> {
  await db.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [JSON.stringify([issuer, subject])]);
}

/** @returns the name of the person of an identity */
export async function nameByIdentity(db: Queryable, issuer: string, subject: string): Promise<string | undefined> {
  const { rows } = await db.query<{ name: string }>(
    'SELECT p.name FROM person_identities i JOIN people p USING (person_id) WHERE i.issuer = $1 AND i.subject = $2',
    [issuer, subject],
  );
  return rows[0]?.name;
}

export async function insertIdentity(
  db: Queryable,
  identity: { issuer: string; subject: string; personId: string },
): Promise<void> {
  await db.query('INSERT INTO person_identities (issuer, subject, person_id) VALUES ($1, $2, $3)', [
    identity.issuer,
    identity.subject,
    identity.personId,
  ]);
}
