-- Locks of test fleets: said at their registration, by testers, and never changed afterwards.
ALTER TABLE locks ADD COLUMN simulated boolean NOT NULL DEFAULT false;
-- Until now testers registered the locks of their fleets without saying so. A name that another role has too says nothing.
UPDATE locks SET simulated = true WHERE lock_id IN (
  SELECT jsonb_array_elements_text(a.after -> 'locks') FROM audit a JOIN api_keys k ON a.actor = 'key:' || k.name
  WHERE a.action = 'lock.register' AND k.role = 'tester' AND k.name <> ''
    AND NOT EXISTS (SELECT FROM api_keys o WHERE o.name = k.name AND o.role <> 'tester'));

-- The second person of a disposition as a false alarm.
ALTER TABLE alarms ADD COLUMN disposed_second text;

-- Who took a trip over under way.
ALTER TABLE trips ADD COLUMN taken_over_by text;
UPDATE trips SET taken_over_by = coalesce(steps #>> '{0,checks,0,waivedBy}', '') WHERE taken_over_at IS NOT NULL;

-- Latched alarms of other trips that a trip shares a lock or a container with: red follows the box and the lock. A row says
-- which alarm; whether it still counts is the alarm's own state.
CREATE TABLE inherited_alarms (
  trip_id  uuid NOT NULL REFERENCES trips,
  alarm_id uuid NOT NULL REFERENCES alarms ON DELETE CASCADE,
  PRIMARY KEY (trip_id, alarm_id)
);
CREATE INDEX inherited_alarms_by_alarm ON inherited_alarms (alarm_id);

-- 0 green, 1 amber, 2 red: from the active alarms of a trip and those that it has inherited.
CREATE OR REPLACE FUNCTION trip_risk(of_trip uuid, as_of timestamptz DEFAULT 'infinity') RETURNS smallint
LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN bool_or(kind = 'latched' AND severity = 'critical' AND confirmed) THEN 2
    WHEN bool_or(kind = 'latched' AND severity = 'major' AND confirmed)
      OR count(*) FILTER (WHERE kind = 'level' AND severity IN ('major', 'critical')) > 1 THEN 1
    ELSE 0
  END::smallint
  FROM (
    SELECT kind, severity, alarm_state(a, as_of) <> 'provisional' AS confirmed
    FROM alarms a WHERE a.trip_id = of_trip AND alarm_active(a, as_of)
    UNION ALL
    SELECT kind, severity, alarm_state(a, as_of) <> 'provisional'
    FROM inherited_alarms i JOIN alarms a USING (alarm_id) WHERE i.trip_id = of_trip AND alarm_active(a, as_of)) active
$$;

-- Trips that share a lock or a container with a trip, whatever has become of them.
CREATE FUNCTION trips_sharing_units(of_trip uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
  SELECT DISTINCT u.trip_id FROM trip_units u WHERE u.trip_id <> of_trip
    AND (u.lock_id = ANY (ARRAY(SELECT lock_id FROM trip_units WHERE trip_id = of_trip))
      OR u.container_no = ANY (ARRAY(SELECT container_no FROM trip_units WHERE trip_id = of_trip)))
$$;

-- Until the end of the transaction nobody else declares a trip with these locks and containers or latches an alarm of theirs:
-- whichever is second sees the first.
CREATE FUNCTION hold_units(of_trip uuid) RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(42, h) FROM (
    SELECT hashtext(lock_id) AS h FROM trip_units WHERE trip_id = of_trip
    UNION SELECT hashtext(container_no) FROM trip_units WHERE trip_id = of_trip ORDER BY h) units
$$;

-- A trip that was just declared takes over the alarms of the trips that it shares a lock or a container with, and what these
-- have inherited themselves.
CREATE FUNCTION inherit_alarms(for_trip uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_units(for_trip);
  INSERT INTO inherited_alarms (trip_id, alarm_id)
    SELECT for_trip, a.alarm_id FROM alarms a
    WHERE a.active AND a.kind = 'latched' AND a.trip_id IN (SELECT trips_sharing_units(for_trip))
    UNION
    SELECT for_trip, a.alarm_id FROM inherited_alarms i JOIN alarms a USING (alarm_id)
    WHERE a.active AND a.trip_id <> for_trip AND i.trip_id IN (SELECT trips_sharing_units(for_trip))
    ON CONFLICT DO NOTHING;
  UPDATE trips SET risk = trip_risk(trip_id) WHERE trip_id = for_trip;
END $$;

-- Whoever writes a latched alarm (the rules, a gate, a person's disposition), the trips that share its lock or container get
-- their colour in that same write. Of a closed trip, whose box was verified and opened, a late alarm reaches only trips
-- that are declared afterwards (law 3).
CREATE FUNCTION pass_on_alarm() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- A backup that is read in holds what follows from its alarms.
  IF current_setting('sealwatch.restoring', true) = 'on' THEN RETURN NULL; END IF;
  IF NEW.active THEN
    PERFORM hold_units(NEW.trip_id);
    INSERT INTO inherited_alarms (trip_id, alarm_id)
      SELECT t.trip_id, NEW.alarm_id FROM trips t
      WHERE t.trip_id IN (SELECT trips_sharing_units(NEW.trip_id)) AND t.status NOT IN ('closed', 'cancelled')
        AND NOT EXISTS (SELECT FROM trips s WHERE s.trip_id = NEW.trip_id AND s.status = 'closed')
      ON CONFLICT DO NOTHING;
  END IF;
  UPDATE trips t SET risk = trip_risk(t.trip_id) FROM inherited_alarms i
    WHERE i.alarm_id = NEW.alarm_id AND t.trip_id = i.trip_id AND t.risk <> trip_risk(t.trip_id);
  RETURN NULL;
END $$;
CREATE TRIGGER alarm_passed_on AFTER INSERT ON alarms FOR EACH ROW
  WHEN (NEW.kind = 'latched' AND NEW.active AND NEW.trip_id IS NOT NULL) EXECUTE FUNCTION pass_on_alarm();
CREATE TRIGGER changed_alarm_passed_on AFTER UPDATE ON alarms FOR EACH ROW
  WHEN (NEW.kind = 'latched' AND NEW.trip_id IS NOT NULL
    AND (OLD.active, OLD.phase, OLD.severity) IS DISTINCT FROM (NEW.active, NEW.phase, NEW.severity))
  EXECUTE FUNCTION pass_on_alarm();

-- Open trips whose lock or container was red on another trip before.
SELECT inherit_alarms(t.trip_id) FROM trips t WHERE t.status NOT IN ('closed', 'cancelled')
  AND EXISTS (SELECT FROM alarms a WHERE a.active AND a.kind = 'latched' AND a.trip_id IN
    (SELECT trips_sharing_units(t.trip_id)));

-- Acts that two signed-in people answer for: one has asked, another one confirms or refuses.
--
--   pending ──confirm──► confirmed ──the act is refused, or its trip has changed──► void
--      ├──────refuse───► refused
--      └──15 min───────► expired (by its time; nothing writes it)
CREATE TABLE approvals (
  approval_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  act         text NOT NULL,
  -- what it is done to: the trip, and an alarm, a lock or a passage
  trip_id     uuid REFERENCES trips,
  subject     jsonb NOT NULL,
  -- what was asked, as the act takes it
  asked       jsonb NOT NULL,
  -- roles that may confirm
  roles       text[] NOT NULL,
  -- what the trip was like; another one makes the approval void
  stamp       text NOT NULL,
  asked_by    text NOT NULL,
  asked_at    timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  state       text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'confirmed', 'refused', 'void')),
  decided_by  text CHECK (decided_by IS NULL OR decided_by <> asked_by OR state <> 'confirmed'),
  decided_at  timestamptz,
  reason      text
);
CREATE INDEX approvals_newest ON approvals (asked_at DESC, approval_id);
CREATE INDEX approvals_by_trip ON approvals (trip_id, asked_at DESC);
