-- Late records are added up for a month back; the invalidation log makes untouched hours free.
SELECT add_continuous_aggregate_policy('report_hours', start_offset => INTERVAL '30 days', end_offset => INTERVAL '1 hour',
  schedule_interval => INTERVAL '1 hour', if_not_exists => true);
