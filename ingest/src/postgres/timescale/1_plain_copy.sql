-- Made anew by whoever adopts (former-reports.ts).
DROP VIEW IF EXISTS all_reports;
-- A hypertable cannot be made of a partitioned table: the empty one of the migration gives its columns, and its indexes
-- with their names, to a plain table of its name.
ALTER TABLE reports RENAME TO reports_partitioned;
CREATE TABLE reports (LIKE reports_partitioned INCLUDING ALL);
DO $$
DECLARE
  pair record;
BEGIN
  FOR pair IN
    SELECT old.relname AS name, new.relname AS copy
    FROM pg_index o JOIN pg_class old ON old.oid = o.indexrelid, pg_index n JOIN pg_class new ON new.oid = n.indexrelid
    WHERE o.indrelid = 'reports_partitioned'::regclass AND n.indrelid = 'reports'::regclass
      AND o.indisunique = n.indisunique
      AND substring(pg_get_indexdef(old.oid) FROM ' USING .*') = substring(pg_get_indexdef(new.oid) FROM ' USING .*')
  LOOP
    EXECUTE format('ALTER INDEX %I RENAME TO %I', pair.name, pair.name || '_partitioned');
    EXECUTE format('ALTER INDEX %I RENAME TO %I', pair.copy, pair.name);
  END LOOP;
END $$;
DROP TABLE reports_partitioned;
