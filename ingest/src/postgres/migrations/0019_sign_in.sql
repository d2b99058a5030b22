-- A session can be named and ended by its owner: how it was opened, from where, and when it was last used (to the minute).
ALTER TABLE sessions
  ADD COLUMN session_id   uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  ADD COLUMN method       text NOT NULL DEFAULT 'link' CHECK (method IN ('password', 'link', 'provider')),
  ADD COLUMN address      text NOT NULL DEFAULT '',
  -- the browser's own words (User-Agent), cut
  ADD COLUMN agent        text NOT NULL DEFAULT '',
  ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now();

-- A key may end by itself; one that was rotated does so after an overlap, and names the key that takes its place. When it was
-- last used is known to five minutes.
ALTER TABLE api_keys
  ADD COLUMN expires_at   timestamptz,
  ADD COLUMN last_used_at timestamptz,
  ADD COLUMN successor    uuid;
