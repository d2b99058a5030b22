-- What a member of a cluster does (gateway, worker, api), and why it cannot now: a worker with a reason owns no slots. Empty for a
-- platform that is alone.
ALTER TABLE members
  ADD COLUMN roles   text[] NOT NULL DEFAULT '{}',
  ADD COLUMN reasons text[] NOT NULL DEFAULT '{}';
