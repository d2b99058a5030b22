import { DayFigures, Snapshot, Time, TimeZone } from '@sealwatch/schemas';
import { z } from 'zod';
import { READERS } from '../people/roles.ts';
import { wrongField } from '../problem.ts';
import { snapshotAt } from '../store/reports/snapshot.ts';
import { dayStats } from '../store/trips/stats.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const DAY_MS = 86_400_000;
/** Longer than a year and a day is a report to be made from an export, not a call. */
const LONGEST_MS = 367 * DAY_MS;

/** The wall of another time, and the figures of a span of days. */
export function historyRoutes(app: Api, { pool }: ApiDeps): void {
  app.get(
    '/snapshot',
    {
      config: { roles: READERS },
      schema: {
        tags: ['records'],
        summary: 'The whole wall at a time: every trip and lock as it stood',
        querystring: z.object({ at: Time.optional() }),
        response: answers({ 200: Snapshot }),
      },
    },
    async (request) => {
      const { at } = request.query;
      const wall = await snapshotAt(pool, at === undefined ? Date.now() : Date.parse(at), callerOf(request).offices);
      return { ...wall, locks: wall.locks.map((lock) => ({ ...lock })) };
    },
  );
  app.get(
    '/stats',
    {
      config: { roles: READERS },
      schema: {
        tags: ['records'],
        summary: 'Counts by day of a time zone (UTC) and destination office; the last 30 days unless told',
        querystring: z.object({ from: Time.optional(), to: Time.optional(), zone: TimeZone.default('UTC') }),
        response: answers({ 200: z.object({ from: Time, to: Time, zone: z.string(), items: z.array(DayFigures) }) }),
      },
    },
    async (request) => {
      const toMs = request.query.to === undefined ? Date.now() : Date.parse(request.query.to);
      const fromMs = request.query.from === undefined ? toMs - 30 * DAY_MS : Date.parse(request.query.from);
      if (fromMs > toMs || toMs - fromMs > LONGEST_MS) {
        const expected = 'a time before `to`, by at most 367 days';
        const value = new Date(fromMs).toISOString();
        throw wrongField('request.invalid', { path: 'from', message: `expected ${expected}`, value, expected });
      }
      const { zone } = request.query;
      const items = await dayStats(pool, { fromMs, toMs, zone, offices: callerOf(request).offices });
      return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), zone, items };
    },
  );
}
