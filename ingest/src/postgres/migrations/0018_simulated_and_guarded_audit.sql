-- What testers made: they may change it, and what is real does not see it.
ALTER TABLE locks ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
ALTER TABLE trips ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
ALTER TABLE places ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
ALTER TABLE routes ADD COLUMN IF NOT EXISTS simulated boolean NOT NULL DEFAULT false;
