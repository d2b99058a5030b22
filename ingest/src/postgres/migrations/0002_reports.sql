-- Every record that was acknowledged, by its fix time.
--
-- Plain Postgres: one partition a UTC day, made ahead by partitions.ts, and `reports_default` for days that have none
-- yet; what lands there is moved to its own day later, so that a write never waits for DDL.
-- TimescaleDB: partitions.ts replaces the empty table by a hypertable of the same columns and indexes.
CREATE TABLE reports (
  lock_id         text NOT NULL,
  boot            bigint NOT NULL,
  seq             bigint NOT NULL,
  time            timestamptz NOT NULL,
  received_at     timestamptz NOT NULL,
  trip_id         uuid,
  kind            text NOT NULL,
  mode            text,
  lon             double precision,
  lat             double precision,
  accuracy_m      double precision,
  speed_kmh       double precision,
  heading_deg     double precision,
  satellites      smallint,
  source          text,
  rope            text,
  motor           text,
  cover           text,
  use_count       bigint,
  battery_percent double precision,
  charging        boolean,
  rssi_dbm        double precision,
  events          jsonb
) PARTITION BY RANGE (time);

-- The identity of a record; `time` is in it because a partitioned table asks for that. Found by (lock_id, boot, seq).
CREATE UNIQUE INDEX reports_identity ON reports (lock_id, boot, seq, time);
-- What a lock reported from when to when. The track of a trip is read through it too: its locks, from judged_from to
-- judged_to. There is no index by trip, so that a write pays for two indexes and not three.
CREATE INDEX reports_by_lock ON reports (lock_id, time);

CREATE TABLE reports_default PARTITION OF reports DEFAULT;

-- What each lock reported on each trip by the hour, so that a question about months reads hours and not reports.
-- Plain Postgres: filled by partitions-rollup.ts, a day at a time once the day is over. TimescaleDB: a continuous aggregate takes
-- this table's place.
CREATE TABLE report_hours (
  hour                timestamptz NOT NULL,
  lock_id             text NOT NULL,
  trip_id             uuid,
  reports             bigint NOT NULL,
  fixes               bigint NOT NULL,
  max_speed_kmh       double precision,
  min_battery_percent double precision
);
CREATE INDEX report_hours_by_lock ON report_hours (lock_id, hour);
CREATE INDEX report_hours_by_trip ON report_hours (trip_id, hour);

-- Days that stand in report_hours, and how many rows had been written to their partition by then: more since, and the
-- day is added up again.
CREATE TABLE report_days (
  day     date PRIMARY KEY,
  written bigint NOT NULL
);
