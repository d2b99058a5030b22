import { Approval, PassageAnswer, PassageDecision, PassageQuestion, Place, Time } from '@sealwatch/schemas';
import { Counter } from 'prom-client';
import { z } from 'zod';
import { afterPassage, gateOf } from '../passages/after-passage.ts';
import { pass } from '../passages/answer.ts';
import { decideByHand } from '../passages/manual-decision.ts';
import { DECIDERS, EVERYONE, GATEKEEPERS, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { listPassages, type PassageRow } from '../store/passages/passages.ts';
import { listPlaces } from '../store/roads/places.ts';
import { jgsRoutes } from './jgs.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const GateView = Place.extend({ gateId: z.string() });
const PassageView = z.object({
  passageId: z.string(),
  gateId: z.string(),
  /** The day that the id belongs to (§4), `YYYY-MM-DD`; empty for a UUID. */
  day: z.string(),
  decidedAt: Time,
  question: PassageQuestion,
  answer: PassageAnswer,
  decision: z
    .object({
      decision: z.enum(['release', 'inspect', 'return']),
      by: z.string(),
      secondPerson: z.string().optional(),
      comment: z.string(),
      at: Time,
    })
    .optional(),
  /** Questions that came with this id and another body, and were refused. */
  reused: z.object({ times: z.int(), at: Time, question: PassageQuestion }).optional(),
});

function viewOf(row: PassageRow): z.output<typeof PassageView> {
  return {
    passageId: row.passage_id,
    gateId: row.gate_id,
    day: row.day,
    decidedAt: isoOf(row.decided_at),
    question: row.question,
    answer: row.answer,
    ...(row.decision === null || row.decision_at === null
      ? {}
      : {
          decision: {
            decision: row.decision,
            by: row.decision_by ?? '',
            ...(row.second_by === null ? {} : { secondPerson: row.second_by }),
            comment: row.comment ?? '',
            at: isoOf(row.decision_at),
          },
        }),
    ...(row.reused_at === null || row.reused_question === null
      ? {}
      : { reused: { times: row.reused_times, at: isoOf(row.reused_at), question: row.reused_question } }),
  };
}

function countReuses(deps: ApiDeps): void {
  const reused = new Counter({
    name: 'sealwatch_passages_reused_total',
    help: 'Questions of gates that used the id of another passage',
    labelNames: ['gate'],
    registers: deps.registry ? [deps.registry] : [],
  });
  deps.passageReused = (gate) => reused.inc({ gate });
}

export async function gateRoutes(app: Api, deps: ApiDeps): Promise<void> {
  countReuses(deps);
  await app.register(async (inner: Api) => jgsRoutes(inner, deps));
  const params = z.object({ gateId: z.string().max(64) });
  app.post(
    '/gates/:gateId/passages',
    {
      config: { roles: GATEKEEPERS },
      schema: {
        tags: ['gates'],
        summary: 'A gate asks whether a truck may pass',
        params,
        body: PassageQuestion,
        response: answers({ 200: PassageAnswer }),
      },
    },
    async (request) => {
      const passed = await pass(deps, request.params.gateId, request.body, callerOf(request));
      afterPassage(deps, passed);
      return passed.row.first_answer ?? passed.row.answer;
    },
  );
  app.post(
    '/gates/:gateId/passages/:passageId/decision',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['gates'],
        params: params.extend({ passageId: z.string().max(100) }),
        querystring: z.object({ day: z.string().max(10).optional() }),
        body: PassageDecision,
        response: answers({ 200: PassageView, 202: Approval }),
      },
    },
    async (request) => {
      const gate = await gateOf(deps, request.params.gateId);
      const passage = { passageId: request.params.passageId, day: request.query.day };
      const passed = await decideByHand(deps, gate, passage, callerOf(request), request.body);
      afterPassage(deps, passed);
      return viewOf(passed.row);
    },
  );
  app.get(
    '/gates/:gateId/passages',
    {
      config: { roles: EVERYONE },
      schema: { tags: ['gates'], params, querystring: z.object(Page), response: answers({ 200: listOf(PassageView) }) },
    },
    async (request) => {
      const gate = await gateOf(deps, request.params.gateId);
      const { limit, cursor } = request.query;
      const after = keysOf(cursor, z.tuple([Time, z.string()]));
      const rows = await listPassages(deps.pool, {
        gateId: gate.gateId,
        offices: callerOf(request).offices,
        limit: limit + 1,
        after: after && { decidedAt: after[0], passageId: after[1] },
      });
      return pageOf(rows, limit, viewOf, (row) => [isoOf(row.decided_at), row.passage_id]);
    },
  );
  app.get(
    '/gates',
    {
      config: { roles: [...READERS, 'gate'] },
      schema: { tags: ['gates'], querystring: z.object(Page), response: answers({ 200: listOf(GateView) }) },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const rows = await listPlaces(deps.pool, { kind: 'gate', after: keysOf(cursor, z.string()), limit: limit + 1 });
      return pageOf(
        rows,
        limit,
        (row) => ({ gateId: row.place_id, ...row.feature }),
        (row) => row.place_id,
      );
    },
  );
}
