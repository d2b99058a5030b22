import { AuditCheck, AuditEntry, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { auditEntries, auditState } from '../people/audit-trail.ts';
import { OFFICERS, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { notFound } from '../problem.ts';
import { getLock } from '../store/locks/locks.ts';
import type { AuditRow } from '../store/people/audit.ts';
import { keyOf, lockReports, sentForm, tripTrack } from '../store/reports/reports.ts';
import { visibleTrip } from '../trips/visible.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const Span = { from: Time.optional(), to: Time.optional() };

const spanOf = ({ from, to }: { from?: string | undefined; to?: string | undefined }) => ({
  ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
  ...(to === undefined ? {} : { toMs: Date.parse(to) }),
});

const TrackAnswer = z.object({
  tripId: z.string(),
  points: z.array(z.looseObject({})),
  thinnedWithinM: z.number(),
});

const auditOf = (row: AuditRow): AuditEntry => ({
  auditId: row.audit_id,
  at: isoOf(row.at),
  actor: row.actor,
  action: row.action,
  subject: row.subject,
  ...(row.before === null ? {} : { before: row.before }),
  ...(row.after === null ? {} : { after: row.after }),
  ...(row.hash === null ? {} : { hash: row.hash.toString('hex') }),
});

/** What was recorded: reports and tracks, who did what. */
export function recordRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.get(
    '/locks/:lockId/reports',
    {
      config: { roles: READERS },
      schema: {
        tags: ['locks'],
        summary: 'The stored records as sent, oldest first',
        params: z.object({ lockId: z.string() }),
        querystring: z.object({ ...Page, ...Span }),
        response: answers({ 200: listOf(z.looseObject({})) }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      const { limit, cursor, ...span } = request.query;
      const { offices } = callerOf(request);
      if (!(await getLock(pool, lockId, offices))) throw notFound('lock', lockId);
      const after = keysOf(cursor, z.object({ timeMs: z.number(), boot: z.number(), seq: z.number() }));
      const rows = await lockReports(pool, { lockId, ...spanOf(span), ...(after ? { after } : {}), offices, limit });
      return pageOf(rows, limit, (record) => sentForm(record) as Record<string, unknown>, keyOf);
    },
  );
  app.get(
    '/trips/:tripId/track',
    {
      config: { roles: READERS },
      schema: {
        tags: ['trips'],
        params: z.object({ tripId: z.string() }),
        querystring: z.object({ ...Span, maxPoints: z.coerce.number().int().min(2).max(50_000).default(5_000) }),
        response: answers({ 200: TrackAnswer }),
      },
    },
    async (request) => {
      const { trip_id: tripId } = await visibleTrip(pool, request.params.tripId, callerOf(request));
      const { maxPoints, ...span } = request.query;
      const { points, thinnedWithinM } = await tripTrack(pool, { tripId, ...spanOf(span), maxPoints });
      return { tripId, points: points.map((point) => ({ ...point })), thinnedWithinM };
    },
  );
  auditRoutes(app, deps);
}

function auditRoutes(app: Api, { pool, config: { auditAnchors: anchors } }: ApiDeps): void {
  app.get(
    '/audit',
    {
      config: { roles: OFFICERS },
      schema: {
        tags: ['records'],
        querystring: z.object({ ...Page, subject: z.string().max(200).optional() }),
        response: answers({ 200: listOf(AuditEntry) }),
      },
    },
    async (request) => {
      const { limit, cursor, subject } = request.query;
      const { offices } = callerOf(request);
      const rows = await auditEntries(pool, { subject, offices, before: keysOf(cursor, z.int()), limit: limit + 1 });
      return pageOf(rows, limit, auditOf, (row) => row.audit_id);
    },
  );
  app.get(
    '/audit/check',
    {
      config: { roles: OFFICERS },
      schema: {
        tags: ['records'],
        summary: 'Whether the chain of the audit holds, and where it is broken',
        response: answers({ 200: AuditCheck }),
      },
    },
    () => auditState(pool, anchors),
  );
}
