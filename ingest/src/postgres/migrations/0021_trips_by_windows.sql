-- The records of a trip are those of its locks with fix times in [tracked_from, tracked_to); nothing of it stands on a record,
-- so that a window may change without a record being written again.
-- Nothing reads the hours. On TimescaleDB they are a continuous aggregate, which PostgreSQL sees as a view.
DO $$ BEGIN
  IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('public.report_hours')) = 'v' THEN
    EXECUTE 'DROP MATERIALIZED VIEW report_hours';
  ELSE
    DROP TABLE report_hours;
  END IF;
END $$;
DROP TABLE report_days;
ALTER TABLE reports DROP COLUMN trip_id;
