-- Locks that speak a protocol of their own; the bridge signs in for them (docs/decisions/0033).
ALTER TABLE locks
  -- the bridge's profile of the lock's model; NULL: the lock speaks MQTT itself
  ADD COLUMN profile           text CONSTRAINT locks_profile CHECK (profile ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
  -- the id that it bears on the wire; NULL: its lock id
  ADD COLUMN wire_id           text CONSTRAINT locks_wire_id CHECK (wire_id ~ '^[0-9A-F]{1,20}$'),
  -- its records are numbered one after the other, so that a number that is missing is a record that is missing
  ADD COLUMN numbered          boolean NOT NULL DEFAULT true,
  -- networks that it may connect to the bridge from; empty: any
  ADD COLUMN networks          text[] NOT NULL DEFAULT '{}',
  -- its secret is derived from the platform's key, its id and this number
  ADD COLUMN secret_generation int NOT NULL DEFAULT 0,
  ADD CONSTRAINT locks_bridged CHECK (profile IS NOT NULL OR (wire_id IS NULL AND networks = '{}'));

-- A bridge apart asks for its locks by a key of this role, which no person has.
ALTER TABLE api_keys DROP CONSTRAINT api_keys_role;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_role
  CHECK (role IN ('viewer', 'operator', 'supervisor', 'gate', 'tester', 'admin', 'bridge')) NOT VALID;

CREATE UNIQUE INDEX locks_one_wire_id ON locks (coalesce(wire_id, lock_id)) WHERE profile IS NOT NULL AND retired_at IS NULL;

-- A second connection came under the id of a lock while the first one lived; the alarm of the trip of that time.
CREATE TABLE second_connections (
  lock_id text NOT NULL REFERENCES locks,
  at      timestamptz NOT NULL,
  -- networks, IPv4 /24 and IPv6 /48, that the two came from
  was     text NOT NULL,
  came    text NOT NULL,
  PRIMARY KEY (lock_id, at)
);
