-- Each report rewrites its lock's row and moves its trip's: room beside the rows keeps the new ones on their page, where
-- no index has to learn of them.
ALTER TABLE locks SET (fillfactor = 50);
ALTER TABLE trips SET (fillfactor = 80);

-- Only handed on, never looked into: `json` is stored as it came.
ALTER TABLE locks ALTER COLUMN last_report TYPE json USING last_report::json;
ALTER TABLE locks ALTER COLUMN last_fix TYPE json USING last_fix::json;

-- Fix time of the newest record that had a position. Where that is the newest record of all, last_fix is NULL: see lock_fix.
ALTER TABLE locks ADD COLUMN last_fix_time timestamptz;
UPDATE locks SET last_fix_time = (last_fix ->> 'time')::timestamptz WHERE last_fix IS NOT NULL;

-- The newest record of a lock that had a position; NULL where none had.
CREATE FUNCTION lock_fix(l locks) RETURNS json LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN l.last_fix_time IS NOT NULL THEN coalesce(l.last_fix, l.last_report) END
$$;
