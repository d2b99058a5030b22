import {
  KeyView,
  KeyWithSecret,
  OfficeCode,
  PersonRole,
  PersonView,
  PersonWithLink,
  Role,
  Time,
} from '@sealwatch/schemas';
import { z } from 'zod';
import { endKey, makeKey, rotateKey } from '../people/keys.ts';
import { KeyName, PersonName } from '../people/names.ts';
import { addPerson, changeAccess, endAccess, giveLink, restoreAccess, unlockPerson } from '../people/persons.ts';
import { ADMINS } from '../people/roles.ts';
import type { SignInLimits } from '../people/sign-in-limits.ts';
import { isoField, isoOf } from '../postgres/iso.ts';
import { type KeyRow, listKeys } from '../store/people/keys.ts';
import { listPeople, type PersonRow } from '../store/people/people.ts';
import { bindingOf, NewBinding, newOffices } from './plumbing/binding.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';
import { Password } from './plumbing/password.ts';

function personOf(row: PersonRow, limits: SignInLimits) {
  const untilMs = limits.lockedUntilMs(row.name);
  return {
    name: row.name,
    role: row.role,
    ...bindingOf(row.offices),
    createdAt: isoOf(row.created_at),
    secondFactor: row.has_second_factor,
    fromProvider: row.from_provider,
    ...(row.disabled_at === null ? {} : { disabledAt: isoOf(row.disabled_at) }),
    ...(untilMs === undefined ? {} : { lockedUntil: new Date(untilMs).toISOString() }),
  };
}

const keyOf = (row: KeyRow) => ({
  keyId: row.key_id,
  name: row.name,
  role: row.role,
  ...bindingOf(row.offices),
  actor: row.actor,
  createdAt: isoOf(row.created_at),
  ...isoField('revokedAt', row.revoked_at),
  ...isoField('expiresAt', row.expires_at),
  ...isoField('lastUsedAt', row.last_used_at),
  ...(row.successor === null ? {} : { successor: row.successor }),
});

const withLink = (signIn: string | undefined) => (signIn === undefined ? {} : { signIn });

export function accessRoutes(app: Api, deps: ApiDeps, limits: SignInLimits): void {
  people(app, deps, limits);
  changesOfPeople(app, deps, limits);
  keys(app, deps);
}

function people(app: Api, deps: ApiDeps, limits: SignInLimits): void {
  app.post(
    '/users',
    {
      config: { roles: ADMINS, creates: true },
      schema: {
        tags: ['access'],
        summary: 'Add a person; without a password a one-time sign-in link is answered',
        body: z.object({ name: PersonName, role: PersonRole, ...NewBinding, password: Password.optional() }),
        response: answers({ 201: PersonWithLink }),
      },
    },
    async (request, reply) => {
      const { name, role, password, ...binding } = request.body;
      const person = { name, role, offices: newOffices(binding), password };
      const { row, signIn } = await addPerson(deps, callerOf(request), person);
      return reply.code(201).send({ ...personOf(row, limits), ...withLink(signIn) });
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
      const rows = await listPeople(deps.pool, { offices, after: keysOf(cursor, z.string()), limit: limit + 1 });
      return pageOf(
        rows,
        limit,
        (row) => personOf(row, limits),
        (row) => row.name,
      );
    },
  );
}

const OfPerson = z.object({ name: z.string() });

/** What becomes of a person's access. */
function changesOfPeople(app: Api, deps: ApiDeps, limits: SignInLimits): void {
  app.patch(
    '/users/:name',
    {
      config: { roles: ADMINS },
      schema: {
        tags: ['access'],
        summary: 'Change role, offices (null: bound to none) or password; another password ends every session and link',
        params: OfPerson,
        body: z.object({
          role: PersonRole.optional(),
          offices: z.array(OfficeCode).min(1, 'expected an office, or null').max(100).nullish(),
          password: Password.optional(),
        }),
        response: answers({ 200: PersonView }),
      },
    },
    async (request) => personOf(await changeAccess(deps, callerOf(request), request.params.name, request.body), limits),
  );
  app.delete(
    '/users/:name',
    {
      config: { roles: ADMINS },
      schema: { tags: ['access'], params: OfPerson, response: answers({ 204: z.undefined() }) },
    },
    async (request, reply) => {
      await endAccess(deps, callerOf(request), request.params.name);
      return reply.code(204).send(undefined);
    },
  );
  app.post(
    '/users/:name/enable',
    {
      config: { roles: ADMINS },
      schema: {
        tags: ['access'],
        summary: 'Let somebody in again, by a new password or by the sign-in link that is answered',
        params: OfPerson,
        body: z.object({ password: Password.optional() }),
        response: answers({ 200: PersonWithLink }),
      },
    },
    async (request) => {
      const { name } = request.params;
      const { row, signIn } = await restoreAccess(deps, callerOf(request), name, request.body.password);
      return { ...personOf(row, limits), ...withLink(signIn) };
    },
  );
  app.post(
    '/users/:name/link',
    {
      config: { roles: ADMINS },
      schema: {
        tags: ['access'],
        summary: 'Give a person a new one-time sign-in link',
        params: OfPerson,
        response: answers({ 201: z.object({ signIn: z.string() }) }),
      },
    },
    async (request, reply) =>
      reply.code(201).send({ signIn: await giveLink(deps, callerOf(request), request.params.name) }),
  );
  app.post(
    '/users/:name/unlock',
    {
      config: { roles: ADMINS },
      schema: {
        tags: ['access'],
        summary: 'Lift the lock-out of a name after wrong passwords',
        params: OfPerson,
        response: answers({ 200: PersonView }),
      },
    },
    async (request) => personOf(await unlockPerson(deps, limits, callerOf(request), request.params.name), limits),
  );
}

/** A day, in which the new key is brought to every system that has the old one; at most a month. */
const OVERLAP_MIN = 24 * 60;
const MOST_OVERLAP_MIN = 31 * OVERLAP_MIN;

const dateOf = (time: string | undefined) => (time === undefined ? undefined : new Date(time));

function keys(app: Api, deps: ApiDeps): void {
  app.post(
    '/keys',
    {
      config: { roles: ADMINS, creates: true },
      schema: {
        tags: ['access'],
        summary: 'Make an API key; it is shown this once',
        body: z.object({ name: KeyName.default(''), role: Role, ...NewBinding, expiresAt: Time.optional() }),
        response: answers({ 201: KeyWithSecret }),
      },
    },
    async (request, reply) => {
      const { name, role, expiresAt, ...binding } = request.body;
      const asked = { name, role, offices: newOffices(binding), expiresAt: dateOf(expiresAt) };
      const { row, key } = await makeKey(deps, callerOf(request), asked);
      return reply.code(201).send({ ...keyOf(row), key });
    },
  );
  app.post(
    '/keys/:keyId/rotate',
    {
      config: { roles: ADMINS, creates: true },
      schema: {
        tags: ['access'],
        summary: 'Make a key that takes the place of another one, which ends by itself after the overlap',
        params: z.object({ keyId: z.string() }),
        body: z.object({
          overlapMin: z.number().min(0).max(MOST_OVERLAP_MIN).default(OVERLAP_MIN),
          expiresAt: Time.optional(),
        }),
        response: answers({ 201: KeyWithSecret }),
      },
    },
    async (request, reply) => {
      const { overlapMin, expiresAt } = request.body;
      const rotation = { overlapMs: overlapMin * 60_000, expiresAt: dateOf(expiresAt) };
      const { row, key } = await rotateKey(deps, callerOf(request), request.params.keyId, rotation);
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
      const rows = await listKeys(deps.pool, { offices, after: keysOf(cursor, z.uuid()), limit: limit + 1 });
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
      await endKey(deps, callerOf(request), request.params.keyId);
      return reply.code(204).send(undefined);
    },
  );
}
