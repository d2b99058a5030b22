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
