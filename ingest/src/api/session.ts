import { Session } from '@sealwatch/schemas';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Needs, SESSION_COOKIE } from '../people/principal.ts';
import { EVERYONE } from '../people/roles.ts';
import { sameHost } from '../people/same-host.ts';
import { finishByCode } from '../people/second-factor.ts';
import { browserOf, requireGoodLink, signIn, signInByLink, signOut } from '../people/sign-in.ts';
import type { SignInLimits } from '../people/sign-in-limits.ts';
import { ApiProblem } from '../problem.ts';
import { bindingOf } from './plumbing/binding.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const Code = z.string().min(1).max(100);

export const signInDeps = ({ pool, config }: ApiDeps) => ({ pool, secondFactorRequired: config.secondFactorRequired });

/** Where somebody goes who has signed in, as far as it went. */
export const pageAfter = (needs: Needs | undefined) => (needs === undefined ? '/wall' : `/sign-in?step=${needs}`);

export function giveCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  session: { token: string; expiresAt: Date },
): void {
  reply.setCookie(SESSION_COOKIE, session.token, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: request.protocol === 'https',
    expires: session.expiresAt,
  });
}

export const browserOfRequest = (request: FastifyRequest) => browserOf(request.ip, request.headers['user-agent']);

/** A sign-in from another site's form would put its own session under our pages. */
function requireOwnPage({ headers, host }: FastifyRequest): void {
  if (headers.origin !== undefined && !sameHost(headers.origin, host)) {
    throw new ApiProblem(403, 'auth.foreign-page', 'sign in on a page of this platform');
  }
}

/** @param limits of wrong passwords; `signInsPerMinute` bounds the good ones too, for the work that each of them is */
export function sessionRoutes(app: Api, deps: ApiDeps, limits: SignInLimits): void {
  const perMinute = { rateLimit: { max: deps.config.signInsPerMinute ?? 600, timeWindow: 60_000 } };
  app.post(
    '/session',
    {
      config: { roles: 'public', ...perMinute },
      schema: {
        tags: ['session'],
        summary: 'Sign in with name and password',
        body: z.object({ name: z.string().min(1).max(100), password: z.string().min(1).max(1_000) }),
        response: answers({ 201: Session, 202: Session }),
      },
    },
    async (request, reply) => {
      requireOwnPage(request);
      const { name, password } = request.body;
      const session = await signIn(signInDeps(deps), limits, { name, password, from: browserOfRequest(request) });
      giveCookie(request, reply, session);
      const { role, offices, expiresAt, needs } = session;
      const who = { name: session.name, role, ...bindingOf(offices), kind: 'person' as const };
      const answer = { ...who, expiresAt: expiresAt.toISOString() };
      return needs === undefined ? reply.code(201).send(answer) : reply.code(202).send({ ...answer, needs });
    },
  );
  app.post(
    '/session/code',
    {
      config: { roles: EVERYONE, unfinished: ['code'], ...perMinute },
      schema: {
        tags: ['session'],
        summary: 'Finish a sign-in by a code of the authenticator, or by a recovery code',
        body: z.object({ code: Code }),
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      const given = { code: request.body.code, address: request.ip };
      giveCookie(request, reply, await finishByCode({ ...deps, limits }, callerOf(request), given));
      return reply.code(204).send(undefined);
    },
  );
  app.get(
    '/session',
    {
      config: { roles: EVERYONE, unfinished: ['code', 'enrol'] },
      schema: { tags: ['session'], summary: 'Who am I', response: answers({ 200: Session }) },
    },
    async (request) => {
      const { name, role, offices, kind, needs } = callerOf(request);
      return { name, role, ...bindingOf(offices), kind, ...(needs === undefined ? {} : { needs }) };
    },
  );
  app.delete(
    '/session',
    {
      config: { roles: EVERYONE, unfinished: ['code', 'enrol'] },
      schema: { tags: ['session'], summary: 'Sign out', response: answers({ 204: z.undefined() }) },
    },
    async (request, reply) => {
      const token = request.cookies[SESSION_COOKIE];
      if (token !== undefined) await signOut(deps.pool, token);
      await deps.hints.publish({ hint: 'access' });
      reply.clearCookie(SESSION_COOKIE, { path: '/' });
      return reply.code(204).send(undefined);
    },
  );
}

/** Outside of `/api`: a person opens it in a browser. */
export function signInRoute(app: Api, deps: ApiDeps): void {
  const options = {
    config: { roles: 'public' as const, rateLimit: { max: 60, timeWindow: 60_000 } },
    schema: { hide: true, params: z.object({ token: z.string().max(200) }) },
  };
  // Programs that look at a link before its reader does ask with HEAD: nothing is used up and nobody signed in.
  app.head('/sign-in/:token', options, async (request, reply) => {
    await requireGoodLink(deps.pool, request.params.token);
    return reply.header('cache-control', 'no-store').redirect('/wall');
  });
  app.get('/sign-in/:token', { ...options, exposeHeadRoute: false }, async (request, reply) => {
    const session = await signInByLink(signInDeps(deps), request.params.token, browserOfRequest(request));
    giveCookie(request, reply, session);
    return reply.header('cache-control', 'no-store').redirect(pageAfter(session.needs));
  });
}
