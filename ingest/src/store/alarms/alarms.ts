import type { Alarm, AlarmKind, AlarmState, Severity } from '@sealwatch/schemas';
import { isoField, isoOf } from '../../postgres/iso.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import { VISIBLE } from '../trips/conditions.ts';

/**
 * An alarm and its state. The state is worked out by the database alone, in alarm_state() of migration 0011:
 *
 *   provisional ──proven──► open ──acknowledge──► acknowledged ──assign──► assigned
 *        │                   │ └──────────────assign──────┼─────────────────► │
 *        │                   └───────────┬────────────────┴───────────────────┘
 *        │                    the condition ends
 *        │                               ▼
 *        │                            returned ──acknowledge or assign──► acknowledged, assigned
 *        ▼                               ▼
 *   from every state: dispose ──► disposed ──close──► closed
 *
 * What came last counts: an alarm acknowledged after its return is acknowledged. A provisional alarm stays provisional
 * whoever has acknowledged it.
 */
export interface AlarmRow {
  alarm_id: string;
  trip_id: string | null;
  lock_id: string;
  rule: string;
  kind: AlarmKind;
  severity: Severity;
  phase: 'provisional' | 'open' | 'returned';
  active: boolean;
  state: AlarmState;
  last_inside_at: Date | null;
  started_at: Date;
  confirmed_at: Date | null;
  ended_at: Date | null;
  raised_at: Date;
  max_distance_m: number | null;
  detected_late: boolean;
  lon: number | null;
  lat: number | null;
  evidence: Record<string, unknown>;
  urgent_at: Date | null;
  reminded_at: Date | null;
  escalated_at: Date | null;
  acknowledged_by: string | null;
  acknowledged_at: Date | null;
  assigned_to: string | null;
  assigned_at: Date | null;
  disposed_by: string | null;
  disposed_second: string | null;
  disposed_at: Date | null;
  disposal_text: string | null;
  false_alarm: boolean | null;
  closed_by: string | null;
  closed_at: Date | null;
}

/** The columns of `AlarmRow` for an alarm aliased `a`. */
export const ALARM_COLUMNS = 'a.*, alarm_state(a) AS state';

const some = <K extends string, V>(key: K, value: V | null) =>
  (value === null ? {} : { [key]: value }) as { [P in K]?: V };

export function alarmOf(row: AlarmRow): Alarm {
  return {
    alarmId: row.alarm_id,
    ...some('tripId', row.trip_id),
    lockId: row.lock_id,
    rule: row.rule,
    kind: row.kind,
    severity: row.severity,
    state: row.state,
    active: row.active,
    ...isoField('lastInsideAt', row.last_inside_at),
    startedAt: isoOf(row.started_at),
    ...isoField('confirmedAt', row.confirmed_at),
    ...isoField('endedAt', row.ended_at),
    raisedAt: isoOf(row.raised_at),
    ...some('maxDistanceM', row.max_distance_m),
    detectedLate: row.detected_late,
    ...(row.lon === null || row.lat === null ? {} : { position: { lon: row.lon, lat: row.lat } }),
    evidence: row.evidence,
    ...isoField('remindedAt', row.reminded_at),
    ...isoField('escalatedAt', row.escalated_at),
    ...some('acknowledgedBy', row.acknowledged_by),
    ...isoField('acknowledgedAt', row.acknowledged_at),
    ...some('assignedTo', row.assigned_to),
    ...isoField('assignedAt', row.assigned_at),
    ...some('disposedBy', row.disposed_by),
    ...isoField('disposedAt', row.disposed_at),
    ...(row.disposal_text === null
      ? {}
      : {
          disposal: {
            text: row.disposal_text,
            falseAlarm: row.false_alarm ?? false,
            ...some('secondPerson', row.disposed_second),
          },
        }),
    ...some('closedBy', row.closed_by),
    ...isoField('closedAt', row.closed_at),
  };
}

export interface AlarmFilter {
  state?: AlarmState | undefined;
  active?: boolean | undefined;
  /** Only those that nobody has acknowledged. */
  untaken?: boolean;
  rule?: string | undefined;
  severity?: Severity | undefined;
  tripId?: string | undefined;
  lockId?: string | undefined;
  offices: string[] | null;
  limit: number;
  /** The last item of the page before. */
  after?: { raisedAt: string; alarmId: string } | undefined;
}

/** Newest first. */
export async function listAlarms(db: Queryable, filter: AlarmFilter): Promise<AlarmRow[]> {
  const { rows } = await db.query<AlarmRow>(
    `SELECT ${ALARM_COLUMNS} FROM alarms a LEFT JOIN trips t ON t.trip_id = a.trip_id
     WHERE ${VISIBLE(1)}
       AND ($2::text IS NULL OR alarm_state(a) = $2) AND ($3::boolean IS NULL OR a.active = $3)
       AND ($4::text IS NULL OR a.rule = $4) AND ($5::uuid IS NULL OR a.trip_id = $5)
       AND ($6::text IS NULL OR a.lock_id = $6) AND ($10::text IS NULL OR a.severity = $10)
       AND NOT ($11 AND a.acknowledged_at IS NOT NULL)
       AND ($7::timestamptz IS NULL OR (date_trunc('milliseconds', a.raised_at), a.alarm_id) < ($7, $8::uuid))
     ORDER BY date_trunc('milliseconds', a.raised_at) DESC, a.alarm_id DESC LIMIT $9`,
    [
      filter.offices,
      filter.state ?? null,
      filter.active ?? null,
      filter.rule ?? null,
      filter.tripId ?? null,
      filter.lockId ?? null,
      filter.after?.raisedAt ?? null,
      filter.after?.alarmId ?? null,
      filter.limit,
      filter.severity ?? null,
      filter.untaken ?? false,
    ],
  );
  return rows;
}

export async function alarmsById(db: Queryable, alarmIds: string[]): Promise<AlarmRow[]> {
  const { rows } = await db.query<AlarmRow>(`SELECT ${ALARM_COLUMNS} FROM alarms a WHERE alarm_id = ANY($1::uuid[])`, [
    alarmIds,
  ]);
  return rows;
}

/** Newest first. */
export async function activeAlarms(db: Queryable, limit: number): Promise<AlarmRow[]> {
  const { rows } = await db.query<AlarmRow>(
    `SELECT ${ALARM_COLUMNS} FROM alarms a WHERE active ORDER BY raised_at DESC, alarm_id DESC LIMIT $1`,
    [limit],
  );
  return rows;
}

/** The alarm, locked until the end of the transaction. */
export async function alarmForUpdate(db: Queryable, alarmId: string): Promise<AlarmRow | undefined> {
  const { rows } = await db.query<AlarmRow>(`SELECT ${ALARM_COLUMNS} FROM alarms a WHERE alarm_id = $1 FOR UPDATE`, [
    alarmId,
  ]);
  return rows[0];
}

export async function acknowledgeAlarm(db: Queryable, alarmId: string, by: string): Promise<void> {
  await db.query('UPDATE alarms SET acknowledged_by = $2, acknowledged_at = now() WHERE alarm_id = $1', [alarmId, by]);
}

export async function assignAlarm(db: Queryable, alarmId: string, by: string, to: string): Promise<void> {
  await db.query(
    `UPDATE alarms SET assigned_to = $3, assigned_at = now(), acknowledged_by = coalesce(acknowledged_by, $2),
       acknowledged_at = coalesce(acknowledged_at, now()) WHERE alarm_id = $1`,
    [alarmId, by, to],
  );
}

/** A person's disposition: the only thing that ends a latched alarm (law 4). */
export async function disposeAlarm(
  db: Queryable,
  alarmId: string,
  disposal: { by: string; second: string | undefined; text: string; falseAlarm: boolean },
): Promise<void> {
  await db.query(
    `UPDATE alarms SET active = false, disposed_by = $2, disposed_at = now(), disposal_text = $3, false_alarm = $4, disposed_second = $5
     WHERE alarm_id = $1`,
    [alarmId, disposal.by, disposal.text, disposal.falseAlarm, disposal.second ?? null],
  );
}

/** The last word: somebody has looked at the disposition and the case is closed. */
export async function closeAlarm(db: Queryable, alarmId: string, by: string): Promise<void> {
  await db.query('UPDATE alarms SET closed_by = $2, closed_at = now() WHERE alarm_id = $1', [alarmId, by]);
}
