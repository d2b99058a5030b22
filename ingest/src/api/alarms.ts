import { AcknowledgedAlarms, Alarm, AlarmState, Approval, OfficeContacts, Severity, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { type AlarmAct, actOnAlarm, visibleAlarm } from '../alarms/acts.ts';
import { contactsOfTrip } from '../people/contacts.ts';
import type { Principal } from '../people/principal.ts';
import { DECIDERS, OFFICERS, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { ApiProblem } from '../problem.ts';
import { alarmOf, listAlarms } from '../store/alarms/alarms.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const params = z.object({ alarmId: z.string() });
const response = answers({ 200: Alarm });

const Filter = z.object({
  state: AlarmState.optional(),
  rule: z.string().max(100).optional(),
  severity: Severity.optional(),
  tripId: z.uuid().optional(),
  lockId: z.string().max(20).optional(),
});

export function alarmRoutes(app: Api, deps: ApiDeps): void {
  lists(app, deps);
  acts(app, deps);
  acknowledgeMany(app, deps);
}

function lists(app: Api, { pool }: ApiDeps): void {
  app.get(
    '/alarms',
    {
      config: { roles: READERS },
      schema: {
        tags: ['alarms'],
        querystring: Filter.extend({ ...Page, active: z.stringbool().optional() }),
        response: answers({ 200: listOf(Alarm) }),
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const after = keysOf(cursor, z.tuple([Time, z.uuid()]));
      const rows = await listAlarms(pool, {
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
    {
      config: { roles: READERS },
      schema: {
        tags: ['alarms'],
        summary: 'An alarm, with the people of both offices to call',
        params,
        response: answers({ 200: Alarm.extend({ contacts: z.array(OfficeContacts) }) }),
      },
    },
    async (request) => {
      const row = await visibleAlarm(pool, request.params.alarmId, callerOf(request));
      return { ...alarmOf(row), contacts: await contactsOfTrip(pool, row.trip_id) };
    },
  );
}

/** The acts on one alarm, each with its body. */
function acts(app: Api, deps: ApiDeps): void {
  const act = async (alarmId: string, caller: Principal, todo: AlarmAct) =>
    (await actOnAlarm(deps, alarmId, caller, todo)).alarm;
  app.post(
    '/alarms/:alarmId/acknowledge',
    { config: { roles: DECIDERS }, schema: { tags: ['alarms'], params, body: z.object({}), response } },
    async (request) => act(request.params.alarmId, callerOf(request), { act: 'acknowledge' }),
  );
  app.post(
    '/alarms/:alarmId/assign',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['alarms'],
        summary: 'Give an alarm to a person; to nobody named: to whoever asks',
        params,
        body: z.object({ to: z.string().min(1).max(100).optional() }),
        response,
      },
    },
    async (request) => {
      const caller = callerOf(request);
      return act(request.params.alarmId, caller, { act: 'assign', to: request.body.to ?? caller.name });
    },
  );
  app.post(
    '/alarms/:alarmId/dispose',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['alarms'],
        summary:
          'End an alarm, with a word why; nothing else ends a latched one. A critical one is ended by a signed-in person, ' +
          'and that it was a false alarm is confirmed by a second one (202)',
        params,
        body: z.object({ text: z.string().trim().min(1).max(2_000), falseAlarm: z.boolean().default(false) }),
        response: answers({ 200: Alarm, 202: Approval }),
      },
    },
    async (request) => act(request.params.alarmId, callerOf(request), { act: 'dispose', ...request.body }),
  );
  app.post(
    '/alarms/:alarmId/close',
    {
      config: { roles: OFFICERS },
      schema: {
        tags: ['alarms'],
        summary: 'Close the case of an alarm that was disposed of',
        params,
        body: z.object({}),
        response,
      },
    },
    async (request) => act(request.params.alarmId, callerOf(request), { act: 'close' }),
  );
}

const MANY = 500;

const Many = z
  .object({ alarmIds: z.array(z.uuid()).min(1).max(MANY).optional(), filter: Filter.optional() })
  .refine((asked) => (asked.alarmIds === undefined) !== (asked.filter === undefined), {
    path: ['alarmIds'],
    message: 'expected either alarmIds or filter',
  });

/** Each alarm in a transaction of its own: one that is refused does not hold the others back. */
function acknowledgeMany(app: Api, deps: ApiDeps): void {
  const one = async (alarmId: string, caller: Principal): Promise<AcknowledgedAlarms['items'][number]> => {
    try {
      const { alarm, changed } = await actOnAlarm(deps, alarmId, caller, { act: 'acknowledge' });
      const by = alarm.acknowledgedBy === undefined ? {} : { acknowledgedBy: alarm.acknowledgedBy };
      return { alarmId, result: changed ? 'acknowledged' : 'unchanged', ...by };
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      return { alarmId, result: 'refused', code: error.code, detail: error.message };
    }
  };
  app.post(
    '/alarms/acknowledge',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['alarms'],
        summary: 'Acknowledge many alarms: those named, or the active ones of a filter that nobody has taken',
        body: Many,
        response: answers({ 200: AcknowledgedAlarms }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { alarmIds, filter } = request.body;
      const found = alarmIds ?? (await untaken(deps, caller, filter ?? {}));
      const items = [];
      for (const alarmId of new Set(found.slice(0, MANY))) items.push(await one(alarmId, caller));
      return { items, more: found.length > MANY };
    },
  );
}

/** One more than is taken at once says that there are more. */
async function untaken({ pool }: ApiDeps, { offices }: Principal, filter: z.output<typeof Filter>): Promise<string[]> {
  const rows = await listAlarms(pool, { ...filter, offices, active: true, untaken: true, limit: MANY + 1 });
  return rows.map((row) => row.alarm_id);
}
