-- Offices that somebody is bound to: NULL is bound to none and sees everything, '{}' sees nothing. The default stays '{}':
-- a row that is inserted without offices sees nothing. Until now '{}' was how unbound was written.
ALTER TABLE people ALTER COLUMN offices DROP NOT NULL;
ALTER TABLE api_keys ALTER COLUMN offices DROP NOT NULL;
ALTER TABLE subscriptions ALTER COLUMN offices DROP NOT NULL;
UPDATE people SET offices = NULL WHERE offices = '{}';
UPDATE api_keys SET offices = NULL WHERE offices = '{}';
UPDATE subscriptions SET offices = NULL WHERE offices = '{}';

-- Sessions and links belong to a person, and say nothing of their own about role or offices: these are read from the person
-- at every call. Those of nobody, or of somebody whose access has ended, are gone.
ALTER TABLE sessions ADD COLUMN person_id uuid REFERENCES people ON DELETE CASCADE;
UPDATE sessions s SET person_id = p.person_id FROM people p WHERE p.name = s.name AND p.disabled_at IS NULL;
DELETE FROM sessions WHERE person_id IS NULL;
ALTER TABLE sessions ALTER COLUMN person_id SET NOT NULL;
ALTER TABLE sessions DROP COLUMN name, DROP COLUMN role, DROP COLUMN offices;
CREATE INDEX sessions_by_person ON sessions (person_id);

ALTER TABLE sign_in_links ADD COLUMN person_id uuid REFERENCES people ON DELETE CASCADE;
UPDATE sign_in_links l SET person_id = p.person_id FROM people p WHERE p.name = l.name AND p.disabled_at IS NULL;
DELETE FROM sign_in_links WHERE person_id IS NULL;
ALTER TABLE sign_in_links ALTER COLUMN person_id SET NOT NULL;
ALTER TABLE sign_in_links DROP COLUMN name, DROP COLUMN role;
CREATE INDEX sign_in_links_by_person ON sign_in_links (person_id);

-- The name under which a key appears in the audit and on what it did: 'key:' and its name for the first of that name, with
-- '#' and its id behind it for every other.
ALTER TABLE api_keys ADD COLUMN actor text NOT NULL DEFAULT 'key:' || gen_random_uuid();
UPDATE api_keys k SET actor = 'key:' || CASE WHEN k.name = '' THEN k.key_id::text
  WHEN NOT EXISTS (SELECT FROM api_keys o WHERE o.name = k.name AND (o.created_at, o.key_id) < (k.created_at, k.key_id))
    AND k.name <> 'bootstrap' THEN k.name
  ELSE k.name || '#' || k.key_id END;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_actor UNIQUE (actor);

-- Answers that are repeated are kept by the id of the caller, not by its name. Where two shared a name nobody knows whose
-- they are.
UPDATE idempotency i SET principal = 'key:' || k.key_id FROM api_keys k
  WHERE i.principal = 'key:' || k.name AND k.name NOT IN ('', 'bootstrap')
    AND NOT EXISTS (SELECT FROM api_keys o WHERE o.name = k.name AND o.key_id <> k.key_id);
UPDATE idempotency i SET principal = 'person:' || p.person_id FROM people p WHERE i.principal = p.name;
DELETE FROM idempotency i WHERE principal <> 'key:bootstrap'
  AND NOT EXISTS (SELECT FROM api_keys k WHERE i.principal = 'key:' || k.key_id)
  AND NOT EXISTS (SELECT FROM people p WHERE i.principal = 'person:' || p.person_id);
