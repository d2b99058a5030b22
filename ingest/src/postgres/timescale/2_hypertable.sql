SELECT create_hypertable('reports', by_range('time', INTERVAL '1 day'), create_default_indexes => false, migrate_data => true);
