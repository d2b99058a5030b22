-- Needs the Timescale licence and 2.18 or newer.
ALTER TABLE reports SET (
  timescaledb.enable_columnstore = true,
  timescaledb.segmentby = 'lock_no',
  timescaledb.orderby = 'time, boot, seq'
);
