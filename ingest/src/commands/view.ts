import type { CommandView } from '@sealwatch/schemas';
import { isoField, isoOf } from '../postgres/iso.ts';
import type { CommandRow } from '../store/locks/commands.ts';

export function commandViewOf(row: CommandRow): CommandView {
  return {
    commandId: row.command_id,
    lockId: row.lock_id,
    ...(row.trip_id === null ? {} : { tripId: row.trip_id }),
    type: row.type,
    ...(row.interval_s === null ? {} : { intervalS: row.interval_s }),
    state: row.state,
    createdAt: isoOf(row.created_at),
    createdBy: row.created_by,
    ...(row.second_by === null ? {} : { secondPerson: row.second_by }),
    expiresAt: isoOf(row.expires_at),
    ...isoField('sentAt', row.sent_at),
    ...isoField('endedAt', row.ended_at),
    ...(row.reason === null ? {} : { reason: row.reason }),
  };
}

/** The steps of a command among the events of a trip: given, sent, ended. */
export function commandSteps(row: CommandRow): { at: string; type: string; command: CommandView }[] {
  const command = commandViewOf(row);
  return [
    { at: isoOf(row.created_at), type: `command.${row.type}`, command },
    ...(row.sent_at === null ? [] : [{ at: isoOf(row.sent_at), type: `command.${row.type}.sent`, command }]),
    ...(row.ended_at === null ? [] : [{ at: isoOf(row.ended_at), type: `command.${row.type}.${row.state}`, command }]),
  ];
}
