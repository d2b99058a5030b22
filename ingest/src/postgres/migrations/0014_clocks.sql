-- `time` is the time that the rules use, never after the receipt. The time as the lock sent it, and why it could not be used.
-- NULL: they are the same.
ALTER TABLE reports ADD COLUMN sent_time timestamptz;
ALTER TABLE reports ADD COLUMN clock_fault text;

-- What is known of the lock's clock (record/clock.ts); read and written by the intake only.
ALTER TABLE locks ADD COLUMN clock json NOT NULL DEFAULT '{}';
