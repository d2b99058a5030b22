-- A hypertable cannot be made of a partitioned table: the empty one of the migration gives its columns and indexes to a
-- plain table of its name.
CREATE TABLE reports_hyper (LIKE reports INCLUDING ALL);
DROP TABLE reports;
ALTER TABLE reports_hyper RENAME TO reports;
