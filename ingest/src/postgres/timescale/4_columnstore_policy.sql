-- After the late-data window: a record that comes later than this is still stored, only dearer.
CALL add_columnstore_policy('reports', after => INTERVAL '7 days', if_not_exists => true);
