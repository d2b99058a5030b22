-- A record of a trip's lock belongs to the trip when its fix time lies in [tracked_from, tracked_to).
ALTER TABLE trip_units RENAME COLUMN judged_from TO tracked_from;
ALTER TABLE trip_units RENAME COLUMN judged_to TO tracked_to;

-- Set for a trip that another system sealed and that was taken over under way: when it departed, as declared. Its records are
-- tracked from then on, and its departure does not follow from fixes. NULL: sealed here.
ALTER TABLE trips ADD COLUMN taken_over_at timestamptz;

-- Until now a trip was known as taken over by being tracked from its very departure. backup.ts has the same rule for backups
-- of older versions.
UPDATE trips t SET taken_over_at = t.departed_at
  FROM (SELECT trip_id, min(tracked_from) AS tracked_from FROM trip_units GROUP BY trip_id) u
  WHERE u.trip_id = t.trip_id AND t.departed_at = u.tracked_from;
