import type { Command, CommandState } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { UNLOCK_IS_HELD } from '../trips/to-judge.ts';
import { type CommandRow, IS_PENDING, noted } from './commands.ts';

/** The states that a lock's reply ends a command in. */
export type Ending = Extract<CommandState, 'done' | 'refused' | 'failed'>;

/**
 * Commands that are due to a lock, in the order they were given; expired ones are left out. An unlock whose trip waits to be
 * judged is not due yet, nor is what was given after it.
 * @param sentBefore also those that were sent before this time and never answered
 */
export async function waitingCommands(
  db: Queryable,
  lockId: string,
  sentBefore: Date | undefined,
  now: Date,
): Promise<CommandRow[]> {
  const { rows } = await db.query<CommandRow>(
    `WITH waiting AS (SELECT c.*, ${UNLOCK_IS_HELD} AS held FROM commands c WHERE lock_id = $1 AND expires_at > $3
       AND (state = 'queued' OR (state = 'sent' AND sent_at < $2::timestamptz)))
     SELECT w.* FROM waiting w WHERE NOT EXISTS (SELECT FROM waiting h WHERE h.held AND h.ordinal <= w.ordinal)
     ORDER BY ordinal`,
    [lockId, sentBefore ?? null, now],
  );
  return rows;
}

/** Locks for which queued commands are due. */
export async function locksWithDueCommands(db: Queryable, now: Date): Promise<string[]> {
  const { rows } = await db.query<{ lock_id: string }>(
    `SELECT DISTINCT c.lock_id FROM commands c WHERE c.state = 'queued' AND c.expires_at > $1 AND NOT ${UNLOCK_IS_HELD}`,
    [now],
  );
  return rows.map((row) => row.lock_id);
}

export async function markSent(db: Queryable, commandId: string, now: Date): Promise<void> {
  await db.query(
    `WITH known AS (SELECT command_id, state FROM commands
       WHERE command_id = $1 AND ${IS_PENDING} FOR UPDATE),
     changed AS (UPDATE commands o SET state = 'sent', sent_at = $2 FROM known
       WHERE o.command_id = known.command_id RETURNING o.*, known.state AS was)
     ${noted(`'platform'`, 'c.was')}`,
    [commandId, now],
  );
}

/** Ends a command by its lock's own reply; false where no such command waits for one. */
export async function endCommand(
  db: Queryable,
  reply: { lockId: string; commandId: string; result: Ending; reason: string | undefined; now: Date },
): Promise<boolean> {
  const { rowCount } = await db.query(
    `WITH changed AS (UPDATE commands SET state = $3, reason = $4, ended_at = $5
       WHERE command_id = $1 AND lock_id = $2 AND ${IS_PENDING} RETURNING *)
     ${noted(`'lock:' || c.lock_id`)}`,
    [reply.commandId, reply.lockId, reply.result, reply.reason ?? null, reply.now],
  );
  return rowCount === 1;
}

/** Ends commands whose time is up; how many. */
export async function expireCommands(db: Queryable, now: Date): Promise<number> {
  const { rowCount } = await db.query(
    `WITH changed AS (UPDATE commands SET state = 'expired', ended_at = $1
       WHERE ${IS_PENDING} AND expires_at <= $1 RETURNING *)
     ${noted(`'platform'`)}`,
    [now],
  );
  return rowCount ?? 0;
}

/** The command as the lock gets it (contract §2). @param secret of a command that brings one: no row of a command holds it */
export function commandOf(row: CommandRow, secret?: string): Command {
  return {
    v: 1,
    commandId: row.command_id,
    type: row.type,
    ...(row.interval_s === null ? {} : { intervalS: row.interval_s }),
    ...(secret === undefined ? {} : { secret }),
    expiresAt: row.expires_at.toISOString(),
  };
}
