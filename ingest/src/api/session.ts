import { Role, Time } from '@sealwatch/schemas';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SESSION_COOKIE } from '../people/principal.ts';
import { EVERYONE } from '../people/roles.ts';
import { sameHost } from '../people/same-host.ts';
import { hashSecret } from '../people/secret.ts';
import { openSession, passwordFits } from '../people/sign-in.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { activePerson } from '../store/people/people.ts';
import { deleteSession, useSignInLink } from '../store/people/sessions.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const Session = z.object({
  name: z.string(),
  role: Role,
  offices: z.array(z.string()),
  kind: z.enum(['person', 'key']),
  expiresAt: Time.optional(),
});

function giveCookie(request: FastifyRequest, reply: FastifyReply, session: { token: string; expiresAt: Date }): void {
  reply.setCookie(SESSION_COOKIE, session.token, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: request.protocol === 'https',
    expires: session.expiresAt,
  });
}

/** A sign-in from another site's form would put its own session under our pages. */
function requireOwnPage({ headers }: FastifyRequest): void {
  if (headers.origin !== undefined && !sameHost(headers.origin, headers.host ?? '')) {
    throw new ApiProblem(403, 'auth.foreign-page', 'sign in on a page of this platform');
  }
}

export function sessionRoutes(app: Api, deps: ApiDeps): void {
  const perMinute = { rateLimit: { max: deps.config.signInsPerMinute ?? 10, timeWindow: 60_000 } };
  app.post(
    '/session',
    {
      config: { roles: 'public', ...perMinute },
      schema: {
        tags: ['session'],
        summary: 'Sign in with name and password',
        body: z.object({ name: z.string().min(1).max(100), password: z.string().min(1).max(1_000) }),
        response: answers({ 201: Session }),
      },
    },
    async (request, reply) => {
      requireOwnPage(request);
      const { name, password } = request.body;
      const person = await activePerson(deps.pool, name);
      if (!(await passwordFits(person?.password_hash, password)) || person === undefined) {
        throw new ApiProblem(401, 'auth.sign-in', 'name or password is wrong');
      }
      const who = { name: person.name, role: person.role, offices: person.offices };
      const session = await inTransaction(deps.pool, (db) => openSession(db, who));
      giveCookie(request, reply, session);
      return reply.code(201).send({ ...who, kind: 'person' as const, expiresAt: session.expiresAt.toISOString() });
    },
  );
  app.get(
    '/session',
    {
      config: { roles: EVERYONE },
      schema: { tags: ['session'], summary: 'Who am I', response: answers({ 200: Session }) },
    },
    async (request) => {
      const { name, role, offices, kind } = callerOf(request);
      return { name, role, offices, kind };
    },
  );
  app.delete(
    '/session',
    {
      config: { roles: EVERYONE },
      schema: { tags: ['session'], summary: 'Sign out', response: answers({ 204: z.undefined() }) },
    },
    async (request, reply) => {
      const token = request.cookies[SESSION_COOKIE];
      if (token !== undefined) await deleteSession(deps.pool, hashSecret(token));
      reply.clearCookie(SESSION_COOKIE, { path: '/' });
      return reply.code(204).send(undefined);
    },
  );
}

/** Outside of `/api`: a person opens it in a browser. */
export function signInRoute(app: Api, deps: ApiDeps): void {
  app.get(
    '/sign-in/:token',
    {
      config: { roles: 'public', rateLimit: { max: 60, timeWindow: 60_000 } },
      schema: { hide: true, params: z.object({ token: z.string().max(200) }) },
    },
    async (request, reply) => {
      const session = await inTransaction(deps.pool, async (db) => {
        const link = await useSignInLink(db, hashSecret(request.params.token));
        if (link === undefined) return undefined;
        const offices = (await activePerson(db, link.name))?.offices ?? [];
        return openSession(db, { ...link, offices });
      });
      if (session === undefined) {
        throw new ApiProblem(
          410,
          'sign-in.used',
          'this sign-in link was used, is too old, or never was; ask for a new one',
        );
      }
      giveCookie(request, reply, session);
      return reply.header('cache-control', 'no-store').redirect('/wall');
    },
  );
}
