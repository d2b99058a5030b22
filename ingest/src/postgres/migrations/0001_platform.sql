-- Locks and the people, keys and sessions that may act.
CREATE TABLE locks (
  lock_id       text PRIMARY KEY,
  model         text NOT NULL DEFAULT '',
  secret_hash   bytea NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  retired_at    timestamptz,
  -- the newest record by fix time, so that a list of locks never reads `reports`
  last_time     timestamptz,
  last_received timestamptz,
  last_report   jsonb,
  -- the newest record that had a position
  last_fix      jsonb,
  max_boot      bigint,
  max_seq       bigint
);

CREATE TABLE people (
  person_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name          text NOT NULL UNIQUE,
  role          text NOT NULL,
  password_hash text,
  offices       text[] NOT NULL DEFAULT '{}',
  created_at    timestamptz NOT NULL DEFAULT now(),
  disabled_at   timestamptz
);

CREATE TABLE api_keys (
  key_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name       text NOT NULL DEFAULT '',
  role       text NOT NULL,
  key_hash   bytea NOT NULL UNIQUE,
  offices    text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);

CREATE TABLE sign_in_links (
  token_hash bytea PRIMARY KEY,
  name       text NOT NULL,
  role       text NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);

CREATE TABLE sessions (
  token_hash bytea PRIMARY KEY,
  name       text NOT NULL,
  role       text NOT NULL,
  offices    text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

CREATE TABLE idempotency (
  principal    text NOT NULL,
  key          text NOT NULL,
  request_hash bytea NOT NULL,
  status       int,
  body         jsonb,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (principal, key)
);

-- Routes keep every version: a trip keeps the one it began with.
CREATE TABLE routes (
  route_id   text NOT NULL,
  version    int NOT NULL,
  name       text NOT NULL,
  -- the feature in WGS-84, as judged by
  feature    jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  PRIMARY KEY (route_id, version)
);

CREATE TABLE places (
  place_id   text PRIMARY KEY,
  kind       text NOT NULL,
  name       text NOT NULL,
  feature    jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- An office's places, where its steps happen.
CREATE INDEX places_by_office ON places ((feature -> 'properties' ->> 'office'));

CREATE TABLE trips (
  trip_id              uuid PRIMARY KEY,
  declaration_no       text NOT NULL,
  mode                 text NOT NULL,
  origin_office        text NOT NULL,
  destination_office   text NOT NULL,
  route_id             text NOT NULL,
  route_version        int NOT NULL,
  tractor_plate        text NOT NULL,
  trailer_plate        text,
  status               text NOT NULL,
  -- 0 green, 1 amber, 2 red; kept by trip_risk() from the trip's active alarms
  risk                 smallint NOT NULL DEFAULT 0,
  steps                jsonb NOT NULL,
  planned_departure_at timestamptz,
  time_limit_min       double precision,
  -- declared weight of the whole vehicle, for the gate's weighbridge
  gross_weight_kg      double precision,
  -- 布控: a named person holds the trip; a gate never lets it pass
  hold_reason          text,
  hold_by              text,
  created_at           timestamptz NOT NULL DEFAULT now(),
  sealed_at            timestamptz,
  departed_at          timestamptz,
  arrived_at           timestamptz,
  verified_at          timestamptz,
  unlocked_at          timestamptz,
  written_off_at       timestamptz,
  closed_at            timestamptz,
  -- how far along the route, from the tracker
  done_m               double precision NOT NULL DEFAULT 0,
  total_m              double precision NOT NULL DEFAULT 0,
  eta_at               timestamptz,
  FOREIGN KEY (route_id, route_version) REFERENCES routes
);
CREATE INDEX trips_by_status ON trips (status, created_at DESC, trip_id);
CREATE INDEX trips_by_declaration ON trips (declaration_no);
CREATE INDEX trips_by_tractor ON trips (tractor_plate);
CREATE INDEX trips_by_trailer ON trips (trailer_plate);

CREATE TABLE trip_units (
  trip_id            uuid NOT NULL REFERENCES trips,
  ordinal            smallint NOT NULL,
  container_no       text NOT NULL,
  lock_id            text NOT NULL REFERENCES locks,
  mechanical_seal_no text,
  -- records of the lock with a fix time in [judged_from, judged_to) belong to this trip
  judged_from        timestamptz,
  judged_to          timestamptz,
  PRIMARY KEY (trip_id, ordinal)
);
CREATE INDEX trip_units_by_lock ON trip_units (lock_id, judged_from);
CREATE INDEX trip_units_by_container ON trip_units (container_no);

-- The tracker's state after all records of the trip up to `time`; a start reads the newest and the reports since.
CREATE TABLE trip_checkpoints (
  trip_id uuid NOT NULL REFERENCES trips,
  time    timestamptz NOT NULL,
  state   jsonb NOT NULL,
  PRIMARY KEY (trip_id, time)
);

CREATE TABLE alarms (
  alarm_id        uuid PRIMARY KEY,
  trip_id         uuid REFERENCES trips,
  lock_id         text NOT NULL,
  rule            text NOT NULL,
  kind            text NOT NULL,
  severity        text NOT NULL,
  -- what the records say: provisional, open or returned
  phase           text NOT NULL,
  -- until a person disposes of it (latched) or its condition has ended (level, edge)
  active          boolean NOT NULL,
  last_inside_at  timestamptz,
  started_at      timestamptz NOT NULL,
  confirmed_at    timestamptz,
  ended_at        timestamptz,
  raised_at       timestamptz NOT NULL,
  max_distance_m  double precision,
  detected_late   boolean NOT NULL DEFAULT false,
  lon             double precision,
  lat             double precision,
  evidence        jsonb NOT NULL DEFAULT '{}',
  -- what people did with it
  acknowledged_by text,
  acknowledged_at timestamptz,
  assigned_to     text,
  assigned_at     timestamptz,
  disposed_by     text,
  disposed_at     timestamptz,
  disposal_text   text,
  false_alarm     boolean
);
CREATE UNIQUE INDEX alarms_one_active ON alarms (trip_id, rule) WHERE active;
CREATE INDEX alarms_by_trip ON alarms (trip_id, started_at);
CREATE INDEX alarms_newest ON alarms (raised_at DESC, alarm_id);

CREATE FUNCTION trip_risk(of_trip uuid) RETURNS smallint LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN count(*) FILTER (WHERE kind = 'latched' AND severity = 'critical' AND phase <> 'provisional') > 0 THEN 2
    WHEN count(*) FILTER (WHERE kind = 'latched' AND severity = 'major' AND phase <> 'provisional') > 0
      OR count(*) FILTER (WHERE kind = 'level' AND severity IN ('major', 'critical')) > 1 THEN 1
    ELSE 0
  END::smallint
  FROM alarms WHERE trip_id = of_trip AND active
$$;

CREATE TABLE quarantine (
  quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at            timestamptz NOT NULL DEFAULT now(),
  lock_id       text NOT NULL,
  topic         text NOT NULL,
  reason        text NOT NULL,
  detail        text NOT NULL DEFAULT '',
  raw           bytea NOT NULL
);
CREATE INDEX quarantine_by_lock ON quarantine (lock_id, quarantine_id DESC);

-- Identities that came twice with different bodies. The second body is in quarantine, which is capped; that it came is
-- part of the trip's story and is kept.
CREATE TABLE identity_conflicts (
  lock_id text NOT NULL,
  boot    bigint NOT NULL,
  seq     bigint NOT NULL,
  -- fix time of the stored record
  time    timestamptz NOT NULL,
  PRIMARY KEY (lock_id, boot, seq)
);

CREATE TABLE passages (
  gate_id     text NOT NULL,
  passage_id  text NOT NULL,
  decided_at  timestamptz NOT NULL DEFAULT now(),
  question    jsonb NOT NULL,
  answer      jsonb NOT NULL,
  verdict     text NOT NULL,
  trip_id     uuid REFERENCES trips,
  decision    text,
  decision_by text,
  second_by   text,
  comment     text,
  decision_at timestamptz,
  PRIMARY KEY (gate_id, passage_id)
);
CREATE INDEX passages_newest ON passages (gate_id, decided_at DESC);
CREATE INDEX passages_by_trip ON passages (trip_id);

CREATE TABLE commands (
  command_id uuid PRIMARY KEY,
  ordinal    bigint GENERATED ALWAYS AS IDENTITY,
  lock_id    text NOT NULL REFERENCES locks,
  trip_id    uuid REFERENCES trips,
  type       text NOT NULL,
  interval_s int,
  state      text NOT NULL DEFAULT 'queued',
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  sent_at    timestamptz,
  ended_at   timestamptz,
  reason     text
);
CREATE INDEX commands_waiting ON commands (lock_id, ordinal) WHERE state IN ('queued', 'sent');
CREATE INDEX commands_by_trip ON commands (trip_id);

-- Events that leave the platform, written in the transaction that caused them.
CREATE TABLE outbox (
  outbox_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id   uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now(),
  type       text NOT NULL,
  trip_id    uuid,
  data       jsonb NOT NULL
);

CREATE TABLE audit (
  audit_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at        timestamptz NOT NULL DEFAULT now(),
  actor     text NOT NULL,
  action    text NOT NULL,
  subject   text NOT NULL,
  before    jsonb,
  after     jsonb,
  -- Its place in the chain, given after COMMIT by the linker, one entry after another: those who write never wait for
  -- each other's chain. Null: not linked yet.
  link_no   bigint UNIQUE,
  prev_hash bytea,
  hash      bytea
);
CREATE INDEX audit_unlinked ON audit (audit_id) WHERE link_no IS NULL;
CREATE INDEX audit_by_subject ON audit (subject, audit_id);

-- The end of the chain, so that entries removed from its end are missed.
CREATE TABLE audit_head (
  only_one bool PRIMARY KEY DEFAULT true CHECK (only_one),
  link_no  bigint NOT NULL,
  hash     bytea NOT NULL
);
