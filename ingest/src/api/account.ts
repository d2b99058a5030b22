import { Account, SessionView } from '@sealwatch/schemas';
import { z } from 'zod';
import { accountOf } from '../people/account.ts';
import type { Principal } from '../people/principal.ts';
import { ADMINS, EVERYONE } from '../people/roles.ts';
import { changeOwnPassword, endOneSession, endSessions, sessionsOf } from '../people/sessions.ts';
import type { SignInLimits } from '../people/sign-in-limits.ts';
import { isoOf } from '../postgres/iso.ts';
import type { SessionRow } from '../store/people/sessions.ts';
import { bindingOf } from './plumbing/binding.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { Password } from './plumbing/password.ts';

const Sessions = z.object({ items: z.array(SessionView) });

const sessionOf = (caller: Principal) => (row: SessionRow) => ({
  sessionId: row.session_id,
  method: row.method,
  address: row.address,
  agent: row.agent,
  createdAt: isoOf(row.created_at),
  lastUsedAt: isoOf(row.last_used_at),
  expiresAt: isoOf(row.expires_at),
  current: row.session_id === caller.sessionId,
});

/** What people see and change of their own access; keys have no account (403 `person.required`). */
export function accountRoutes(app: Api, deps: ApiDeps, limits: SignInLimits): void {
  const tags = ['account'];
  app.get(
    '/account',
    { config: { roles: EVERYONE }, schema: { tags, summary: 'The own account', response: answers({ 200: Account }) } },
    async (request) => {
      const { offices, ...account } = await accountOf(deps.pool, callerOf(request), deps.config.secondFactorRequired);
      return { ...account, ...bindingOf(offices) };
    },
  );
  app.put(
    '/account/password',
    {
      config: { roles: EVERYONE },
      schema: {
        tags,
        summary: 'Another password; every other session and every link ends',
        body: z.object({ current: z.string().max(1_000).optional(), password: Password }),
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      await changeOwnPassword(deps, limits, callerOf(request), { ...request.body, address: request.ip });
      return reply.code(204).send(undefined);
    },
  );
  ownSessions(app, deps);
  sessionsOfOthers(app, deps);
}

const OfSession = z.object({ sessionId: z.string() });

function ownSessions(app: Api, deps: ApiDeps): void {
  const tags = ['account'];
  app.get(
    '/account/sessions',
    {
      config: { roles: EVERYONE },
      schema: { tags, summary: 'The own sessions, the one used last first', response: answers({ 200: Sessions }) },
    },
    async (request) => {
      const caller = callerOf(request);
      return { items: (await sessionsOf(deps.pool, caller)).map(sessionOf(caller)) };
    },
  );
  app.delete(
    '/account/sessions/:sessionId',
    {
      config: { roles: EVERYONE },
      schema: {
        tags,
        summary: 'End one of the own sessions',
        params: OfSession,
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      await endOneSession(deps, callerOf(request), request.params.sessionId);
      return reply.code(204).send(undefined);
    },
  );
  app.post(
    '/account/sessions/end-others',
    {
      config: { roles: EVERYONE },
      schema: {
        tags,
        summary: 'End all of the own sessions but the one that asks',
        response: answers({ 200: z.object({ ended: z.int() }) }),
      },
    },
    async (request) => ({ ended: await endSessions(deps, callerOf(request)) }),
  );
}

function sessionsOfOthers(app: Api, deps: ApiDeps): void {
  const tags = ['access'];
  const OfPerson = z.object({ name: z.string() });
  app.get(
    '/users/:name/sessions',
    {
      config: { roles: ADMINS },
      schema: { tags, summary: 'Sessions of a person', params: OfPerson, response: answers({ 200: Sessions }) },
    },
    async (request) => {
      const caller = callerOf(request);
      return { items: (await sessionsOf(deps.pool, caller, request.params.name)).map(sessionOf(caller)) };
    },
  );
  app.delete(
    '/users/:name/sessions',
    {
      config: { roles: ADMINS },
      schema: {
        tags,
        summary: 'End all sessions of a person; of the caller all but the one that asks',
        params: OfPerson,
        response: answers({ 200: z.object({ ended: z.int() }) }),
      },
    },
    async (request) => ({ ended: await endSessions(deps, callerOf(request), request.params.name) }),
  );
  app.delete(
    '/users/:name/sessions/:sessionId',
    {
      config: { roles: ADMINS },
      schema: {
        tags,
        summary: 'End a session of a person',
        params: OfPerson.extend(OfSession.shape),
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      const { name, sessionId } = request.params;
      await endOneSession(deps, callerOf(request), sessionId, name);
      return reply.code(204).send(undefined);
    },
  );
}
