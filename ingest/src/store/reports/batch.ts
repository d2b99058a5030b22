import type { TripStatus } from '@sealwatch/schemas';
import { plainColumn, quotedColumn } from '../../postgres/columns.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import type { LockClock } from '../../record/clock.ts';
import { wireForm } from '../../record/record.ts';
import type { TrackedReport } from '../../record/report.ts';
import type { AlarmFact } from '../../tracker/index.ts';
import { ALARM_COLUMNS, type AlarmRow } from '../alarms/alarms.ts';
import { REPORTS } from './rows.ts';

/**
 * Waits for the commits of the same member. One whose connection was lost may still be running in the server: what is written
 * after it must see its records, so that none is stored twice. Members do not wait for each other: a lock's records are admitted
 * by one at a time, and what runs of a dead one has ended before its slots are claimed.
 */
export async function waitForTurn(db: Queryable, memberId: number): Promise<void> {
  await db.query({ name: 'wait-for-turn', text: 'SELECT pg_advisory_xact_lock(44, $1)', values: [memberId] });
}

/**
 * Call it in a transaction after `waitForTurn` and before `updateLocks`: which records are in order follows from the locks' rows.
 * @throws of Postgres, 23505: a record with the identity and the time of a stored one
 */
export async function insertReports(db: Queryable, records: TrackedReport[], table = REPORTS): Promise<void> {
  if (records.length === 0) return;
  await db.query({ name: 'insert-reports', text: table.insert, values: table.valuesOf(records) });
}

/** Where memory holds a lock to be. */
export interface LockPlace {
  lockId: string;
  slot: number;
  slotMoves: number;
}

/** What a batch leaves of a lock. */
export interface LockUpdate extends LockPlace {
  maxBoot: number;
  maxSeq: number;
  receivedMs: number;
  /** The newest record by fix time in this batch, and the newest with a credible fix. */
  last: TrackedReport;
  lastFix?: TrackedReport;
  /** Absent: as it was. */
  clock?: LockClock;
}

/** A value of a lock that is where it was known to be. Raised in the server: COMMIT is sent before the answer is there. */
const IN_PLACE = (value: string) =>
  `CASE WHEN l.slot = x.slot AND l.slot_moves = x.moves THEN ${value} ELSE refuse_moved_lock(l.lock_id) END`;

/**
 * Keeps what is newest by fix time, whichever batch it came in. `fix` is absent if the newest record with a credible fix is
 * the newest of all, here as in the row (lock_fix).
 */
const UPDATE_LOCKS = `UPDATE locks l SET
    max_boot = ${IN_PLACE('x.boot')}, max_seq = x.seq, clock = coalesce(x.clock, l.clock),
    last_received = greatest(l.last_received, to_timestamp(x.received / 1000.0)),
    last_report = CASE WHEN l.last_time > x.at THEN l.last_report ELSE x.report END,
    last_time = greatest(l.last_time, x.at),
    last_fix = CASE
      WHEN l.last_time > x.at THEN CASE WHEN x.fix_at IS NULL OR l.last_fix_time >= x.fix_at
        THEN l.last_fix ELSE coalesce(x.fix, x.report) END
      WHEN x.fix_at IS NOT NULL AND x.fix IS NULL THEN NULL
      WHEN l.last_fix_time IS NULL OR x.fix_at > l.last_fix_time THEN x.fix
      ELSE coalesce(l.last_fix, l.last_report) END,
    last_fix_time = greatest(l.last_fix_time, x.fix_at)
  FROM (SELECT lock_id, boot, seq, received, slot, moves, to_timestamp(t / 1000.0) AS at, report, to_timestamp(fix_t / 1000.0) AS fix_at,
      nullif(fix::text, 'null')::json AS fix, nullif(clock::text, 'null')::json AS clock
    FROM ROWS FROM (unnest($1::text[], $2::bigint[], $3::bigint[], $4::float8[], $5::float8[], $6::float8[],
        $10::smallint[], $11::int[]),
      json_array_elements($7::json), json_array_elements($8::json), json_array_elements($9::json))
      AS u(lock_id, boot, seq, received, t, fix_t, slot, moves, report, fix, clock)) x
  WHERE l.lock_id = x.lock_id`;

/** @throws of Postgres, SW002: one of the locks is no longer where it was known to be */
export async function updateLocks(db: Queryable, locks: LockUpdate[]): Promise<void> {
  if (locks.length === 0) return;
  // In one order everywhere, so that two writers of several locks cannot wait for each other.
  const rows = [...locks].sort((a, b) => (a.lockId < b.lockId ? -1 : 1));
  await db.query({
    name: 'update-locks',
    text: UPDATE_LOCKS,
    values: [
      plainColumn(rows, (r) => r.lockId),
      plainColumn(rows, (r) => r.maxBoot),
      plainColumn(rows, (r) => r.maxSeq),
      plainColumn(rows, (r) => r.receivedMs),
      plainColumn(rows, (r) => r.last.timeMs),
      plainColumn(rows, (r) => r.lastFix?.timeMs),
      JSON.stringify(rows.map((r) => wireForm(r.last))),
      JSON.stringify(rows.map((r) => (r.lastFix && r.lastFix !== r.last ? wireForm(r.lastFix) : null))),
      JSON.stringify(rows.map((r) => r.clock ?? null)),
      plainColumn(rows, (r) => r.slot),
      plainColumn(rows, (r) => r.slotMoves),
    ],
  });
}

/** Keeps locks of which nothing is updated where they are until the transaction ends. @throws as `updateLocks` */
export async function holdLocks(db: Queryable, locks: LockPlace[]): Promise<void> {
  if (locks.length === 0) return;
  await db.query(
    `SELECT ${IN_PLACE('0')} FROM locks l
     JOIN unnest($1::text[], $2::smallint[], $3::int[]) AS x(lock_id, slot, moves) USING (lock_id) FOR SHARE OF l`,
    [plainColumn(locks, (l) => l.lockId), plainColumn(locks, (l) => l.slot), plainColumn(locks, (l) => l.slotMoves)],
  );
}

/** Values that were left out of a lock's records: how many more there are, and the newest one that is written down. */
export interface LeftOutUpdate {
  lockId: string;
  count: number;
  last: { field: string; value: string; expected: string; at: string };
}

export async function updateLeftOut(db: Queryable, rows: LeftOutUpdate[]): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `UPDATE locks l SET left_out_count = l.left_out_count + x.count, left_out = x.last
     FROM ROWS FROM (unnest($1::text[], $2::bigint[]), json_array_elements($3::json)) AS x(lock_id, count, last)
     WHERE l.lock_id = x.lock_id`,
    [plainColumn(rows, (r) => r.lockId), plainColumn(rows, (r) => r.count), JSON.stringify(rows.map((r) => r.last))],
  );
}

export interface AlarmWrite {
  tripId: string;
  fact: AlarmFact;
}

/** An alarm after the write, and the phase it had before; null: it is new. */
export type WrittenAlarm = AlarmRow & { old_phase: AlarmRow['phase'] | null };

/**
 * Law 4: what people disposed of stays disposed, and a latched alarm that was confirmed stays active until they do,
 * whatever the facts say.
 */
const UPSERT_ALARMS = `WITH old AS (SELECT alarm_id, phase FROM alarms WHERE alarm_id = ANY($1::uuid[])),
  written AS (
    INSERT INTO alarms AS a (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, last_inside_at,
      started_at, confirmed_at, ended_at, raised_at, max_distance_m, detected_late, lon, lat, evidence)
    SELECT x.alarm_id, x.trip_id, x.lock_id, x.rule, x.kind, x.severity, x.phase, x.active,
      to_timestamp(x.inside / 1000.0), to_timestamp(x.started / 1000.0), to_timestamp(x.confirmed / 1000.0),
      to_timestamp(x.ended / 1000.0), to_timestamp($17::float8 / 1000.0), x.distance, x.late, x.lon, x.lat, x.evidence
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[],
      $9::float8[], $10::float8[], $11::float8[], $12::float8[], $13::float8[], $14::boolean[], $15::float8[],
      $16::float8[], $18::jsonb[])
      AS x(alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, inside, started, confirmed, ended,
        distance, late, lon, lat, evidence)
    ON CONFLICT (alarm_id) DO UPDATE SET
      lock_id = EXCLUDED.lock_id, severity = EXCLUDED.severity,
      phase = CASE WHEN EXCLUDED.phase = 'provisional' AND a.kind = 'latched' THEN a.phase ELSE EXCLUDED.phase END,
      active = CASE WHEN a.disposed_at IS NOT NULL THEN false
        WHEN a.kind = 'latched' AND a.phase <> 'provisional' THEN true ELSE EXCLUDED.active END,
      last_inside_at = EXCLUDED.last_inside_at, started_at = EXCLUDED.started_at,
      confirmed_at = EXCLUDED.confirmed_at, ended_at = EXCLUDED.ended_at, max_distance_m = EXCLUDED.max_distance_m,
      
      detected_late = CASE WHEN a.phase = 'provisional' THEN EXCLUDED.detected_late ELSE a.detected_late END,
      lon = EXCLUDED.lon, lat = EXCLUDED.lat,
      -- what only the clock knew is not in the facts of the records
      evidence = EXCLUDED.evidence || CASE WHEN a.evidence ? 'clock'
        THEN jsonb_build_object('clock', a.evidence -> 'clock', 'confirmedBy', 'clock') ELSE '{}' END
    RETURNING ${ALARM_COLUMNS})
  SELECT written.*, old.phase AS old_phase FROM written LEFT JOIN old USING (alarm_id)`;

async function upsert(db: Queryable, rows: AlarmWrite[], nowMs: number): Promise<WrittenAlarm[]> {
  if (rows.length === 0) return [];
  const column = (value: (fact: AlarmFact) => string | number | boolean | undefined) =>
    plainColumn(rows, (row) => value(row.fact));
  const written = await db.query<WrittenAlarm>({
    name: 'upsert-alarms',
    text: UPSERT_ALARMS,
    values: [
      column((f) => f.alarmId),
      plainColumn(rows, (row) => row.tripId),
      column((f) => f.lockId),
      column((f) => f.rule),
      column((f) => f.kind),
      column((f) => f.severity),
      column((f) => f.phase),
      column((f) => f.active),
      column((f) => f.lastInsideMs),
      column((f) => f.startedMs),
      column((f) => f.confirmedMs),
      column((f) => f.endedMs),
      column((f) => f.maxDistanceM),
      column((f) => f.detectedLate),
      column((f) => f.position?.lon),
      column((f) => f.position?.lat),
      nowMs,
      quotedColumn(rows, (row) => JSON.stringify(row.fact.evidence)),
    ],
  });
  return written.rows;
}

/**
 * Writes the alarms that follow from the records. Inactive ones first, so that one that ends leaves its place under
 * `alarms_one_active` to the next one.
 * @param nowMs when the platform itself learned of new ones, epoch ms
 */
export async function upsertAlarms(db: Queryable, rows: AlarmWrite[], nowMs: number): Promise<WrittenAlarm[]> {
  const ended = rows.filter((row) => !row.fact.active);
  const active = rows.filter((row) => row.fact.active);
  return (await Promise.all([upsert(db, ended, nowMs), upsert(db, active, nowMs)])).flat();
}

export async function activeAlarmsOfTrips(db: Queryable, tripIds: string[]): Promise<AlarmRow[]> {
  const { rows } = await db.query<AlarmRow>(
    `SELECT ${ALARM_COLUMNS} FROM alarms a WHERE active AND trip_id = ANY($1::uuid[])`,
    [tripIds],
  );
  return rows;
}

/** All alarms of trips, also those that are over. */
export async function alarmsOfTrips(db: Queryable, tripIds: string[]): Promise<AlarmRow[]> {
  if (tripIds.length === 0) return [];
  const { rows } = await db.query<AlarmRow>(`SELECT ${ALARM_COLUMNS} FROM alarms a WHERE trip_id = ANY($1::uuid[])`, [
    tripIds,
  ]);
  return rows;
}

/** Deletes alarms that late records have disproved; never a latched one that was confirmed (law 4). */
export async function withdrawAlarms(db: Queryable, alarmIds: string[]): Promise<AlarmRow[]> {
  if (alarmIds.length === 0) return [];
  const { rows } = await db.query<AlarmRow>(
    `DELETE FROM alarms a WHERE alarm_id = ANY($1::uuid[]) AND disposed_at IS NULL
       AND NOT (kind = 'latched' AND phase <> 'provisional') RETURNING ${ALARM_COLUMNS}`,
    [alarmIds],
  );
  return rows;
}

/** The tracker's view of a trip. */
export interface TripUpdate {
  tripId: string;
  doneM: number;
  totalM: number;
  etaMs?: number;
  departedAtMs?: number;
  arrivedAtMs?: number;
  /** Its alarms were written: the risk is worked out from them. */
  alarmed: boolean;
}

export interface TripAfter {
  trip_id: string;
  status: TripStatus;
  risk: number;
}

const UPDATE_TRIPS = `UPDATE trips t SET done_m = x.done, total_m = x.total, eta_at = to_timestamp(x.eta / 1000.0),
    departed_at = coalesce(to_timestamp(x.departed / 1000.0), t.departed_at),
    arrived_at = coalesce(to_timestamp(x.arrived / 1000.0), t.arrived_at),
    risk = CASE WHEN x.alarmed THEN trip_risk(t.trip_id) ELSE t.risk END
  FROM unnest($1::uuid[], $2::float8[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::boolean[])
    AS x(trip_id, done, total, eta, departed, arrived, alarmed)
  WHERE t.trip_id = x.trip_id RETURNING t.trip_id, t.status, t.risk`;

/** Call it after the alarms were written: it takes the risk from them. */
export async function updateTrips(db: Queryable, trips: TripUpdate[]): Promise<TripAfter[]> {
  if (trips.length === 0) return [];
  const rows = [...trips].sort((a, b) => (a.tripId < b.tripId ? -1 : 1));
  const after = await db.query<TripAfter>({
    name: 'update-trips',
    text: UPDATE_TRIPS,
    values: [
      plainColumn(rows, (r) => r.tripId),
      plainColumn(rows, (r) => r.doneM),
      plainColumn(rows, (r) => r.totalM),
      plainColumn(rows, (r) => r.etaMs),
      plainColumn(rows, (r) => r.departedAtMs),
      plainColumn(rows, (r) => r.arrivedAtMs),
      plainColumn(rows, (r) => r.alarmed),
    ],
  });
  return after.rows;
}

/** A trip's transit step with a state and a time; the other four as they are. */
const TRANSIT_STEP = (state: 'active' | 'done', column: string) => `(SELECT jsonb_agg(
    CASE WHEN s ->> 'step' = 'transit'
      THEN s || jsonb_build_object('state', '${state}',
        'at', to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      ELSE s END ORDER BY ordinal) FROM jsonb_array_elements(t.steps) WITH ORDINALITY AS e(s, ordinal))`;

const MOVES = {
  depart: `UPDATE trips t SET status = 'in-transit', steps = ${TRANSIT_STEP('active', 't.departed_at')}
    WHERE trip_id = ANY($1::uuid[]) AND status = 'sealed' AND departed_at IS NOT NULL RETURNING trip_id`,
  arrive: `UPDATE trips t SET status = 'arrived', steps = ${TRANSIT_STEP('done', 't.arrived_at')}
    WHERE trip_id = ANY($1::uuid[]) AND status = 'in-transit' AND arrived_at IS NOT NULL RETURNING trip_id`,
};

/** sealed → in-transit → arrived, where the trip still is in the state before; answers the trips that moved. */
export async function moveTrips(db: Queryable, act: 'depart' | 'arrive', tripIds: string[]): Promise<string[]> {
  if (tripIds.length === 0) return [];
  const { rows } = await db.query<{ trip_id: string }>(MOVES[act], [tripIds]);
  return rows.map((row) => row.trip_id);
}

export interface CheckpointWrite {
  tripId: string;
  timeMs: number;
  state: object;
}

export async function writeCheckpoints(db: Queryable, checkpoints: CheckpointWrite[]): Promise<void> {
  if (checkpoints.length === 0) return;
  await db.query({
    name: 'write-checkpoints',
    text: `INSERT INTO trip_checkpoints (trip_id, time, state)
      SELECT x.trip_id, to_timestamp(x.t / 1000.0), x.state
      FROM unnest($1::uuid[], $2::float8[], $3::jsonb[]) AS x(trip_id, t, state)
      ON CONFLICT (trip_id, time) DO UPDATE SET state = EXCLUDED.state`,
    values: [
      plainColumn(checkpoints, (c) => c.tripId),
      plainColumn(checkpoints, (c) => c.timeMs),
      quotedColumn(checkpoints, (c) => JSON.stringify(c.state)),
    ],
  });
}

/** Checkpoints at or after a record that came late do not know it. */
export async function dropCheckpoints(db: Queryable, from: { tripId: string; timeMs: number }[]): Promise<void> {
  if (from.length === 0) return;
  await db.query(
    `DELETE FROM trip_checkpoints c USING unnest($1::uuid[], $2::float8[]) AS x(trip_id, t)
     WHERE c.trip_id = x.trip_id AND c.time >= to_timestamp(x.t / 1000.0)`,
    [plainColumn(from, (f) => f.tripId), plainColumn(from, (f) => f.timeMs)],
  );
}

export interface OutboxInsert {
  type: 'trip.departed' | 'trip.arrived' | 'alarm.raised' | 'lock.low-battery';
  tripId: string | undefined;
  data: object;
}

export async function insertOutbox(db: Queryable, events: OutboxInsert[]): Promise<void> {
  if (events.length === 0) return;
  await db.query(`INSERT INTO outbox (type, trip_id, data) SELECT * FROM unnest($1::text[], $2::uuid[], $3::jsonb[])`, [
    plainColumn(events, (e) => e.type),
    plainColumn(events, (e) => e.tripId),
    quotedColumn(events, (e) => JSON.stringify(e.data)),
  ]);
}
