-- A hypertable cannot be made of a partitioned table: the empty one of the migration gives its columns and indexes to a
-- plain table of its name. The view of all reports is made again afterwards.
DROP VIEW all_reports;
CREATE TABLE reports_hyper (LIKE reports INCLUDING ALL);
DROP TABLE reports;
ALTER TABLE reports_hyper RENAME TO reports;
ALTER INDEX reports_hyper_lock_no_time_idx RENAME TO reports_by_lock;
ALTER INDEX reports_hyper_lock_no_seq_idx RENAME TO reports_by_number;
