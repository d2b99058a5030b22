-- A session can be named and ended by its owner: how it was opened, from where, and when it was last used (to the minute).
ALTER TABLE sessions
  ADD COLUMN session_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  ADD COLUMN method       text NOT NULL DEFAULT 'link' CHECK (method IN ('password', 'link', 'provider')),
  ADD COLUMN address      text NOT NULL DEFAULT '',
  -- the browser's own words (User-Agent), cut
  ADD COLUMN agent        text NOT NULL DEFAULT '',
  ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now();
