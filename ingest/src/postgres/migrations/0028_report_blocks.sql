-- Reports of closed days: some hundred of a lock, of one UTC day and with neighbouring times, in one row
-- (ingest/src/record/block.ts). No two blocks of a lock have a time in common; a record lies in a block or in `reports`.
CREATE TABLE report_blocks (
  first_time     timestamptz NOT NULL,
  last_time      timestamptz NOT NULL,
  -- The least and the greatest `seq`, as sent, of its records that are not in order; -1: all are.
  least_aside    bigint NOT NULL,
  greatest_aside bigint NOT NULL,
  lock_no        int NOT NULL,
  reports        int NOT NULL,
  -- whether any of its records is in order
  in_order       boolean NOT NULL,
  block          bytea NOT NULL
);
-- Packed already. In the row itself as long as a page holds it.
ALTER TABLE report_blocks ALTER COLUMN block SET STORAGE MAIN;
CREATE UNIQUE INDEX report_blocks_by_lock ON report_blocks (lock_no, first_time);
CREATE INDEX report_blocks_by_number ON report_blocks (lock_no, greatest_aside) WHERE greatest_aside >= 0;
CREATE INDEX report_blocks_by_time ON report_blocks USING brin (first_time);
