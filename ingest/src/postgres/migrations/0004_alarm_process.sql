-- The process of alarms: who is called when nobody takes one, quiet for a while, and the last word.
ALTER TABLE alarms
  -- since when it is critical and confirmed: from then on somebody should take it
  ADD COLUMN urgent_at    timestamptz,
  ADD COLUMN reminded_at  timestamptz,
  ADD COLUMN escalated_at timestamptz,
  ADD COLUMN closed_by    text,
  ADD COLUMN closed_at    timestamptz;

-- Whoever writes an alarm (the rules, a gate), it becomes urgent in that same write.
CREATE FUNCTION alarm_becomes_urgent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.urgent_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER alarm_becomes_urgent BEFORE INSERT OR UPDATE ON alarms FOR EACH ROW
  WHEN (NEW.urgent_at IS NULL AND NEW.active AND NEW.severity = 'critical' AND NEW.phase <> 'provisional')
  EXECUTE FUNCTION alarm_becomes_urgent();
UPDATE alarms SET active = active WHERE active AND severity = 'critical' AND phase <> 'provisional';

CREATE INDEX alarms_unattended ON alarms (urgent_at)
  WHERE active AND urgent_at IS NOT NULL AND acknowledged_at IS NULL AND escalated_at IS NULL;

-- A vehicle that is kept quiet for a while: its alarms are recorded and not shouted.
ALTER TABLE trips
  ADD COLUMN frozen_until  timestamptz,
  ADD COLUMN frozen_by     text,
  ADD COLUMN frozen_reason text;
CREATE INDEX trips_frozen ON trips (frozen_until) WHERE frozen_until IS NOT NULL;

-- Whom to call at an office (互设联络员): [{name, phone, duty}], in the order in which they are called.
CREATE TABLE office_contacts (
  office     text PRIMARY KEY,
  contacts   jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text NOT NULL
);
