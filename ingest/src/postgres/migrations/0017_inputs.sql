-- The scope of a passage's id (docs/decisions/0022): the gate and the day in China Standard Time, or the gate alone for a
-- UUID, whose day is empty.
ALTER TABLE passages
  ADD COLUMN day             text NOT NULL DEFAULT '',
  -- questions that used the id again with another body: how many, when last, and the last of them
  ADD COLUMN reused_times    int NOT NULL DEFAULT 0,
  ADD COLUMN reused_at       timestamptz,
  ADD COLUMN reused_question jsonb;
UPDATE passages SET day = coalesce(CASE WHEN passage_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN ''
  ELSE to_char((question ->> 'at')::timestamptz AT TIME ZONE 'UTC' + interval '8 hours', 'YYYY-MM-DD') END, '');
ALTER TABLE passages DROP CONSTRAINT passages_pkey;
ALTER TABLE passages ADD PRIMARY KEY (gate_id, passage_id, day);

-- Words of a list are words of that list: a wrong one that got past the code is refused here. Rows that are there are not
-- looked at (NOT VALID), but for decisions: one that is none broke the list of its gate for ever.
UPDATE passages SET comment = concat(comment, ' [', decision, ']'), decision = NULL
  WHERE decision NOT IN ('release', 'inspect', 'return');
ALTER TABLE passages
  ADD CONSTRAINT passages_verdict CHECK (verdict IN ('release', 'manual', 'alarm')) NOT VALID,
  ADD CONSTRAINT passages_decision CHECK (decision IN ('release', 'inspect', 'return')) NOT VALID;
ALTER TABLE commands
  ADD CONSTRAINT commands_type CHECK (type IN ('interval', 'seal', 'unlock', 'locate', 'reboot')) NOT VALID,
  ADD CONSTRAINT commands_state
    CHECK (state IN ('queued', 'sent', 'done', 'refused', 'failed', 'expired', 'cancelled')) NOT VALID;
ALTER TABLE alarms
  ADD CONSTRAINT alarms_kind CHECK (kind IN ('edge', 'level', 'latched')) NOT VALID,
  ADD CONSTRAINT alarms_severity CHECK (severity IN ('info', 'minor', 'major', 'critical')) NOT VALID,
  ADD CONSTRAINT alarms_phase CHECK (phase IN ('provisional', 'open', 'returned')) NOT VALID;
ALTER TABLE trips
  ADD CONSTRAINT trips_mode CHECK (mode IN ('road', 'rail', 'barge')) NOT VALID,
  ADD CONSTRAINT trips_status CHECK (status IN ('declared', 'released', 'hung', 'sealed', 'in-transit', 'arrived', 'verified',
    'unlocked', 'closed', 'cancelled')) NOT VALID,
  ADD CONSTRAINT trips_risk CHECK (risk IN (0, 1, 2)) NOT VALID;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_state CHECK (state IN ('waiting', 'delivered', 'dead')) NOT VALID;
ALTER TABLE passages VALIDATE CONSTRAINT passages_decision;
ALTER TABLE people
  ADD CONSTRAINT people_role CHECK (role IN ('viewer', 'operator', 'supervisor', 'gate', 'tester', 'admin')) NOT VALID;
ALTER TABLE api_keys
  ADD CONSTRAINT api_keys_role CHECK (role IN ('viewer', 'operator', 'supervisor', 'gate', 'tester', 'admin')) NOT VALID;
ALTER TABLE places ADD CONSTRAINT places_kind
  CHECK (kind IN ('office', 'gate', 'yard', 'yard-cell', 'service-area', 'restricted', 'port')) NOT VALID;
