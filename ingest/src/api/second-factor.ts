import { Approval } from '@sealwatch/schemas';
import { z } from 'zod';
import { ADMINS, EVERYONE } from '../people/roles.ts';
import {
  confirmEnrolment,
  enrol,
  removeOwnFactor,
  renewRecoveryCodes,
  resetSecondFactor,
} from '../people/second-factor.ts';
import type { SignInLimits } from '../people/sign-in-limits.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { giveCookie } from './session.ts';

const Code = z.object({ code: z.string().min(1).max(100) });
const Codes = z.object({ recoveryCodes: z.array(z.string()) });

/** The second factor of one's own account, and its reset by others. */
export function secondFactorRoutes(app: Api, deps: ApiDeps, limits: SignInLimits): void {
  const factors = { ...deps, limits };
  const tags = ['account'];
  app.post(
    '/account/second-factor',
    {
      config: { roles: EVERYONE, unfinished: ['enrol'] },
      schema: {
        tags,
        summary: 'Begin to enrol an authenticator; its secret is shown this once',
        response: answers({ 201: z.object({ secret: z.string(), uri: z.string() }) }),
      },
    },
    async (request, reply) =>
      reply
        .code(201)
        .header('cache-control', 'no-store')
        .send(await enrol(factors, callerOf(request))),
  );
  app.post(
    '/account/second-factor/confirm',
    {
      config: { roles: EVERYONE, unfinished: ['enrol'] },
      schema: {
        tags,
        summary: 'Confirm the authenticator by a code; recovery codes are shown this once',
        body: Code,
        response: answers({ 200: Codes }),
      },
    },
    async (request, reply) => {
      const { recoveryCodes, session } = await confirmEnrolment(factors, callerOf(request), request.body.code);
      giveCookie(request, reply, session);
      return reply.header('cache-control', 'no-store').send({ recoveryCodes });
    },
  );
  app.post(
    '/account/second-factor/recovery-codes',
    {
      config: { roles: EVERYONE },
      schema: {
        tags,
        summary: 'New recovery codes; those of before end',
        body: Code,
        response: answers({ 200: Codes }),
      },
    },
    async (request, reply) => {
      const given = { code: request.body.code, address: request.ip };
      const recoveryCodes = await renewRecoveryCodes(factors, callerOf(request), given);
      return reply.header('cache-control', 'no-store').send({ recoveryCodes });
    },
  );
  app.post(
    '/account/second-factor/remove',
    {
      config: { roles: EVERYONE },
      schema: {
        tags,
        summary: 'Remove the own second factor, e.g. for another phone',
        body: Code,
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      await removeOwnFactor(factors, callerOf(request), { code: request.body.code, address: request.ip });
      return reply.code(204).send(undefined);
    },
  );
  app.post(
    '/users/:name/second-factor/reset',
    {
      config: { roles: ADMINS },
      schema: {
        tags: ['access'],
        summary: 'Take away the second factor of somebody who has lost it; of supervisors and admins two admins do',
        params: z.object({ name: z.string() }),
        response: answers({ 202: Approval, 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      await resetSecondFactor(deps, callerOf(request), request.params.name);
      return reply.code(204).send(undefined);
    },
  );
}
