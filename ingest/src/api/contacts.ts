import { Contact, OfficeCode, OfficeContacts } from '@sealwatch/schemas';
import { z } from 'zod';
import { nameContacts } from '../people/contacts.ts';
import { EVERYONE, OFFICERS, READERS } from '../people/roles.ts';
import { contactsOf } from '../store/people/contacts.ts';
import { listOffices, type OfficeRow } from '../store/people/offices.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

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
      config: { roles: OFFICERS },
      schema: {
        tags: ['offices'],
        summary: 'Name the people of an office, in the order in which they are called',
        params,
        body: z.object({ contacts: z.array(Contact).max(20) }),
        response,
      },
    },
    async (request) => {
      const { office } = request.params;
      const { contacts } = request.body;
      await nameContacts(pool, callerOf(request), { office, contacts });
      return { office, contacts };
    },
  );
}
