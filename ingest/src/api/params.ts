import { Company, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { checkParams } from '../params/resolve.ts';
import { READERS, SUPERVISORS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { requireNone } from '../problem.ts';
import { setParams } from '../roads/keep.ts';
import { listParams, type ParamsRow } from '../store/roads/params.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const COMPANY = 'company:';
const Layer = z.string().refine((layer) => layer === 'platform' || isCompany(layer), {
  error: 'expected "platform", or "company:" and a name',
});
const Values = z.record(z.string(), z.record(z.string(), z.unknown()));
const ParamsView = z.object({ layer: z.string(), params: Values, since: Time, by: z.string() });

function isCompany(layer: string): boolean {
  return (
    layer.startsWith(COMPANY) && Company.safeParse(layer.slice(COMPANY.length)).data === layer.slice(COMPANY.length)
  );
}

const viewOf = ({ layer, params, at, by }: ParamsRow): z.output<typeof ParamsView> => ({
  layer,
  params: params as z.output<typeof Values>,
  since: isoOf(at),
  by,
});

/** The parameters of the rules and of the gate, for the platform and for companies; routes and legs carry their own. */
export function paramsRoutes(app: Api, deps: ApiDeps): void {
  app.get(
    '/params',
    {
      config: { roles: READERS },
      schema: { tags: ['params'], querystring: z.object(Page), response: answers({ 200: listOf(ParamsView) }) },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const rows = await listParams(deps.pool, { after: keysOf(cursor, z.string()), limit: limit + 1 });
      return pageOf(rows, limit, viewOf, (row) => row.layer);
    },
  );
  app.put(
    '/params/:layer',
    {
      config: { roles: SUPERVISORS },
      schema: {
        tags: ['params'],
        summary: 'Set the parameters of the rules and of the gate for trips declared from now on',
        params: z.object({ layer: Layer }),
        body: Values,
        response: answers({ 200: ParamsView }),
      },
    },
    async (request) => {
      const { layer } = request.params;
      requireNone('params.invalid', checkParams(request.body));
      return viewOf(await setParams(deps.pool, callerOf(request), layer, request.body));
    },
  );
}
