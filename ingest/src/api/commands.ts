import { Approval, CommandOrder, CommandView } from '@sealwatch/schemas';
import { z } from 'zod';
import { giveAgain, giveCommand, takeBack } from '../commands/give.ts';
import { commandViewOf } from '../commands/view.ts';
import { OPERATORS, READERS } from '../people/roles.ts';
import { notFound } from '../problem.ts';
import { commandsOfLock } from '../store/locks/commands.ts';
import { getLock } from '../store/locks/locks.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

/** Commands to a lock: given, listed, taken back, given again. */
export function commandRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  const params = z.object({ lockId: z.string() });
  app.get(
    '/locks/:lockId/commands',
    {
      config: { roles: READERS },
      schema: {
        tags: ['locks'],
        params,
        querystring: z.object(Page),
        response: answers({ 200: listOf(CommandView) }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      const { offices } = callerOf(request);
      if (!(await getLock(pool, lockId, offices))) throw notFound('lock', lockId);
      const { limit, cursor } = request.query;
      const rows = await commandsOfLock(pool, lockId, limit + 1, { offices, before: keysOf(cursor, z.int()) });
      return pageOf(rows, limit, commandViewOf, (row) => row.ordinal);
    },
  );
  app.post(
    '/locks/:lockId/commands',
    {
      config: { roles: OPERATORS, creates: true },
      schema: {
        tags: ['locks'],
        params,
        body: CommandOrder,
        response: answers({ 201: CommandView, 202: Approval }),
      },
    },
    async (request, reply) =>
      reply
        .code(201)
        .send(commandViewOf(await giveCommand(deps, request.params.lockId, callerOf(request), request.body))),
  );
  const one = params.extend({ commandId: z.string() });
  const response = answers({ 200: CommandView });
  app.post(
    '/locks/:lockId/commands/:commandId/cancel',
    {
      config: { roles: OPERATORS },
      schema: { tags: ['locks'], summary: 'Take back a command that was not sent yet', params: one, response },
    },
    async (request) => commandViewOf(await takeBack(deps, request.params, callerOf(request))),
  );
  app.post(
    '/locks/:lockId/commands/:commandId/retry',
    {
      config: { roles: OPERATORS, creates: true },
      schema: {
        tags: ['locks'],
        summary: 'Give a command again that ended without being done',
        params: one,
        response: answers({ 201: CommandView, 202: Approval }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const again = await giveAgain(deps, request.params, caller);
      return reply.code(201).send(commandViewOf(again));
    },
  );
}
