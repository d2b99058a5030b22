import { SlugId, Time, WhatIfAnswer } from '@sealwatch/schemas';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { OPERATORS } from '../people/roles.ts';
import { ApiProblem, wrongField } from '../problem.ts';
import type { ReadRoute } from '../roads/read-route.ts';
import { whatIf } from '../roads/what-if.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { checkedFeature, ROUTE_BYTES } from './routes.ts';

const DAY_MS = 86_400_000;
const SPAN_DAYS = 30;
const LONGEST_DAYS = 367;
const MOST_TRIPS = 500;

const Asked = z.object({
  /** The route as it might be. */
  route: z.unknown(),
  /** Whose past trips are asked about. */
  routeId: SlugId,
  from: Time.optional(),
  to: Time.optional(),
  limit: z.int().min(1).max(MOST_TRIPS).default(100),
});
function spanOf({ from, to }: z.output<typeof Asked>): { fromMs: number; toMs: number } {
  const toMs = to === undefined ? Date.now() : Date.parse(to);
  const fromMs = from === undefined ? toMs - SPAN_DAYS * DAY_MS : Date.parse(from);
  if (fromMs > toMs || toMs - fromMs > LONGEST_DAYS * DAY_MS) {
    const expected = `a time before \`to\`, by at most ${LONGEST_DAYS} days`;
    throw wrongField('request.invalid', { path: 'from', message: `expected ${expected}`, value: from, expected });
  }
  return { fromMs, toMs };
}

/** Which past trips a route, or a change of one, would have turned red. Nothing is written. */
export async function whatIfRoutes(api: Api, deps: ApiDeps): Promise<void> {
  await api.register(async (inner: Api) => {
    inner.removeContentTypeParser('application/json');
    inner.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: ROUTE_BYTES },
      (_request, body, done) => done(null, body),
    );
    addWhatIf(inner, deps);
  });
}

/** The body is read beside the event loop; validation finds what was read of it. */
async function readAsked({ bodies }: ApiDeps, request: FastifyRequest): Promise<void> {
  const { body } = request;
  if (Buffer.isBuffer(body)) request.body = await bodies.parse(callerOf(request).id, 'what-if', { bytes: body });
}

function addWhatIf(app: Api, deps: ApiDeps): void {
  let busy = false;
  app.post(
    '/routes/what-if',
    {
      config: { roles: OPERATORS },
      bodyLimit: ROUTE_BYTES,
      preValidation: (request) => readAsked(deps, request),
      schema: {
        tags: ['routes'],
        summary: 'Judge past trips by a route that is not saved: which of them it would have turned red',
        body: Asked,
        response: answers({ 200: WhatIfAnswer }),
      },
    },
    async (request) => {
      const route = checkedFeature(request.body.route as ReadRoute);
      // One at a time: it takes processor time from everything else.
      if (busy) throw new ApiProblem(429, 'what-if.busy', 'another what-if is being judged; try again in some seconds');
      busy = true;
      try {
        const { routeId, limit } = request.body;
        const { offices } = callerOf(request);
        return await whatIf(deps.pool, route, { routeId, limit, offices, ...spanOf(request.body) });
      } finally {
        busy = false;
      }
    },
  );
}
