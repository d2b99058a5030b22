import { Approval } from '@sealwatch/schemas';
import { z } from 'zod';
import { confirmApproval, refuseApproval } from '../approvals/decide.ts';
import { approvalOf } from '../people/approvals.ts';
import { DECIDERS, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { listApprovals } from '../store/people/approvals.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

/** Acts that wait for a second person. They are asked for where the act is; here they are listed and decided on. */
export function approvalRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ approvalId: z.string() });
  const response = answers({ 200: Approval });
  app.get(
    '/approvals',
    {
      config: { roles: READERS },
      schema: {
        tags: ['approvals'],
        summary: 'Acts that wait for a second person, or with pending=false all of them, newest first',
        querystring: z.object({
          ...Page,
          pending: z.stringbool().default(true),
          tripId: z.uuid().optional(),
          lockId: z.string().max(20).optional(),
        }),
        response: answers({ 200: listOf(Approval) }),
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const after = keysOf(cursor, z.tuple([z.iso.datetime(), z.uuid()]));
      const rows = await listApprovals(deps.pool, {
        ...filter,
        offices: callerOf(request).offices,
        limit: limit + 1,
        after: after && { askedAt: after[0], approvalId: after[1] },
      });
      return pageOf(rows, limit, approvalOf, (row) => [isoOf(row.asked_at), row.approval_id]);
    },
  );
  app.post(
    '/approvals/:approvalId/confirm',
    {
      config: { roles: DECIDERS },
      schema: { tags: ['approvals'], summary: 'Confirm an act of another person: it is done now', params, response },
    },
    async (request) => confirmApproval(deps, request.params.approvalId, callerOf(request)),
  );
  app.post(
    '/approvals/:approvalId/refuse',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['approvals'],
        summary: 'Refuse an act of another person, or take back an own one',
        params,
        body: z.object({ reason: z.string().max(500).default('') }),
        response,
      },
    },
    async (request) => refuseApproval(deps, request.params.approvalId, callerOf(request), request.body.reason),
  );
}
