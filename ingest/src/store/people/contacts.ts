import type { Contact } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

/** Whom to call at an office, in the order in which they are called. */
export async function contactsOf(db: Queryable, office: string): Promise<Contact[]> {
  const { rows } = await db.query<{ contacts: Contact[] }>('SELECT contacts FROM office_contacts WHERE office = $1', [
    office,
  ]);
  return rows[0]?.contacts ?? [];
}

export async function putContacts(db: Queryable, office: string, contacts: Contact[], by: string): Promise<void> {
  await db.query(
    `INSERT INTO office_contacts (office, contacts, updated_by) VALUES ($1, $2, $3)
     ON CONFLICT (office) DO UPDATE SET contacts = excluded.contacts, updated_by = excluded.updated_by, updated_at = now()`,
    [office, JSON.stringify(contacts), by],
  );
}
