import { createHash } from 'node:crypto';
import { z } from 'zod';
import { epcisDocument } from '../evidence/epcis.ts';
import { evidenceOf } from '../evidence/gather.ts';
import { evidencePage, PAGE_STYLE } from '../evidence/page.ts';
import { languageOf } from '../evidence/words.ts';
import { READERS } from '../people/roles.ts';
import type { Corridors } from '../roads/corridors.ts';
import { visibleTrip } from '../trips/visible.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

/** The page is self-contained: its one style is known by its digest, and nothing else is loaded or run. */
const PAGE_SECURITY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const Asked = z.object({ format: z.enum(['json', 'html']).optional(), lang: z.enum(['zh', 'zh-CN', 'en']).optional() });

/** Whether an `Accept` header asks for a page rather than for data. */
const wantsPage = (accept: string | undefined): boolean =>
  accept !== undefined && /text\/html/i.test(accept) && !/application\/(ld\+)?json/i.test(accept);

export function evidenceRoutes(app: Api, deps: ApiDeps, corridors: Corridors): void {
  app.get(
    '/trips/:tripId/evidence',
    {
      config: { roles: READERS },
      schema: {
        tags: ['trips'],
        summary: 'The trip for others to see: EPCIS 2.0 (JSON-LD), or with `format=html` a page to print',
        params: z.object({ tripId: z.string() }),
        querystring: Asked,
        response: answers({ 200: z.unknown() }),
      },
    },
    async (request, reply) => {
      const { format, lang } = request.query;
      const pack = await evidenceOf(
        deps,
        await visibleTrip(deps.pool, request.params.tripId, callerOf(request)),
        corridors,
      );
      reply.header('vary', 'Accept, Accept-Language');
      const page = format === 'html' || (format === undefined && wantsPage(request.headers.accept));
      if (!page) {
        return reply
          .type('application/ld+json; charset=utf-8')
          .serializer((body: object) => JSON.stringify(body))
          .send(epcisDocument(pack));
      }
      return reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', PAGE_SECURITY)
        .serializer((body: string) => body)
        .send(evidencePage(pack, languageOf(lang, request.headers['accept-language'])));
    },
  );
}
