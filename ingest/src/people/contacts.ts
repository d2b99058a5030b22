import type { OfficeContacts } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { audit } from '../store/people/audit.ts';
import { contactsOf, putContacts } from '../store/people/contacts.ts';
import { getTrip } from '../store/trips/trips.ts';
import { requireOwnOffices } from './offices.ts';
import type { Principal } from './principal.ts';

/** The people of both offices of a trip, the origin's first; none where there is no trip. */
export async function contactsOfTrip(db: Queryable, tripId: string | null): Promise<OfficeContacts[]> {
  const trip = tripId === null ? undefined : await getTrip(db, tripId, null);
  if (trip === undefined) return [];
  const offices = [...new Set([trip.origin_office, trip.destination_office])];
  return Promise.all(offices.map(async (office) => ({ office, contacts: await contactsOf(db, office) })));
}

/** Names the people of an office, in the order in which they are called. @throws ApiProblem 403 */
export async function nameContacts(pool: Pool, caller: Principal, { office, contacts }: OfficeContacts): Promise<void> {
  requireOwnOffices(caller, [office]);
  await inTransaction(pool, async (db) => {
    const before = { contacts: await contactsOf(db, office) };
    await putContacts(db, office, contacts, caller.name);
    const entry = { actor: caller.name, action: 'office.contacts', subject: `office:${office}` };
    await audit(db, { ...entry, before, after: { contacts } });
  });
}
