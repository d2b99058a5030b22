import { ConvoyDeclaration, normaliseCode, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Principal } from '../people/principal.ts';
import { OPERATORS, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { notFound } from '../problem.ts';
import { type ConvoyRow, getConvoy, listConvoys, tripsOfConvoy } from '../store/trips/convoys.ts';
import { tripOf } from '../store/trips/view.ts';
import { declareConvoy } from '../trips/convoy-declare.ts';
import { runConvoy } from '../trips/convoy-steps.ts';
import { ConvoyAnswer, ConvoyHead, ConvoyRequest, ConvoyView, headOf } from '../trips/convoy-view.ts';
import { STEP_ACTS, type StepAct } from '../trips/step-list.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const UUID = z.uuid();

async function visibleConvoy(db: Queryable, convoyId: string, caller: Principal): Promise<ConvoyRow> {
  const row = UUID.safeParse(convoyId).success ? await getConvoy(db, convoyId, caller.offices) : undefined;
  if (row === undefined) throw notFound('convoy', convoyId);
  return row;
}

/** A train of boxes: declared, released, hung, sealed, verified and written off as one, with a result for each box. */
export function convoyRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  const params = z.object({ convoyId: z.string() });
  const viewOf = async (convoyId: string, caller: Principal) => ({
    ...headOf(await visibleConvoy(pool, convoyId, caller)),
    items: (await tripsOfConvoy(pool, convoyId)).map(tripOf),
  });
  app.post(
    '/convoys',
    {
      config: { roles: OPERATORS, creates: true },
      schema: {
        tags: ['convoys'],
        summary: 'Declare a whole train, all of it or nothing',
        body: ConvoyDeclaration,
        response: answers({ 201: ConvoyView }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { convoyId } = await declareConvoy(deps, caller, request.body);
      return reply.code(201).send(await viewOf(convoyId, caller));
    },
  );
  app.get(
    '/convoys',
    {
      config: { roles: READERS },
      schema: {
        tags: ['convoys'],
        querystring: z.object({ ...Page, q: z.string().max(40).optional() }),
        response: answers({ 200: listOf(ConvoyHead) }),
      },
    },
    async (request) => {
      const { limit, cursor, q } = request.query;
      const after = keysOf(cursor, z.tuple([Time, z.uuid()]));
      const rows = await listConvoys(pool, {
        q: q === undefined ? undefined : normaliseCode(q),
        offices: callerOf(request).offices,
        limit: limit + 1,
        after: after && { createdAt: after[0], convoyId: after[1] },
      });
      return pageOf(rows, limit, headOf, (row) => [isoOf(row.created_at), row.convoy_id]);
    },
  );
  app.get(
    '/convoys/:convoyId',
    { config: { roles: READERS }, schema: { tags: ['convoys'], params, response: answers({ 200: ConvoyView }) } },
    async (request) => viewOf(request.params.convoyId, callerOf(request)),
  );
  for (const act of Object.keys(STEP_ACTS) as StepAct[]) {
    app.post(
      `/convoys/:convoyId/${act}`,
      {
        config: { roles: OPERATORS },
        schema: { tags: ['convoys'], params, body: ConvoyRequest, response: answers({ 200: ConvoyAnswer }) },
      },
      async (request) => {
        const caller = callerOf(request);
        const { convoy_id: convoyId } = await visibleConvoy(pool, request.params.convoyId, caller);
        return runConvoy(deps, convoyId, act, caller, request.body);
      },
    );
  }
}
