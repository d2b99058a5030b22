import type { Queryable } from '../../postgres/queryable.ts';

/** An urgent alarm that nobody has taken, with the end of its vehicle's time of quiet. */
export interface UnattendedRow {
  alarm_id: string;
  trip_id: string | null;
  urgent_at: Date;
  reminded_at: Date | null;
  frozen_until: Date | null;
}

const UNATTENDED = `SELECT a.alarm_id, a.trip_id, a.urgent_at, a.reminded_at, t.frozen_until
  FROM alarms a LEFT JOIN trips t ON t.trip_id = a.trip_id
  WHERE a.active AND a.urgent_at IS NOT NULL AND a.acknowledged_at IS NULL AND a.escalated_at IS NULL`;

/** Those of a list of alarms or of a trip, or all; the longest waiting first. */
export async function unattendedAlarms(
  db: Queryable,
  of: { alarmIds?: string[]; tripId?: string; limit: number },
): Promise<UnattendedRow[]> {
  const { rows } = await db.query<UnattendedRow>(
    `${UNATTENDED} AND ($1::uuid[] IS NULL OR a.alarm_id = ANY($1)) AND ($2::uuid IS NULL OR a.trip_id = $2)
     ORDER BY a.urgent_at LIMIT $3`,
    [of.alarmIds ?? null, of.tripId ?? null, of.limit],
  );
  return rows;
}

/** The alarm, locked until the end of the transaction, if still nobody has taken it. */
export async function unattendedForUpdate(db: Queryable, alarmId: string): Promise<UnattendedRow | undefined> {
  const { rows } = await db.query<UnattendedRow>(`${UNATTENDED} AND a.alarm_id = $1 FOR UPDATE OF a`, [alarmId]);
  return rows[0];
}

export async function markCalled(db: Queryable, alarmId: string, call: 'remind' | 'escalate', at: Date): Promise<void> {
  const column = call === 'remind' ? 'reminded_at' : 'escalated_at';
  await db.query(`UPDATE alarms SET ${column} = $2 WHERE alarm_id = $1`, [alarmId, at]);
}

/** Trips that are kept quiet, and until when. */
export async function frozenTrips(db: Queryable, tripId?: string): Promise<{ trip_id: string; frozen_until: Date }[]> {
  const { rows } = await db.query<{ trip_id: string; frozen_until: Date }>(
    'SELECT trip_id, frozen_until FROM trips WHERE frozen_until IS NOT NULL AND ($1::uuid IS NULL OR trip_id = $1)',
    [tripId ?? null],
  );
  return rows;
}

export interface Freeze {
  reason: string;
  by: string;
  until: Date;
}

export async function freezeTrip(db: Queryable, tripId: string, freeze: Freeze | null): Promise<void> {
  await db.query('UPDATE trips SET frozen_until = $2, frozen_by = $3, frozen_reason = $4 WHERE trip_id = $1', [
    tripId,
    freeze?.until ?? null,
    freeze?.by ?? null,
    freeze?.reason ?? null,
  ]);
}

/** Ends a time of quiet that is over. @returns what it was; undefined: there is none, or it lasts on */
export async function endFreeze(db: Queryable, tripId: string, now: Date): Promise<Freeze | undefined> {
  const { rows } = await db.query<{ frozen_until: Date; frozen_by: string; frozen_reason: string }>(
    'SELECT frozen_until, frozen_by, frozen_reason FROM trips WHERE trip_id = $1 AND frozen_until <= $2 FOR UPDATE',
    [tripId, now],
  );
  const was = rows[0];
  if (was === undefined) return undefined;
  await freezeTrip(db, tripId, null);
  return { until: was.frozen_until, by: was.frozen_by, reason: was.frozen_reason };
}
