-- Needs the Timescale licence. Real-time: hours not yet added up are read from the reports themselves.
DROP TABLE report_hours;
CREATE MATERIALIZED VIEW report_hours WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
  SELECT time_bucket(INTERVAL '1 hour', time) AS hour, lock_id, trip_id, count(*) AS reports, count(lon) AS fixes,
    max(speed_kmh) AS max_speed_kmh, min(battery_percent) AS min_battery_percent
  FROM reports GROUP BY 1, 2, 3 WITH NO DATA;
