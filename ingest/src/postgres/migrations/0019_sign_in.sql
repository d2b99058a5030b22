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

-- The second factor of a person: a secret shared with an authenticator (TOTP, RFC 6238), sealed under a key that is not in the
-- database. It counts from its confirmation on. A code is taken once: none of a time step at or before `last_step`.
CREATE TABLE second_factors (
  person_id    uuid PRIMARY KEY REFERENCES people ON DELETE CASCADE,
  secret       bytea NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  confirmed_at timestamptz,
  last_step    bigint NOT NULL DEFAULT 0
);

-- Codes that stand in for a lost authenticator, as SHA-256 of 100 random bits, once each.
CREATE TABLE recovery_codes (
  person_id uuid NOT NULL REFERENCES people ON DELETE CASCADE,
  code_hash bytea NOT NULL,
  used_at   timestamptz,
  PRIMARY KEY (person_id, code_hash)
);

-- A session of somebody with a second factor, or who must have one, is good for nothing until that was shown in it.
ALTER TABLE sessions
  ADD COLUMN second_factor boolean NOT NULL DEFAULT false,
  ADD COLUMN wrong_codes   int NOT NULL DEFAULT 0;

-- People of an OpenID provider: who they are is its issuer and subject, never a name. Their role and offices are the provider's.
CREATE TABLE person_identities (
  issuer    text NOT NULL,
  subject   text NOT NULL,
  person_id uuid NOT NULL UNIQUE REFERENCES people ON DELETE CASCADE,
  PRIMARY KEY (issuer, subject)
);
