import type { Role } from '@sealwatch/schemas';
import type { FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { KeyGuesses } from '../../people/key-guesses.ts';
import {
  type AccessOptions,
  bearerOf,
  identify,
  type Needs,
  type Principal,
  requireFinished,
  SESSION_COOKIE,
} from '../../people/principal.ts';
import { sameHost } from '../../people/same-host.ts';
import { ApiProblem } from '../../problem.ts';
import type { Api } from './form.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call; a route without this is not registered (law 10). `public` needs no sign-in. */
    roles?: readonly Role[] | 'public';
    /** A creating call: `Idempotency-Key` is honoured. */
    creates?: boolean;
    /** Also for a session whose second factor is outstanding (`code`, `enrol`): it may do this to finish. */
    unfinished?: readonly Needs[];
  }
  interface FastifyRequest {
    caller: Principal | undefined;
  }
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * A browser sends the session cookie by itself, so a change asked for with it must come from our own pages: beside
 * SameSite=Strict the browser's own word on where the request comes from is heard.
 */
function refuseForeignPages(request: FastifyRequest): void {
  if (SAFE_METHODS.includes(request.method)) return;
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const foreign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && !sameHost(origin, request.host));
  if (foreign) throw new ApiProblem(403, 'auth.foreign-page', 'a change must be asked for by a page of this platform');
}

/** Refuses at start every route that does not say who may call it, and at each call everybody else. */
export function guard(app: Api, pool: Pool, access: AccessOptions, guesses = new KeyGuesses(pool)): void {
  app.decorateRequest('caller', undefined);
  app.addHook('onRoute', (route) => {
    if (route.config?.roles === undefined) {
      throw new Error(`${String(route.method)} ${route.url} names no roles: it would be open to nobody or everybody`);
    }
  });
  app.addHook('onRequest', async (request) => {
    const roles = request.routeOptions.config.roles;
    if (roles === 'public' || request.is404) return;
    const key = bearerOf(request.headers.authorization);
    const session = request.cookies[SESSION_COOKIE];
    const caller = await guesses.attempt(key, request.ip, () => identify(pool, { key, session }, access));
    if (caller === undefined) {
      throw new ApiProblem(401, 'auth.missing', 'send Authorization: Bearer KEY, or sign in');
    }
    if (caller.needs !== undefined && !request.routeOptions.config.unfinished?.includes(caller.needs)) {
      requireFinished(caller);
    }
    if (roles === undefined || !roles.includes(caller.role)) {
      throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not do this; ${roles?.join(', ')} may`);
    }
    if (caller.kind === 'person') refuseForeignPages(request);
    request.caller = caller;
  });
}

/** The caller of a guarded route. */
export function callerOf(request: FastifyRequest): Principal {
  if (request.caller === undefined) throw new ApiProblem(401, 'auth.missing', 'sign in first');
  return request.caller;
}
