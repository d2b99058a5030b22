-- A train, or another row of trips that are handled together. Each box of it is a trip of its own.
CREATE TABLE convoys (
  convoy_id          uuid PRIMARY KEY,
  -- the train's number
  convoy_no          text NOT NULL,
  -- 批号: the number by which waybills are pulled
  batch_no           text,
  mode               text NOT NULL,
  origin_office      text NOT NULL,
  destination_office text NOT NULL,
  created_at         timestamptz NOT NULL DEFAULT now(),
  created_by         text NOT NULL
);
CREATE INDEX convoys_newest ON convoys (created_at DESC, convoy_id);

ALTER TABLE trips ADD COLUMN convoy_id uuid REFERENCES convoys;
CREATE INDEX trips_by_convoy ON trips (convoy_id) WHERE convoy_id IS NOT NULL;

-- Who answers for a command beside the one who gave it.
ALTER TABLE commands ADD COLUMN second_by text;

-- A lock on the black list is not hung or sealed, and no gate lets it pass by itself.
ALTER TABLE locks ADD COLUMN blocked_reason text, ADD COLUMN blocked_by text;
