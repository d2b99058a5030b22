-- Trips whose plan has changed since they were judged. Whoever changes a plan puts them here in the same transaction; the intake
-- judges them and takes them out in one transaction, unless they were asked for again meanwhile: then `asked` is another one.
CREATE SEQUENCE to_judge_asked;
CREATE TABLE to_judge (
  trip_id uuid PRIMARY KEY REFERENCES trips ON DELETE CASCADE,
  asked bigint NOT NULL DEFAULT nextval('to_judge_asked'),
  -- when the first of the changes that wait was made
  asked_at timestamptz NOT NULL DEFAULT now());
