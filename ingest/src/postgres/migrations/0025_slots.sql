-- The fleet in 256 parts, each judged by one member. The slot of a lock and that of a trip are stored: a lock's moves when it goes
-- on a trip with another lock, a trip's never does.
CREATE TABLE slots (
  slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 255),
  -- NULL: nobody judges it, whoever wants to may claim it
  member_id int REFERENCES members ON DELETE SET NULL);
INSERT INTO slots SELECT generate_series(0, 255);

-- Members that share the fleet are active together; one that does not is active alone.
ALTER TABLE members ADD COLUMN shares boolean NOT NULL DEFAULT false;
DROP INDEX one_active_member;
ALTER TABLE members ADD CONSTRAINT one_active_or_all_share EXCLUDE USING gist
  ((CASE WHEN shares THEN int4range(member_id, member_id, '[]') ELSE int4range(NULL, NULL) END) WITH &&) WHERE (active);

CREATE FUNCTION first_slot(lock_id text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN get_byte(sha256(convert_to(lock_id, 'UTF8')), 0)::smallint;
ALTER TABLE locks ADD COLUMN slot smallint,
  -- how often the slot was changed: a memory from before two moves, there and back, is as old as one from before the first
  ADD COLUMN slot_moves int NOT NULL DEFAULT 0;
UPDATE locks SET slot = first_slot(lock_id);
ALTER TABLE locks ALTER COLUMN slot SET NOT NULL;
CREATE FUNCTION give_first_slot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.slot := coalesce(NEW.slot, first_slot(NEW.lock_id));
  RETURN NEW;
END $$;
CREATE TRIGGER lock_has_slot BEFORE INSERT ON locks FOR EACH ROW EXECUTE FUNCTION give_first_slot();

ALTER TABLE trips ADD COLUMN slot smallint NOT NULL DEFAULT 0;
UPDATE trips t SET slot = l.slot FROM trip_units u JOIN locks l USING (lock_id)
  WHERE u.trip_id = t.trip_id AND u.ordinal = 0 AND t.slot <> l.slot;
-- A lock on several open trips, in data of old times, goes with the one that was declared last.
UPDATE locks l SET slot = o.slot FROM (
    SELECT DISTINCT ON (u.lock_id) u.lock_id, t.slot FROM trip_units u JOIN trips t USING (trip_id)
    WHERE t.status NOT IN ('closed', 'cancelled') ORDER BY u.lock_id, t.created_at DESC) o
  WHERE o.lock_id = l.lock_id AND l.slot <> o.slot;

-- What a batch knew of a lock is old: told in the transaction that finds out, so that nothing of it is committed.
CREATE FUNCTION refuse_moved_lock(lock_id text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the lock % is no longer in the slot that it was known to be in', lock_id USING ERRCODE = 'SW002';
END $$;

-- Records of the trip that another worker stored were late: what they have disproved is withdrawn, also where it was over.
ALTER TABLE to_judge ADD COLUMN late boolean NOT NULL DEFAULT false;
