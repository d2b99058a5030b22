import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

export interface PersonRow {
  person_id: string;
  name: string;
  role: Role;
  password_hash: string | null;
  offices: string[];
  created_at: Date;
  disabled_at: Date | null;
}

/** @returns undefined where the name is taken */
export async function insertPerson(
  db: Queryable,
  person: { name: string; role: Role; passwordHash?: string | undefined; offices: string[] },
): Promise<PersonRow | undefined> {
  const { rows } = await db.query<PersonRow>(
    `INSERT INTO people (name, role, password_hash, offices) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO NOTHING RETURNING *`,
    [person.name, person.role, person.passwordHash ?? null, person.offices],
  );
  return rows[0];
}

/** A person who may act now. */
export async function activePerson(db: Queryable, name: string): Promise<PersonRow | undefined> {
  const { rows } = await db.query<PersonRow>('SELECT * FROM people WHERE name = $1 AND disabled_at IS NULL', [name]);
  return rows[0];
}

/** Whether a person's access has ended; one who is not on file never had any to end. */
export async function isDisabled(db: Queryable, name: string): Promise<boolean> {
  const { rows } = await db.query<{ gone: boolean }>(
    'SELECT EXISTS (SELECT 1 FROM people WHERE name = $1 AND disabled_at IS NOT NULL) AS gone',
    [name],
  );
  return rows[0]?.gone ?? false;
}

/** In the order of their names; to people of some offices those who see no more than they do, `[]`: all. */
export async function listPeople(
  db: Queryable,
  page: { offices: string[]; after?: string | undefined; limit: number },
): Promise<PersonRow[]> {
  const { rows } = await db.query<PersonRow>(
    `SELECT * FROM people WHERE ($1::text IS NULL OR name > $1)
       AND ($3::text[] = '{}' OR (offices <> '{}' AND offices <@ $3)) ORDER BY name LIMIT $2`,
    [page.after ?? null, page.limit, page.offices],
  );
  return rows;
}

/** Ends a person's access at once, open sessions included. */
export async function disablePerson(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query('UPDATE people SET disabled_at = coalesce(disabled_at, now()) WHERE name = $1', [
    name,
  ]);
  await db.query('DELETE FROM sessions WHERE name = $1', [name]);
  return rowCount === 1;
}

/** Whether anybody could sign in at all. */
export async function hasPeople(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ some: boolean }>('SELECT EXISTS (SELECT 1 FROM people) AS some');
  return rows[0]?.some ?? false;
}
