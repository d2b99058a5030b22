import type { CommandState } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { VISIBLE } from '../trips/conditions.ts';

/**
 * A command and its state:
 *
 *   queued ──written to the lock──► sent ──reply──► done | refused | failed
 *     │  │                           │
 *     │  └───────────────────────────┴── expires_at has passed ──► expired
 *     └── taken back, or its trip or lock ended ──► cancelled
 *
 * A command that was sent and not answered is written to its lock again when that reconnects; it stays `sent`.
 */
export interface CommandRow {
  /** Its place among all commands, as they were given. */
  ordinal: number;
  command_id: string;
  lock_id: string;
  trip_id: string | null;
  type: 'interval' | 'seal' | 'unlock' | 'locate' | 'reboot' | 'secret';
  interval_s: number | null;
  state: CommandState;
  created_at: Date;
  created_by: string;
  /** The second person, where two answer for it. */
  second_by: string | null;
  expires_at: Date;
  sent_at: Date | null;
  ended_at: Date | null;
  reason: string | null;
}

/** The states of a command that its lock may still do. */
const PENDING_STATES: readonly CommandState[] = ['queued', 'sent'];

export const isPending = ({ state }: { state: CommandState }): boolean => PENDING_STATES.includes(state);

/** `isPending` in SQL, for a row of `commands`. */
export const IS_PENDING = `state IN (${PENDING_STATES.map((state) => `'${state}'`).join(', ')})`;

export interface NewCommand {
  commandId: string;
  lockId: string;
  tripId?: string | undefined;
  type: CommandRow['type'];
  intervalS?: number | undefined;
  expiresAt: Date;
  by: string;
  secondBy?: string | undefined;
}

/** Puts a command into its lock's queue; it is sent in order once the lock is connected. */
export async function insertCommand(db: Queryable, command: NewCommand): Promise<CommandRow> {
  const { rows } = await db.query<CommandRow>(
    `INSERT INTO commands (command_id, lock_id, trip_id, type, interval_s, created_by, expires_at, second_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *`,
    [
      command.commandId,
      command.lockId,
      command.tripId ?? null,
      command.type,
      command.intervalS ?? null,
      command.by,
      command.expiresAt,
      command.secondBy ?? null,
    ],
  );
  return rows[0]!;
}

/** Oldest first. */
export async function commandsOfTrip(db: Queryable, tripId: string): Promise<CommandRow[]> {
  const { rows } = await db.query<CommandRow>('SELECT * FROM commands WHERE trip_id = $1 ORDER BY ordinal', [tripId]);
  return rows;
}

/**
 * Newest first.
 * @param page `before`: the ordinal of the last one of the page before; `offices` leaves out those of other offices' trips
 */
export async function commandsOfLock(
  db: Queryable,
  lockId: string,
  limit: number,
  page: { offices: string[] | null; before?: number | undefined } = { offices: null },
): Promise<CommandRow[]> {
  const { rows } = await db.query<CommandRow>(
    `SELECT c.* FROM commands c LEFT JOIN trips t USING (trip_id) WHERE c.lock_id = $1 AND (t.trip_id IS NULL OR ${VISIBLE(3)})
       AND ($4::bigint IS NULL OR c.ordinal < $4) ORDER BY ordinal DESC LIMIT $2`,
    [lockId, limit, page.offices, page.before ?? null],
  );
  return rows;
}

/** Whether a command of a type is on its way to a lock. */
export async function commandWaits(db: Queryable, lockId: string, type: CommandRow['type']): Promise<boolean> {
  const { rowCount } = await db.query(
    `SELECT 1 FROM commands WHERE lock_id = $1 AND type = $2 AND ${IS_PENDING} AND expires_at > now()`,
    [lockId, type],
  );
  return rowCount !== 0;
}

export async function getCommand(db: Queryable, commandId: string): Promise<CommandRow | undefined> {
  const { rows } = await db.query<CommandRow>('SELECT * FROM commands WHERE command_id = $1', [commandId]);
  return rows[0];
}

/** The state of a command before it ended: what was sent has the time of it. */
const BEFORE_ITS_END = `CASE WHEN c.sent_at IS NULL THEN 'queued' ELSE 'sent' END`;

/**
 * What follows a change of commands that were `changed`: a row in the audit for each of them. The change and its row
 * are one statement.
 * @param actor an SQL expression
 * @param was an SQL expression for the state before the change
 */
export const noted = (
  actor: string,
  was = BEFORE_ITS_END,
) => `INSERT INTO audit (at, actor, action, subject, before, after)
  SELECT clock_timestamp(), ${actor}, 'command.' || c.state, 'lock:' || c.lock_id,
    jsonb_build_object('commandId', c.command_id, 'state', ${was}),
    jsonb_strip_nulls(jsonb_build_object('commandId', c.command_id, 'tripId', c.trip_id, 'type', c.type,
      'state', c.state, 'reason', c.reason)) FROM changed c`;

/** Ends the commands that were to bring a lock a new secret: it has got another one, by other hands. */
export async function endSecretCommands(db: Queryable, lockId: string, by: string): Promise<void> {
  await db.query(
    `WITH changed AS (UPDATE commands SET state = 'cancelled', ended_at = clock_timestamp(), reason = 'another secret was given'
       WHERE lock_id = $1 AND type = 'secret' AND ${IS_PENDING} RETURNING *)
     ${noted('$2')}`,
    [lockId, by],
  );
}

/** Takes back what has not been sent; the commands that it was. */
export async function cancelCommands(
  db: Queryable,
  of: { lockId?: string; tripId?: string; commandId?: string },
  reason: string,
  by: string,
): Promise<string[]> {
  const { rows } = await db.query<{ command_id: string }>(
    `WITH changed AS (UPDATE commands SET state = 'cancelled', ended_at = clock_timestamp(), reason = $3
       WHERE state = 'queued' AND ($1::text IS NULL OR lock_id = $1) AND ($2::uuid IS NULL OR trip_id = $2)
         AND ($5::uuid IS NULL OR command_id = $5) RETURNING *),
     noted AS (${noted('$4')})
     SELECT command_id FROM changed`,
    [of.lockId ?? null, of.tripId ?? null, reason, by, of.commandId ?? null],
  );
  return rows.map((row) => row.command_id);
}
