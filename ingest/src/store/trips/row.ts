import type { Severity, Step, Trip, TripStatus } from '@sealwatch/schemas';

export interface TripRow {
  trip_id: string;
  convoy_id: string | null;
  declaration_no: string;
  mode: Trip['mode'];
  origin_office: string;
  destination_office: string;
  company: string | null;
  route_id: string;
  route_version: number;
  tractor_plate: string;
  trailer_plate: string | null;
  plate_country: string | null;
  status: TripStatus;
  risk: 0 | 1 | 2;
  steps: Step[];
  planned_departure_at: Date | null;
  time_limit_min: number | null;
  gross_weight_kg: number | null;
  hold_reason: string | null;
  hold_by: string | null;
  frozen_until: Date | null;
  frozen_by: string | null;
  frozen_reason: string | null;
  created_at: Date;
  sealed_at: Date | null;
  departed_at: Date | null;
  /** Departure of a trip that was taken over under way; null: it was sealed here. */
  taken_over_at: Date | null;
  /** Who took it over; empty: not known. */
  taken_over_by: string | null;
  arrived_at: Date | null;
  verified_at: Date | null;
  unlocked_at: Date | null;
  written_off_at: Date | null;
  closed_at: Date | null;
  done_m: number;
  total_m: number;
  eta_at: Date | null;
  /** All its locks are simulated. */
  simulated: boolean;
}

export interface InheritedAlarm {
  alarmId: string;
  tripId: string;
  rule: string;
  severity: Severity;
  provisional: boolean;
}

/** A trip with what a caller sees of it. */
export interface TripView extends TripRow {
  units: { containerNo: string; lockId: string; mechanicalSealNo: string | null; profile: string | null }[];
  open_alarms: Trip['openAlarms'];
  /** Active latched alarms of other trips with one of its locks or containers, oldest first. */
  inherited: InheritedAlarm[];
  last_report: {
    lockId: string;
    time: string;
    receivedAt: string | null;
    report: Record<string, unknown> | null;
    fix: Record<string, unknown> | null;
  } | null;
}

/** The newest record of a trip's locks that belongs to it: none of before it was sealed, none of after it closed. */
const LAST_REPORT = `(SELECT json_build_object('lockId', l.lock_id, 'time', l.last_time, 'receivedAt', l.last_received,
    'report', l.last_report, 'fix', lock_fix(l))
  FROM trip_units u JOIN locks l USING (lock_id)
  WHERE u.trip_id = t.trip_id AND l.last_time >= coalesce(u.tracked_from, t.created_at)
    AND (u.tracked_to IS NULL OR l.last_time < u.tracked_to)
  ORDER BY l.last_time DESC LIMIT 1)`;

/** The active alarms of a trip aliased `t`. @param asOf an SQL expression: at what time */
export const OPEN_ALARMS = (asOf = "'infinity'") => `(SELECT coalesce(json_agg(json_build_object('alarmId', a.alarm_id,
    'rule', a.rule, 'severity', a.severity, 'state', alarm_state(a, ${asOf}), 'startedAt', a.started_at)
    ORDER BY a.started_at, a.alarm_id), '[]'::json)
  FROM alarms a WHERE a.trip_id = t.trip_id AND alarm_active(a, ${asOf}))`;

/** The alarms that a trip aliased `t` has inherited and that are active. @param asOf an SQL expression: at what time */
export const INHERITED = (asOf = "'infinity'") => `(SELECT coalesce(json_agg(json_build_object('alarmId', a.alarm_id,
    'tripId', a.trip_id, 'rule', a.rule, 'severity', a.severity,
    'provisional', alarm_state(a, ${asOf}) = 'provisional') ORDER BY a.raised_at, a.alarm_id), '[]'::json)
  FROM inherited_alarms i JOIN alarms a USING (alarm_id) WHERE i.trip_id = t.trip_id AND alarm_active(a, ${asOf}))`;

/** Reads trips aliased `t`; a condition follows. @param more further columns, each after a comma */
export const tripViewSql = (more = '') => `SELECT t.*,
  (SELECT json_agg(json_build_object('containerNo', u.container_no, 'lockId', u.lock_id,
     'mechanicalSealNo', u.mechanical_seal_no, 'profile', l.profile) ORDER BY u.ordinal)
   FROM trip_units u JOIN locks l USING (lock_id) WHERE u.trip_id = t.trip_id) AS units,
  ${OPEN_ALARMS()} AS open_alarms,
  ${INHERITED()} AS inherited,
  ${LAST_REPORT} AS last_report${more}
  FROM trips t`;
