import { Contact, OfficeCode, OfficeContacts } from '@sealwatch/schemas';
import { z } from 'zod';
import { requireOwnOffices } from '../people/offices.ts';
import { EVERYONE, READERS } from '../people/roles.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { audit } from '../store/people/audit.ts';
import { contactsOf, putContacts } from '../store/people/contacts.ts';
import { listOffices, type OfficeRow } from '../store/people/offices.ts';
import { getTrip } from '../store/trips/trips.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

/** The people of both offices of a trip, the origin's first; none where there is no trip. */
export async function contactsOfTrip(db: Queryable, tripId: string | null): Promise<OfficeContacts[]> {
  const trip = tripId === null ? undefined : await getTrip(db, tripId, []);
  if (trip === undefined) return [];
  const offices = [...new Set([trip.origin_office, trip.destination_office])];
  return Promise.all(offices.map(async (office) => ({ office, contacts: await contactsOf(db, office) })));
}

const OfficeView = z.object({ office: OfficeCode, nameZh: z.string(), nameEn: z.string() });

const officeOf = ({ code, name_zh: nameZh, name_en: nameEn }: OfficeRow) => ({ office: code, nameZh, nameEn });

export function contactRoutes(app: Api, { pool }: ApiDeps): void {
  app.get(
    '/offices',
    {
      config: { roles: EVERYONE },
      schema: {
        tags: ['offices'],
        summary: 'The table of customs offices; empty where none was loaded',
        querystring: z.object(Page),
        response: answers({ 200: listOf(OfficeView) }),
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const rows = await listOffices(pool, { after: keysOf(cursor, z.string()), limit: limit + 1 });
      return pageOf(rows, limit, officeOf, (row) => row.code);
    },
  );
  const params = z.object({ office: OfficeCode });
  const response = answers({ 200: OfficeContacts });
  app.get(
    '/offices/:office/contacts',
    {
      config: { roles: READERS },
      schema: { tags: ['offices'], summary: 'Whom to call at an office (互设联络员)', params, response },
    },
    async (request) => ({ office: request.params.office, contacts: await contactsOf(pool, request.params.office) }),
  );
  app.put(
    '/offices/:office/contacts',
    {
      config: { roles: ['supervisor', 'admin'] },
      schema: {
        tags: ['offices'],
        summary: 'Name the people of an office, in the order in which they are called',
        params,
        body: z.object({ contacts: z.array(Contact).max(20) }),
        response,
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { office } = request.params;
      const { contacts } = request.body;
      requireOwnOffices(caller, [office]);
      await inTransaction(pool, async (db) => {
        const before = { contacts: await contactsOf(db, office) };
        await putContacts(db, office, contacts, caller.name);
        const entry = { actor: caller.name, action: 'office.contacts', subject: `office:${office}` };
        await audit(db, { ...entry, before, after: { contacts } });
      });
      return { office, contacts };
    },
  );
}
