-- Every record that was acknowledged. The partitions of plain Postgres, or the hypertable of TimescaleDB, are made by
-- the store at start (partitions.ts), because which of the two it is depends on the server.
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
);
