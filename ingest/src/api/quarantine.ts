import { QuarantineEntry, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { OFFICERS, OPERATORS, SUPERVISORS } from '../people/roles.ts';
import { isTester } from '../people/simulated.ts';
import { isoOf } from '../postgres/iso.ts';
import { notFound } from '../problem.ts';
import { discard } from '../quarantine/discard.ts';
import { replay } from '../quarantine/replay.ts';
import { getQuarantine, listQuarantine, oldestQuarantine, type QuarantineRow } from '../store/reports/refused.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const RAW_SHOWN_BYTES = 4_096;

function refusedOf(row: QuarantineRow): QuarantineEntry {
  const raw = row.raw.subarray(0, RAW_SHOWN_BYTES);
  const text = raw.toString('utf8');
  const readable = Buffer.from(text, 'utf8').equals(raw);
  return {
    quarantineId: row.quarantine_id,
    at: isoOf(row.at),
    lockId: row.lock_id,
    topic: row.topic,
    reason: row.reason,
    detail: row.detail,
    raw: readable ? text : raw.toString('base64'),
    encoding: readable ? 'utf8' : 'base64',
  };
}

const Filter = {
  lockId: z.string().max(100).optional(),
  reason: z.string().max(100).optional(),
  from: Time.optional(),
  to: Time.optional(),
};

const filterOf = ({ lockId, reason, from, to }: z.output<z.ZodObject<typeof Filter>>) => ({
  lockId,
  reason,
  from: from === undefined ? undefined : new Date(from),
  to: to === undefined ? undefined : new Date(to),
});

const ReplayView = z.object({
  quarantineId: z.int(),
  stored: z.int(),
  refused: z.array(z.object({ reason: z.string(), detail: z.string() })),
});

/** A replay is answered when it has been committed, so it is kept short. */
const REPLAYED_AT_ONCE = 200;

/** What was refused (law 9): to be looked at, and to be sent through the intake again after a fix. */
export function quarantineRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.get(
    '/quarantine',
    {
      config: { roles: OPERATORS },
      schema: {
        tags: ['records'],
        summary: 'What was refused, newest first',
        querystring: z.object({ ...Page, ...Filter }),
        response: answers({ 200: listOf(QuarantineEntry) }),
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const before = keysOf(cursor, z.int());
      const { offices } = callerOf(request);
      const rows = await listQuarantine(pool, { ...filterOf(filter), offices, before, limit: limit + 1 });
      return pageOf(rows, limit, refusedOf, (row) => row.quarantine_id);
    },
  );
  app.post(
    '/quarantine/discard',
    {
      config: { roles: OFFICERS },
      schema: {
        tags: ['records'],
        summary: 'Delete what a lock sent and nobody can read; what can be read as a record stays',
        body: z.object({ lockId: z.string().max(100) }),
        response: answers({ 200: z.object({ discarded: z.int() }) }),
      },
    },
    async (request) => ({ discarded: await discard(pool, callerOf(request), request.body.lockId) }),
  );
  replayRoutes(app, deps);
}

function replayRoutes(app: Api, deps: ApiDeps): void {
  const { pool } = deps;
  app.post(
    '/quarantine/:quarantineId/replay',
    {
      config: { roles: SUPERVISORS },
      schema: {
        tags: ['records'],
        summary: 'Send one refused publish through the intake again; it leaves the quarantine once it is stored',
        params: z.object({ quarantineId: z.string() }),
        response: answers({ 200: ReplayView }),
      },
    },
    async (request) => {
      const { quarantineId } = request.params;
      const known = /^\d{1,15}$/.test(quarantineId);
      const caller = callerOf(request);
      const row = known ? await getQuarantine(pool, Number(quarantineId), caller.offices, isTester(caller)) : undefined;
      const [replayed] = row ? await replay(deps, caller, [row]) : [];
      if (!replayed) throw notFound('quarantine', quarantineId);
      return replayed;
    },
  );
  app.post(
    '/quarantine/replay',
    {
      config: { roles: SUPERVISORS },
      schema: {
        tags: ['records'],
        summary: 'Send refused publishes through the intake again, oldest first; with `next`, go on behind them',
        body: z.object({
          ...Filter,
          limit: z.int().min(1).max(REPLAYED_AT_ONCE).default(REPLAYED_AT_ONCE),
          cursor: z.string().max(1_000).optional(),
        }),
        response: answers({ 200: listOf(ReplayView) }),
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.body;
      const after = keysOf(cursor, z.int());
      const caller = callerOf(request);
      const { offices } = caller;
      const of = { ...filterOf(filter), offices, simulatedOnly: isTester(caller) };
      const rows = await oldestQuarantine(pool, { ...of, after, limit: limit + 1 });
      const replayed = await replay(deps, caller, rows.slice(0, limit));
      const page = pageOf(
        rows,
        limit,
        ({ quarantine_id }) => quarantine_id,
        (row) => row.quarantine_id,
      );
      return { ...page, items: replayed };
    },
  );
}
