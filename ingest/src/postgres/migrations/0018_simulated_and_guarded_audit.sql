-- What testers made: they may change it, and what is real does not see it.
ALTER TABLE locks ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
ALTER TABLE trips ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
ALTER TABLE places ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
ALTER TABLE routes ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
UPDATE trips t SET simulated = true WHERE EXISTS (SELECT FROM trip_units u WHERE u.trip_id = t.trip_id)
  AND NOT EXISTS (SELECT FROM trip_units u JOIN locks l USING (lock_id) WHERE u.trip_id = t.trip_id AND NOT l.simulated);

-- An entry of the audit is written once, linked once, and then stays. A superuser passes: no trigger holds one up, and what one
-- does the chain and its anchors show.
CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('is_superuser') = 'on' THEN
    RETURN coalesce(NEW, OLD);
  END IF;
  -- Nested: a field of OLD that this table has not must not even be looked at.
  IF TG_TABLE_NAME = 'audit' AND TG_OP = 'UPDATE' THEN
    IF OLD.link_no IS NULL
      AND (NEW.audit_id, NEW.at, NEW.actor, NEW.action, NEW.subject, NEW.before, NEW.after)
        IS NOT DISTINCT FROM (OLD.audit_id, OLD.at, OLD.actor, OLD.action, OLD.subject, OLD.before, OLD.after) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'entries of the audit are neither changed nor removed' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_rows_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_links_kept BEFORE INSERT ON audit FOR EACH ROW WHEN (NEW.link_no IS NOT NULL)
  EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head FOR EACH ROW WHEN (NEW.link_no <= OLD.link_no)
  EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_head_row_kept BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_head_kept BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
