-- The rules' parameters of the platform and of companies. Every version is kept: a trip keeps those it was declared under.
CREATE TABLE rule_params (
  -- `platform`, or `company:` and its name
  layer  text NOT NULL,
  at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- rule → parameter → value
  params jsonb NOT NULL,
  by     text NOT NULL,
  PRIMARY KEY (layer, at)
);

-- Who carries it; its parameters judge the trip.
ALTER TABLE trips ADD COLUMN company text;
