import { OfficeCode, Role, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { isWithin, requireOwnOffices } from '../people/offices.ts';
import { forgetKeys } from '../people/principal.ts';
import { ADMINS } from '../people/roles.ts';
import { hashSecret, newApiKey } from '../people/secret.ts';
import { hashPassword, signInLink } from '../people/sign-in.ts';
import { isoOf } from '../postgres/iso.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { insertKey, type KeyRow, keyForUpdate, listKeys, revokeKey } from '../store/people/keys.ts';
import { activePerson, disablePerson, insertPerson, listPeople, type PersonRow } from '../store/people/people.ts';
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
      const { password, ...person } = request.body;
      requireOwnOffices(callerOf(request), person.offices);
      const passwordHash = password === undefined ? undefined : await hashPassword(password);
      const created = await inTransaction(pool, async (db) => {
        const row = await insertPerson(db, { ...person, passwordHash });
        if (row === undefined) {
          const errors = [{ path: 'name', message: 'is taken', value: person.name, expected: 'a name not in use' }];
          throw new ApiProblem(409, 'user.exists', `there is a person named "${person.name}"`, errors);
        }
        const signIn = password === undefined ? await signInLink(db, person) : undefined;
        const subject = `person:${row.name}`;
        await audit(db, { actor: callerOf(request).name, action: 'user.add', subject, after: person });
        return { ...personOf(row), ...(signIn === undefined ? {} : { signIn }) };
      });
      return reply.code(201).send(created);
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
      const { name } = request.params;
      await inTransaction(pool, async (db) => {
        const caller = callerOf(request);
        const row = await activePerson(db, name);
        if (row !== undefined && !isWithin(caller, row.offices)) throw notFound('user', name);
        if (!(await disablePerson(db, name))) throw notFound('user', name);
        if (row === undefined) return;
        const entry = { actor: caller.name, action: 'user.disable', subject: `person:${name}` };
        const { role, offices } = row;
        await audit(db, { ...entry, before: { role, offices, disabled: false }, after: { disabled: true } });
      });
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
      requireOwnOffices(callerOf(request), request.body.offices);
      const key = newApiKey();
      const row = await inTransaction(pool, async (db) => {
        const inserted = await insertKey(db, { ...request.body, keyHash: hashSecret(key) });
        const subject = `key:${inserted.key_id}`;
        await audit(db, { actor: callerOf(request).name, action: 'key.create', subject, after: request.body });
        return inserted;
      });
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
      const { keyId } = request.params;
      await inTransaction(pool, async (db) => {
        const caller = callerOf(request);
        const row = z.uuid().safeParse(keyId).success ? await keyForUpdate(db, keyId) : undefined;
        if (row === undefined || !isWithin(caller, row.offices)) throw notFound('key', keyId);
        if (row.revoked_at !== null) return;
        await revokeKey(db, keyId);
        const { name, role, offices } = row;
        const entry = { actor: caller.name, action: 'key.revoke', subject: `key:${keyId}` };
        await audit(db, { ...entry, before: { name, role, offices, revoked: false }, after: { revoked: true } });
      });
      forgetKeys(pool);
      return reply.code(204).send(undefined);
    },
  );
}
