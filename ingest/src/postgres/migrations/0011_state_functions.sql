-- The state of an alarm and the risk of a trip, as of a time or, by default, as they are now. Every statement asks these
-- functions; no other place works either of them out. Times of records are fix times, those of people's acts are the clock's.

-- provisional, open, returned, acknowledged, assigned, disposed or closed: drawn in store/alarms/alarms.ts. What came last
-- counts: a condition that ended after somebody took the alarm has returned. Acts and records after `as_of` do not count.
CREATE FUNCTION alarm_state(a alarms, as_of timestamptz DEFAULT 'infinity') RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN a.closed_at <= as_of THEN 'closed'
    WHEN a.disposed_at <= as_of THEN 'disposed'
    WHEN a.phase = 'provisional' OR a.confirmed_at > as_of THEN 'provisional'
    WHEN a.phase = 'returned' AND coalesce(a.ended_at, a.started_at) <= as_of
      AND coalesce(a.ended_at, a.started_at) > CASE WHEN a.assigned_at <= as_of THEN a.assigned_at
        WHEN a.acknowledged_at <= as_of THEN a.acknowledged_at ELSE '-infinity' END THEN 'returned'
    WHEN a.assigned_at <= as_of THEN 'assigned'
    WHEN a.acknowledged_at <= as_of THEN 'acknowledged'
    ELSE 'open' END
$$;

-- Whether an alarm is active. As of a time in the past: by its records and its disposition; an edge alarm has no duration.
CREATE FUNCTION alarm_active(a alarms, as_of timestamptz DEFAULT 'infinity') RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN as_of = 'infinity' THEN a.active
    ELSE a.started_at <= as_of AND (a.disposed_at IS NULL OR a.disposed_at > as_of)
      AND (a.kind = 'latched' OR (a.kind = 'level' AND (a.ended_at IS NULL OR a.ended_at > as_of))) END
$$;

-- 0 green, 1 amber, 2 red: from the active alarms of a trip.
DROP FUNCTION trip_risk(uuid);
CREATE FUNCTION trip_risk(of_trip uuid, as_of timestamptz DEFAULT 'infinity') RETURNS smallint LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN bool_or(kind = 'latched' AND severity = 'critical' AND confirmed) THEN 2
    WHEN bool_or(kind = 'latched' AND severity = 'major' AND confirmed)
      OR count(*) FILTER (WHERE kind = 'level' AND severity IN ('major', 'critical')) > 1 THEN 1
    ELSE 0
  END::smallint
  FROM (SELECT kind, severity, alarm_state(a, as_of) <> 'provisional' AS confirmed
    FROM alarms a WHERE a.trip_id = of_trip AND alarm_active(a, as_of)) active
$$;
