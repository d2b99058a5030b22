import type { TripEvent } from '@sealwatch/schemas';
import { commandSteps } from '../commands/view.ts';
import { isoOf } from '../postgres/iso.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { alarmOf, listAlarms } from '../store/alarms/alarms.ts';
import { commandsOfTrip } from '../store/locks/commands.ts';
import { listPassages } from '../store/passages/passages.ts';
import { listAudit } from '../store/people/audit.ts';

/** Everything that happened to a trip, oldest first: what people did, alarms, commands, passages. */
export async function eventsOf(db: Queryable, tripId: string): Promise<TripEvent[]> {
  const [acts, alarms, orders, passages] = await Promise.all([
    listAudit(db, { subject: `trip:${tripId}`, offices: null, limit: 500 }),
    listAlarms(db, { tripId, offices: null, limit: 500 }),
    commandsOfTrip(db, tripId),
    listPassages(db, { tripId, offices: null, limit: 500 }),
  ]);
  return [
    ...acts.map((a) => ({ at: isoOf(a.at), type: a.action, actor: a.actor, after: a.after })),
    ...alarms.map((a) => ({ at: isoOf(a.started_at), type: `alarm.${a.rule}`, alarm: alarmOf(a) })),
    ...orders.flatMap(commandSteps),
    ...passages.map((p) => ({ at: isoOf(p.decided_at), type: 'gate.passage', gateId: p.gate_id, answer: p.answer })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}
