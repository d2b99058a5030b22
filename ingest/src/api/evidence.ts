import { createHash } from 'node:crypto';
import type { SealState } from '@sealwatch/schemas';
import { z } from 'zod';
import { epcisDocument } from '../evidence/epcis.ts';
import type { EvidencePack, GatePassage, RecordsDigest, SealChange } from '../evidence/pack.ts';
import { evidencePage, PAGE_STYLE } from '../evidence/page.ts';
import { languageOf } from '../evidence/words.ts';
import { READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { credibleFix } from '../record/credible-fix.ts';
import { type Corridors, noCorridor } from '../roads/corridors.ts';
import { alarmOf, listAlarms } from '../store/alarms/alarms.ts';
import { listPassages } from '../store/passages/passages.ts';
import { listAudit } from '../store/people/audit.ts';
import { keyOf, lockReports, sentForm, tripTrack } from '../store/reports/reports.ts';
import { getRoute } from '../store/roads/routes.ts';
import { type UnitWindow, unitWindows } from '../store/trips/evidence.ts';
import type { TripView } from '../store/trips/row.ts';
import { tripOf } from '../store/trips/view.ts';
import { visibleTrip } from '../trips/visible.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const PAGE_OF_RECORDS = 2_000;
const MOST = 500;
/** Enough for a figure on A4. */
const TRACK_POINTS = 4_000;
const SEAL_CHANGES = 200;

const sameSeal = (a: SealState, b: SealState) => a.rope === b.rope && a.motor === b.motor && a.cover === b.cover;

/** Reads a lock's records once, for their digest and for what they say of the seal. */
async function digestOf(db: Queryable, window: UnitWindow): Promise<RecordsDigest> {
  const { lockId, containerNo, fromMs, toMs } = window;
  const hash = createHash('sha256');
  const seals: SealChange[] = [];
  const times: number[] = [];
  let records = 0;
  let after: ReturnType<typeof keyOf> | undefined;
  for (let more = fromMs !== undefined; more; ) {
    const query = { lockId, ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
    const rows = await lockReports(db, { ...query, ...(after ? { after } : {}), limit: PAGE_OF_RECORDS });
    more = rows.length > PAGE_OF_RECORDS;
    for (const record of rows.slice(0, PAGE_OF_RECORDS)) {
      hash.update(`${JSON.stringify(sentForm(record))}\n`);
      records++;
      times[times.length === 0 ? 0 : 1] = record.timeMs;
      after = keyOf(record);
      const last = seals.at(-1);
      if (record.seal && (last === undefined || !sameSeal(last.seal, record.seal)) && seals.length < SEAL_CHANGES) {
        const { position, seal } = record;
        const at = new Date(record.timeMs).toISOString();
        seals.push({
          at,
          lockId,
          seal,
          ...(credibleFix(position) ? { position: { lon: position.lon, lat: position.lat } } : {}),
        });
      }
    }
  }
  const [first, last = first] = times;
  return {
    lockId,
    containerNo,
    records,
    ...(first === undefined ? {} : { firstAt: new Date(first).toISOString() }),
    ...(last === undefined ? {} : { lastAt: new Date(last).toISOString() }),
    sha256: hash.digest('hex'),
    seals,
  };
}

const passageOf = (row: Awaited<ReturnType<typeof listPassages>>[number]): GatePassage => ({
  gateId: row.gate_id,
  gateName: row.gate_name,
  passageId: row.passage_id,
  at: isoOf(row.decided_at),
  verdict: row.verdict,
  reasons: row.answer.reasons.map(({ rule, text }) => ({ rule, text })),
  ...(row.decision === null
    ? {}
    : {
        decision: {
          decision: row.decision,
          by: row.decision_by ?? '',
          ...(row.second_by === null ? {} : { secondBy: row.second_by }),
          comment: row.comment ?? '',
          at: isoOf(row.decision_at ?? row.decided_at),
        },
      }),
});

/** Everything of a trip that its caller may see. */
export async function evidenceOf(
  { pool, ruleText }: ApiDeps,
  row: TripView,
  corridors: Corridors,
): Promise<EvidencePack> {
  const tripId = row.trip_id;
  const [route, alarms, passages, acts, track, windows] = await Promise.all([
    getRoute(pool, row.route_id, row.route_version),
    listAlarms(pool, { tripId, offices: [], limit: MOST }),
    listPassages(pool, { tripId, offices: [], limit: MOST }),
    listAudit(pool, { subject: `trip:${tripId}`, limit: MOST }),
    tripTrack(pool, { tripId, maxPoints: TRACK_POINTS }),
    unitWindows(pool, tripId),
  ]);
  const corridor = await corridors.ofVersion(route!).catch(noCorridor);
  const records: RecordsDigest[] = [];
  for (const window of windows) records.push(await digestOf(pool, window));
  return {
    generatedAt: new Date().toISOString(),
    trip: tripOf(row),
    route: route!.feature,
    ...(corridor ? { corridor } : {}),
    alarms: alarms.reverse().map((alarm) => {
      const text = ruleText?.(alarm.rule);
      return { ...alarmOf(alarm), ...(text ? { text } : {}) };
    }),
    passages: passages.reverse().map(passageOf),
    acts: acts.reverse().map(({ at, actor, action }) => ({ at: isoOf(at), actor, action })),
    track: track.points,
    thinnedWithinM: track.thinnedWithinM,
    records,
  };
}

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
