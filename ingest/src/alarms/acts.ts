import type { Alarm } from '@sealwatch/schemas';
import { z } from 'zod';
import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { DECIDERS } from '../people/roles.ts';
import { requirePerson, twoPeople } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { isoOf } from '../postgres/iso.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import {
  type AlarmRow,
  acknowledgeAlarm,
  alarmForUpdate,
  alarmOf,
  alarmsById,
  assignAlarm,
  closeAlarm,
  disposeAlarm,
} from '../store/alarms/alarms.ts';
import { audit } from '../store/people/audit.ts';
import { refreshRisk } from '../store/trips/changes.ts';
import { tripsInheriting } from '../store/trips/inherited.ts';
import { askToJudge } from '../store/trips/to-judge.ts';
import { getTrip } from '../store/trips/trips.ts';
import { announce, type EventType } from '../store/webhooks/outbox.ts';
import { afterChange } from '../trips/after-change.ts';

export type AlarmAct =
  | { act: 'acknowledge' }
  | { act: 'assign'; to: string }
  | { act: 'dispose'; text: string; falseAlarm: boolean }
  | { act: 'close' };

const UUID = z.uuid();

/** The alarm, if its caller may see it. @throws ApiProblem 404 */
export async function visibleAlarm(db: Queryable, alarmId: string, { offices }: Principal): Promise<AlarmRow> {
  const row = UUID.safeParse(alarmId).success ? (await alarmsById(db, [alarmId]))[0] : undefined;
  const seen = row && (row.trip_id === null ? offices === null : await getTrip(db, row.trip_id, offices));
  if (row === undefined || !seen) throw notFound('alarm', alarmId);
  return row;
}

/** The alarm, locked, if its caller may act on its trip. @throws ApiProblem 404, 403 */
async function alarmForAct(db: Queryable, alarmId: string, caller: Principal): Promise<AlarmRow> {
  await visibleAlarm(db, alarmId, caller);
  const row = (await alarmForUpdate(db, alarmId))!;
  const trip = row.trip_id === null ? undefined : await getTrip(db, row.trip_id, caller.offices);
  if (trip !== undefined) requireActing(caller, trip);
  return row;
}

/** What was done with an alarm so far allows the act. @throws ApiProblem 409 */
function requirePossible(row: AlarmRow, { act }: AlarmAct): void {
  if (row.closed_at !== null) {
    const when = `${row.closed_by} closed it at ${isoOf(row.closed_at)}`;
    throw new ApiProblem(409, 'alarm.closed', `this alarm is closed: ${when}`);
  }
  if (act === 'close' && row.disposed_at === null) {
    throw new ApiProblem(409, 'alarm.not-disposed', 'an alarm is closed after somebody has disposed of it');
  }
  if (act !== 'close' && row.disposed_at !== null) {
    const when = `${row.disposed_by} disposed of it at ${isoOf(row.disposed_at)}`;
    throw new ApiProblem(409, 'alarm.disposed', `this alarm is disposed of: ${when}`);
  }
}

const EVENTS: Partial<Record<AlarmAct['act'], EventType>> = {
  acknowledge: 'alarm.acknowledged',
  dispose: 'alarm.disposed',
};

/** @returns whether anything changed: who acknowledged is who was there first */
async function write(
  db: Queryable,
  row: AlarmRow,
  { by, second }: { by: string; second: string | undefined },
  todo: AlarmAct,
): Promise<boolean> {
  if (todo.act === 'acknowledge' && row.acknowledged_at !== null) return false;
  if (todo.act === 'acknowledge') await acknowledgeAlarm(db, row.alarm_id, by);
  if (todo.act === 'assign') await assignAlarm(db, row.alarm_id, by, todo.to);
  if (todo.act === 'dispose') await disposeAlarm(db, row.alarm_id, { by, second, ...todo });
  if (todo.act === 'close') await closeAlarm(db, row.alarm_id, by);
  return true;
}

/**
 * A critical alarm is disposed of by a signed-in person; that it was none, two people say.
 * @returns the second person; undefined where none is needed
 * @throws ApiProblem 403; ApprovalNeeded
 */
async function secondForDisposal(
  db: Queryable,
  row: AlarmRow,
  caller: Principal,
  todo: AlarmAct,
): Promise<string | undefined> {
  if (todo.act !== 'dispose' || row.severity !== 'critical') return undefined;
  requirePerson(caller, 'a critical alarm is disposed of by a signed-in person');
  if (!todo.falseAlarm) return undefined;
  const { text, falseAlarm } = todo;
  return twoPeople(db, caller, {
    act: 'alarm.dispose',
    tripId: row.trip_id ?? undefined,
    subject: { alarmId: row.alarm_id },
    asked: { text, falseAlarm },
    roles: DECIDERS,
  });
}

/** What people did with it, for the audit. */
function workOf(row: AlarmRow) {
  const { state, active, acknowledgedBy, assignedTo, disposedBy, disposal, closedBy } = alarmOf(row);
  return { state, active, acknowledgedBy, assignedTo, disposedBy, disposal, closedBy };
}

/** Does one act on one alarm: the change, its event and its audit in one transaction, then the rules and the screens. */
export async function actOnAlarm(
  deps: UseCaseDeps,
  alarmId: string,
  caller: Principal,
  todo: AlarmAct,
): Promise<{ alarm: Alarm; changed: boolean }> {
  const { row, changed, tripIds } = await inTransaction(deps.pool, async (db) => {
    const before = await alarmForAct(db, alarmId, caller);
    requirePossible(before, todo);
    const second = await secondForDisposal(db, before, caller, todo);
    if (!(await write(db, before, { by: caller.name, second }, todo)))
      return { row: before, changed: false, tripIds: [] };
    if (before.trip_id !== null) await refreshRisk(db, before.trip_id);
    const after = (await alarmForUpdate(db, alarmId))!;
    const tripId = after.trip_id ?? undefined;
    const type = EVENTS[todo.act];
    if (type !== undefined) await announce(db, { type, tripId, data: alarmOf(after) });
    const entry = { actor: caller.name, action: `alarm.${todo.act}`, subject: `alarm:${alarmId}` };
    await audit(db, { ...entry, before: workOf(before), after: { ...workOf(after), tripId } });
    return { row: after, changed: true, tripIds: await tripsOf(db, after, todo) };
  });
  if (changed) await deps.hints.publish({ hint: 'changed', alarmIds: [alarmId], tripIds });
  // Only a disposition changes what the rules judge by.
  if (changed && todo.act === 'dispose') await afterChange(deps, ...tripIds);
  return { alarm: alarmOf(row), changed };
}

/** The trips that an act on an alarm changes; after a disposition they are to be judged by it. */
async function tripsOf(
  db: Queryable,
  { alarm_id: alarmId, trip_id: tripId }: AlarmRow,
  { act }: AlarmAct,
): Promise<string[]> {
  const own = tripId === null ? [] : [tripId];
  if (act !== 'dispose') return own;
  // Trips with the same lock or box have the alarm's colour too.
  const tripIds = [...own, ...(await tripsInheriting(db, [alarmId])).map((trip) => trip.trip_id)];
  await askToJudge(db, tripIds);
  return tripIds;
}
