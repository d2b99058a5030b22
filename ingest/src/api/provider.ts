import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Provider, SignInRefused } from '../people/provider.ts';
import { signInByProvider } from '../people/provider-sign-in.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { browserOfRequest, giveCookie, pageAfter, signInDeps } from './session.ts';

const TICKET_COOKIE = 'sealwatch_provider';
const TICKET_S = 600;
const PATH = '/sign-in/provider';

/** A path of the platform, and of nobody else: what an address of another site would be read as is the wall. */
export function ownPath(next: string | undefined): string {
  const BASE = 'http://own.invalid';
  if (next === undefined || !next.startsWith('/') || !URL.canParse(next, BASE)) return '/wall';
  const { origin, pathname, search } = new URL(next, BASE);
  return origin === BASE && !pathname.startsWith('//') ? pathname + search : '/wall';
}

/** What the sign-in page offers beside name and password. */
export function signInOptions(app: Api, deps: ApiDeps): void {
  app.get(
    '/session/options',
    {
      config: { roles: 'public' },
      schema: {
        tags: ['session'],
        summary: 'How people sign in here',
        response: answers({ 200: z.object({ provider: z.object({ name: z.string() }).optional() }) }),
      },
    },
    async () => {
      const { provider } = deps;
      return provider === undefined ? {} : { provider: { name: provider.settings.name } };
    },
  );
}

/** To the operator's provider and back; people open these in a browser. */
export function providerRoutes(app: Api, deps: ApiDeps, provider: Provider): void {
  const options = {
    config: { roles: 'public' as const, rateLimit: { max: deps.config.signInsPerMinute ?? 60, timeWindow: 60_000 } },
  };
  const refused = (reply: FastifyReply, error: unknown) => {
    if (!(error instanceof SignInRefused)) throw error;
    // What the provider answered may hold a code or a token: the log has names of errors alone.
    const { code, message, error: word, cause } = (error.cause ?? {}) as Record<string, unknown>;
    const because = cause instanceof Error ? cause.message : undefined;
    if (error.code === 'provider')
      deps.log.warn({ code, message, because, error: word }, 'a sign-in by the provider failed');
    return reply.redirect(`/sign-in?refused=${error.code}`);
  };
  app.get(
    PATH,
    { ...options, schema: { hide: true, querystring: z.object({ next: z.string().max(1_000).optional() }) } },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      try {
        const { url, ticket } = await provider.begin(ownPath(request.query.next));
        giveTicket(request, reply, ticket);
        return reply.redirect(url);
      } catch (error) {
        return refused(reply, error);
      }
    },
  );
  app.get(`${PATH}/callback`, { ...options, schema: { hide: true } }, async (request, reply) => {
    reply.header('cache-control', 'no-store').clearCookie(TICKET_COOKIE, { path: PATH });
    const query = request.raw.url?.match(/\?.*/)?.[0] ?? '';
    try {
      const by = { ...deps, ...signInDeps(deps), provider };
      const ticket = request.cookies[TICKET_COOKIE];
      const { next, needs, ...session } = await signInByProvider(by, ticket, query, browserOfRequest(request));
      giveCookie(request, reply, session);
      const page = pageAfter(needs);
      return reply.redirect(needs === undefined ? next : `${page}&next=${encodeURIComponent(next)}`);
    } catch (error) {
      return refused(reply, error);
    }
  });
}

/** Lax: the provider's page leads back here, and the browser must send it then. */
function giveTicket(request: FastifyRequest, reply: FastifyReply, ticket: string): void {
  const secure = request.protocol === 'https';
  reply.setCookie(TICKET_COOKIE, ticket, { path: PATH, httpOnly: true, sameSite: 'lax', secure, maxAge: TICKET_S });
}
