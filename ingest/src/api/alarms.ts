import { Alarm, AlarmState } from '@sealwatch/schemas';
import { z } from 'zod';
import {
  type AlarmRow,
  acknowledgeAlarm,
  alarmForUpdate,
  alarmOf,
  assignAlarm,
  disposeAlarm,
  listAlarms,
} from '../store/alarms.ts';
import { audit } from '../store/audit.ts';
import { announce } from '../store/outbox.ts';
import { inTransaction, type Queryable } from '../store/queryable.ts';
import { isoOf } from '../store/rows.ts';
import { getTrip, refreshRisk } from '../store/trips.ts';
import type { ApiDeps } from './deps.ts';
import { type Api, answers } from './form.ts';
import { callerOf, DECIDERS, READERS } from './guard.ts';
import { requireActing } from './offices.ts';
import { keysOf, listOf, Page, pageOf } from './paging.ts';
import type { Principal } from './principal.ts';
import { ApiProblem, notFound } from './problem.ts';
import { afterChange } from './trips.ts';

const UUID = z.uuid();

/** The alarm, locked, if its caller may see it; `acts`: and may act on its trip. @throws ApiProblem 404, 403 */
async function alarmForAct(db: Queryable, alarmId: string, caller: Principal): Promise<AlarmRow> {
  const row = UUID.safeParse(alarmId).success ? await alarmForUpdate(db, alarmId) : undefined;
  if (row === undefined) throw notFound('alarm', alarmId);
  if (row.trip_id === null) {
    if (caller.offices.length > 0) throw notFound('alarm', alarmId);
    return row;
  }
  const trip = await getTrip(db, row.trip_id, caller.offices);
  if (trip === undefined) throw notFound('alarm', alarmId);
  requireActing(caller, trip);
  return row;
}

interface Work {
  action: 'acknowledge' | 'assign' | 'dispose';
  after?: object;
  apply(db: Queryable, row: AlarmRow): Promise<void>;
}

async function work(deps: ApiDeps, alarmId: string, caller: Principal, todo: Work): Promise<Alarm> {
  const { row, disposed } = await inTransaction(deps.pool, async (db) => {
    const before = await alarmForAct(db, alarmId, caller);
    if (before.disposed_at !== null) {
      const when = `${before.disposed_by} disposed of it at ${isoOf(before.disposed_at)}`;
      throw new ApiProblem(409, 'alarm.disposed', `this alarm is closed: ${when}`);
    }
    await todo.apply(db, before);
    if (before.trip_id !== null) await refreshRisk(db, before.trip_id);
    const after = (await alarmForUpdate(db, alarmId))!;
    const tripId = after.trip_id ?? undefined;
    if (todo.action !== 'assign') await announce(db, { type: `alarm.${todo.action}d`, tripId, data: alarmOf(after) });
    const entry = { actor: caller.name, action: `alarm.${todo.action}`, after: todo.after };
    await audit(db, { ...entry, subject: `alarm:${alarmId}`, before: { state: alarmOf(before).state, tripId } });
    return { row: after, disposed: todo.action === 'dispose' };
  });
  deps.feed.alarmChanged(alarmId);
  if (row.trip_id !== null) {
    // Only a disposition changes what the rules judge by; the wall shows every change.
    if (disposed) await afterChange(deps, row.trip_id);
    else deps.feed.tripChanged(row.trip_id);
  }
  return alarmOf(row);
}

export function alarmRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ alarmId: z.string() });
  const response = answers({ 200: Alarm });
  app.get(
    '/alarms',
    {
      config: { roles: READERS },
      schema: {
        tags: ['alarms'],
        querystring: z.object({
          ...Page,
          state: AlarmState.optional(),
          active: z.stringbool().optional(),
          rule: z.string().max(100).optional(),
          tripId: z.uuid().optional(),
          lockId: z.string().max(20).optional(),
        }),
        response: answers({ 200: listOf(Alarm) }),
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const after = keysOf(cursor, z.tuple([z.iso.datetime(), z.uuid()]));
      const rows = await listAlarms(deps.pool, {
        ...filter,
        offices: callerOf(request).offices,
        limit: limit + 1,
        after: after && { raisedAt: after[0], alarmId: after[1] },
      });
      return pageOf(rows, limit, alarmOf, (row) => [isoOf(row.raised_at), row.alarm_id]);
    },
  );
  app.get(
    '/alarms/:alarmId',
    { config: { roles: READERS }, schema: { tags: ['alarms'], params, response } },
    async (request) => {
      const { alarmId } = request.params;
      const { offices } = callerOf(request);
      const row = UUID.safeParse(alarmId).success ? await alarmForUpdate(deps.pool, alarmId) : undefined;
      const seen =
        row && (row.trip_id === null ? offices.length === 0 : await getTrip(deps.pool, row.trip_id, offices));
      if (row === undefined || !seen) throw notFound('alarm', alarmId);
      return alarmOf(row);
    },
  );
  app.post(
    '/alarms/:alarmId/acknowledge',
    { config: { roles: DECIDERS }, schema: { tags: ['alarms'], params, body: z.object({}), response } },
    async (request) => {
      const caller = callerOf(request);
      // The first name stays: who acknowledged is who was there first.
      const apply = async (db: Queryable, row: AlarmRow) => {
        if (row.acknowledged_at === null) await acknowledgeAlarm(db, row.alarm_id, caller.name);
      };
      return work(deps, request.params.alarmId, caller, { action: 'acknowledge', apply });
    },
  );
  app.post(
    '/alarms/:alarmId/assign',
    {
      config: { roles: DECIDERS },
      schema: { tags: ['alarms'], params, body: z.object({ to: z.string().min(1).max(100) }), response },
    },
    async (request) => {
      const caller = callerOf(request);
      const { to } = request.body;
      const apply = (db: Queryable, row: AlarmRow) => assignAlarm(db, row.alarm_id, caller.name, to);
      return work(deps, request.params.alarmId, caller, { action: 'assign', after: { to }, apply });
    },
  );
  app.post(
    '/alarms/:alarmId/dispose',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['alarms'],
        summary: 'End an alarm, with a word why; nothing else ends a latched one',
        params,
        body: z.object({ text: z.string().trim().min(1).max(2_000), falseAlarm: z.boolean().default(false) }),
        response,
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { text, falseAlarm } = request.body;
      const apply = (db: Queryable, row: AlarmRow) =>
        disposeAlarm(db, row.alarm_id, { by: caller.name, text, falseAlarm });
      return work(deps, request.params.alarmId, caller, { action: 'dispose', after: { text, falseAlarm }, apply });
    },
  );
}
