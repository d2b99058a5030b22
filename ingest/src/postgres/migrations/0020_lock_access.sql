-- How a lock signs in, and with what (docs/decisions/0025).
ALTER TABLE locks
  ADD COLUMN sign_in            text NOT NULL DEFAULT 'secret'
    CONSTRAINT locks_sign_in CHECK (sign_in IN ('secret', 'certificate', 'either')),
  -- SHA-256 of a certificate or of its public key, in hexadecimal; empty: every certificate that names the lock
  ADD COLUMN certificate_pins   text[] NOT NULL DEFAULT '{}',
  -- the certificate it has last signed in with
  ADD COLUMN certificate        jsonb,
  -- a new secret on its way to the lock: good beside the one before it until the lock signs in with it. Sealed, it waits to
  -- be sent; the key is not in the database
  ADD COLUMN next_secret_hash   bytea,
  ADD COLUMN next_secret_sealed bytea,
  -- how long the one before it is good once the lock has said that it keeps the new one, s; NULL: until it signs in with it
  ADD COLUMN secret_overlap_s   int,
  ADD COLUMN secret_until       timestamptz;

CREATE TABLE revoked_certificates (
  lock_id    text NOT NULL REFERENCES locks,
  -- what it is recognised by: its serial number, or the SHA-256 of it or of its public key
  kind       text NOT NULL CONSTRAINT revoked_certificates_kind CHECK (kind IN ('serial', 'sha256')),
  value      text NOT NULL,
  reason     text NOT NULL DEFAULT '',
  revoked_at timestamptz NOT NULL DEFAULT now(),
  revoked_by text NOT NULL,
  PRIMARY KEY (lock_id, kind, value)
);

-- Whoever changes what a lock may sign in with, the command line among them, tells the platform that it is connected to.
CREATE FUNCTION tell_lock_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('sealwatch_lock_access', NEW.lock_id);
  RETURN NULL;
END $$;
CREATE TRIGGER locks_access AFTER UPDATE OF retired_at, secret_hash, next_secret_hash, secret_until, sign_in, certificate_pins
  ON locks FOR EACH ROW EXECUTE FUNCTION tell_lock_access();
CREATE TRIGGER revoked_certificates_access AFTER INSERT ON revoked_certificates FOR EACH ROW EXECUTE FUNCTION tell_lock_access();

ALTER TABLE commands DROP CONSTRAINT commands_type;
ALTER TABLE commands ADD CONSTRAINT commands_type
  CHECK (type IN ('interval', 'seal', 'unlock', 'locate', 'reboot', 'secret')) NOT VALID;

-- When somebody has first signed in: until an administrator has, keys may let the first one in, and nobody afterwards.
ALTER TABLE people ADD COLUMN signed_in_at timestamptz;
UPDATE people SET signed_in_at = created_at;
CREATE FUNCTION note_first_sign_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE people SET signed_in_at = now() WHERE person_id = NEW.person_id AND signed_in_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER sessions_first AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION note_first_sign_in();
