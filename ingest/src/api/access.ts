import { OfficeCode, Role, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { endKey, makeKey } from '../people/keys.ts';
import { addPerson, endAccess } from '../people/persons.ts';
import { ADMINS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { type KeyRow, listKeys } from '../store/people/keys.ts';
import { listPeople, type PersonRow } from '../store/people/people.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const Offices = z.array(OfficeCode).max(100).default([]);
/** The audit prefixes the name of a key with `key:`, so that no person can look like one. */
const PersonName = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}:]+$/u, 'a name has no colon and no control characters');

const NewPerson = z.object({
  name: PersonName,
  role: Role,
  offices: Offices,
  password: z.string().min(12, 'expected at least 12 characters').max(1_000).optional(),
});
const PersonView = z.object({
  name: z.string(),
  role: Role,
  offices: z.array(z.string()),
  createdAt: Time,
  disabledAt: Time.optional(),
});
const KeyView = z.object({
  keyId: z.string(),
  name: z.string(),
  role: Role,
  offices: z.array(z.string()),
  createdAt: Time,
  revokedAt: Time.optional(),
});

const personOf = (row: PersonRow) => ({
  name: row.name,
  role: row.role,
  offices: row.offices,
  createdAt: isoOf(row.created_at),
  ...(row.disabled_at === null ? {} : { disabledAt: isoOf(row.disabled_at) }),
});

const keyOf = (row: KeyRow) => ({
  keyId: row.key_id,
  name: row.name,
  role: row.role,
  offices: row.offices,
  createdAt: isoOf(row.created_at),
  ...(row.revoked_at === null ? {} : { revokedAt: isoOf(row.revoked_at) }),
});

export function accessRoutes(app: Api, deps: ApiDeps): void {
  people(app, deps);
  keys(app, deps);
}

function people(app: Api, { pool }: ApiDeps): void {
  app.post(
    '/users',
    {
      config: { roles: ADMINS, creates: true },
      schema: {
        tags: ['access'],
        summary: 'Add a person; without a password a one-time sign-in link is answered',
        body: NewPerson,
        response: answers({ 201: PersonView.extend({ signIn: z.string().optional() }) }),
      },
    },
    async (request, reply) => {
      const { row, signIn } = await addPerson(pool, callerOf(request), request.body);
      return reply.code(201).send({ ...personOf(row), ...(signIn === undefined ? {} : { signIn }) });
    },
  );
  app.get(
    '/users',
    {
      config: { roles: ADMINS },
      schema: { tags: ['access'], querystring: z.object(Page), response: answers({ 200: listOf(PersonView) }) },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const { offices } = callerOf(request);
      const rows = await listPeople(pool, { offices, after: keysOf(cursor, z.string()), limit: limit + 1 });
      return pageOf(rows, limit, personOf, (row) => row.name);
    },
  );
  app.delete(
    '/users/:name',
    {
      config: { roles: ADMINS },
      schema: { tags: ['access'], params: z.object({ name: z.string() }), response: answers({ 204: z.undefined() }) },
    },
    async (request, reply) => {
      await endAccess(pool, callerOf(request), request.params.name);
      return reply.code(204).send(undefined);
    },
  );
}

function keys(app: Api, { pool }: ApiDeps): void {
  app.post(
    '/keys',
    {
      config: { roles: ADMINS, creates: true },
      schema: {
        tags: ['access'],
        summary: 'Make an API key; it is shown this once',
        body: z.object({ name: z.string().max(100).default(''), role: Role, offices: Offices }),
        response: answers({ 201: KeyView.extend({ key: z.string() }) }),
      },
    },
    async (request, reply) => {
      const { row, key } = await makeKey(pool, callerOf(request), request.body);
      return reply.code(201).send({ ...keyOf(row), key });
    },
  );
  app.get(
    '/keys',
    {
      config: { roles: ADMINS },
      schema: { tags: ['access'], querystring: z.object(Page), response: answers({ 200: listOf(KeyView) }) },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const { offices } = callerOf(request);
      const rows = await listKeys(pool, { offices, after: keysOf(cursor, z.uuid()), limit: limit + 1 });
      return pageOf(rows, limit, keyOf, (row) => row.key_id);
    },
  );
  app.delete(
    '/keys/:keyId',
    {
      config: { roles: ADMINS },
      schema: { tags: ['access'], params: z.object({ keyId: z.string() }), response: answers({ 204: z.undefined() }) },
    },
    async (request, reply) => {
      await endKey(pool, callerOf(request), request.params.keyId);
      return reply.code(204).send(undefined);
    },
  );
}
