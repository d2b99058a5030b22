-- Values of a lock's records that could not be and were left out: how many, and the newest that stands in quarantine
-- ({field, value, expected, at}). Written at most a few times an hour for one lock.
ALTER TABLE locks ADD COLUMN left_out_count bigint NOT NULL DEFAULT 0;
ALTER TABLE locks ADD COLUMN left_out json;
