-- Platforms that run on this database. At most one is active: it alone judges and writes; the others stand by. A member_id is
-- never given twice, so that it tells the terms of one platform apart.
CREATE TABLE members (
  member_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  active boolean NOT NULL DEFAULT false,
  name text NOT NULL,
  version text NOT NULL,
  -- application_name of its connections begins with this: whoever takes over ends them
  connections text NOT NULL,
  -- a hash of its key of webhooks: with another key the secrets of subscriptions cannot be read
  webhook_key text NOT NULL,
  -- its clock minus the database's
  clock_ahead_ms int NOT NULL DEFAULT 0,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  beat_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE UNIQUE INDEX one_active_member ON members (active) WHERE active;

-- The first statement of every transaction of a platform. Its row is locked until the transaction has ended: who deletes the row
-- waits for that, and nothing of this member is committed from then on.
CREATE FUNCTION hold_member(me int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM members WHERE member_id = me AND active FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'member % is not the active one', me USING ERRCODE = 'SW001';
  END IF;
END $$;
