import type { Role } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

export interface PersonRow {
  person_id: string;
  name: string;
  role: Role;
  password_hash: string | null;
  /** Offices it is bound to; null: none, it sees everything; `[]`: it sees nothing. */
  offices: string[] | null;
  created_at: Date;
  disabled_at: Date | null;
  /** Whether a second factor was enrolled and confirmed. */
  has_second_factor: boolean;
  /** Whether it is somebody of the OpenID provider: role and offices are the provider's. */
  from_provider: boolean;
}

const COLUMNS = `p.*, EXISTS (SELECT FROM second_factors f
  WHERE f.person_id = p.person_id AND f.confirmed_at IS NOT NULL) AS has_second_factor,
  EXISTS (SELECT FROM person_identities i WHERE i.person_id = p.person_id) AS from_provider`;

/** @returns undefined where the name is taken */
export async function insertPerson(
  db: Queryable,
  person: { name: string; role: Role; passwordHash?: string | undefined; offices: string[] | null },
): Promise<PersonRow | undefined> {
  const { rows } = await db.query<PersonRow>(
    `INSERT INTO people AS p (name, role, password_hash, offices) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO NOTHING RETURNING ${COLUMNS}`,
    [person.name, person.role, person.passwordHash ?? null, person.offices],
  );
  return rows[0];
}

/** A person who may act now. */
export async function activePerson(db: Queryable, name: string): Promise<PersonRow | undefined> {
  const { rows } = await db.query<PersonRow>(
    `SELECT ${COLUMNS} FROM people p WHERE p.name = $1 AND p.disabled_at IS NULL`,
    [name],
  );
  return rows[0];
}

/** The person, also one whose access has ended, locked until the end of the transaction. */
export async function personForUpdate(db: Queryable, name: string): Promise<PersonRow | undefined> {
  const { rows } = await db.query<PersonRow>(`SELECT ${COLUMNS} FROM people p WHERE p.name = $1 FOR UPDATE`, [name]);
  return rows[0];
}

/** In the order of their names; to people of some offices those who see no more than they do; null: all. */
export async function listPeople(
  db: Queryable,
  page: { offices: string[] | null; after?: string | undefined; limit: number },
): Promise<PersonRow[]> {
  const { rows } = await db.query<PersonRow>(
    `SELECT ${COLUMNS} FROM people p WHERE ($1::text IS NULL OR p.name > $1)
       AND ($3::text[] IS NULL OR p.offices <@ $3) ORDER BY p.name LIMIT $2`,
    [page.after ?? null, page.limit, page.offices],
  );
  return rows;
}

/** How many people of these roles, with access, have no second factor. */
export async function countWithoutFactor(db: Queryable, roles: readonly Role[]): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM people p WHERE p.role = ANY($1) AND p.disabled_at IS NULL
       AND NOT EXISTS (SELECT FROM second_factors f WHERE f.person_id = p.person_id AND f.confirmed_at IS NOT NULL)`,
    [roles],
  );
  return rows[0]?.n ?? 0;
}

/** Writes what of a person may change. @returns the person as it stands then */
export async function updatePerson(
  db: Queryable,
  { person_id, role, offices, password_hash, disabled_at }: PersonRow,
): Promise<PersonRow> {
  const { rows } = await db.query<PersonRow>(
    `UPDATE people p SET role = $2, offices = $3, password_hash = $4, disabled_at = $5 WHERE p.person_id = $1
     RETURNING ${COLUMNS}`,
    [person_id, role, offices, password_hash, disabled_at],
  );
  return rows[0]!;
}

/**
 * Whether there is anybody at all but the person of this name, who counts only with a password, with a session that lasts,
 * or once its access has ended.
 */
export async function hasPeopleBeside(db: Queryable, name: string): Promise<boolean> {
  const { rows } = await db.query<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM people p WHERE p.name <> $1 OR p.password_hash IS NOT NULL OR p.disabled_at IS NOT NULL
       OR EXISTS (SELECT FROM sessions s WHERE s.person_id = p.person_id AND s.expires_at > now())) AS some`,
    [name],
  );
  return rows[0]?.some ?? false;
}

/** Whether there is an administrator of another name, or one of this name has ever signed in. */
export async function hasAdminBeside(db: Queryable, name: string): Promise<boolean> {
  const { rows } = await db.query<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM people WHERE role = 'admin' AND (name <> $1 OR signed_in_at IS NOT NULL)) AS some`,
    [name],
  );
  return rows[0]?.some ?? false;
}
