-- A week in a chunk: of a lock that reports a few hundred times a day its columns then fill batches of a thousand.
SELECT create_hypertable('reports', by_range('time', INTERVAL '7 days'), create_default_indexes => false, migrate_data => true);
