import type { Place, Route, TripStatus } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import type { LockClock } from '../../record/clock.ts';
import { foldOrder, type TrackedReport } from '../../record/report.ts';
import type { TripState } from '../../tracker/index.ts';
import { type DeclaredParams, declaredParams } from '../roads/params.ts';
import { IS_OPEN } from '../trips/conditions.ts';
import { ALL_COLUMNS, blocksBetween, type FoundRow, rowsAndBlocks, rowsWithin, unpacked } from './blocks.ts';
import { REPORTS } from './rows.ts';

/** A trip's claim on a lock's records: fix times in [fromMs, toMs). */
export interface Window {
  tripId: string;
  /** The slot of the trip: its owner folds these records. */
  slot: number;
  fromMs: number;
  toMs: number;
}

export interface StoredLock {
  lockId: string;
  /** The highest identity stored; -1 before the first record. */
  maxBoot: number;
  maxSeq: number;
  /** Time of its newest record, epoch ms; 0 before the first. */
  lastMs: number;
  clock: LockClock;
  /** Its registration, or the begin of its first trip if that is earlier, epoch ms. */
  inServiceMs: number;
  /** Its records are numbered one after the other. */
  numbered: boolean;
  windows: Window[];
  /** Its owner admits the lock's records. */
  slot: number;
  /** How often its slot was changed. */
  slotMoves: number;
}

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** Locks with every trip they were ever on, also cancelled ones, newest window first. Unknown locks are left out. */
export async function loadLocks(db: Queryable, lockIds: string[]): Promise<StoredLock[]> {
  const { rows } = await db.query<{
    lock_id: string;
    max_boot: number | null;
    max_seq: number | null;
    clock: LockClock;
    last_ms: number | null;
    created_ms: number;
    numbered: boolean;
    slot: number;
    slot_moves: number;
    windows: [string, number, number | null, number][];
  }>(
    `SELECT l.lock_id, l.max_boot, l.max_seq, l.clock, l.numbered, l.slot, l.slot_moves, ${ms('l.last_time')} AS last_ms,
      ${ms('l.created_at')} AS created_ms, coalesce((
        SELECT json_agg(json_build_array(u.trip_id, extract(epoch FROM u.tracked_from) * 1000,
          extract(epoch FROM u.tracked_to) * 1000, t.slot) ORDER BY u.tracked_from DESC)
        FROM trip_units u JOIN trips t USING (trip_id) WHERE u.lock_id = l.lock_id AND u.tracked_from IS NOT NULL), '[]'::json) AS windows
     FROM locks l WHERE l.lock_id = ANY($1)`,
    [lockIds],
  );
  return rows.map((row) => ({
    lockId: row.lock_id,
    maxBoot: row.max_boot ?? -1,
    maxSeq: row.max_seq ?? -1,
    lastMs: row.last_ms ?? 0,
    clock: row.clock,
    numbered: row.numbered,
    inServiceMs: Math.min(row.created_ms, ...row.windows.map(([, fromMs]) => fromMs)),
    windows: row.windows.map(([tripId, fromMs, toMs, slot]) => ({
      tripId,
      fromMs,
      toMs: toMs ?? Number.POSITIVE_INFINITY,
      slot,
    })),
    slot: row.slot,
    slotMoves: row.slot_moves,
  }));
}

const some = <K extends string, V>(key: K, value: V | null) =>
  (value === null ? {} : { [key]: value }) as { [P in K]?: V };

/** All stored records of a trip's locks within their windows, from a fix time on, in fix-time order. */
export async function tripRecords(db: Queryable, tripId: string, fromMs: number): Promise<TrackedReport[]> {
  return (await recordsOfTrips(db, [{ tripId, fromMs }])).get(tripId) ?? [];
}

/** As `tripRecords`, of many trips in one question; those without records are left out. */
export async function recordsOfTrips(
  db: Queryable,
  trips: readonly { tripId: string; fromMs: number }[],
): Promise<Map<string, TrackedReport[]>> {
  const { rows } = await db.query<WindowRow>(RECORDS_OF_TRIPS, [
    trips.map(({ tripId }) => tripId),
    trips.map(({ fromMs }) => fromMs),
  ]);
  const records = new Map<string, TrackedReport[]>();
  const found = unpacked(
    rows,
    (block, { from_ms, to_ms }) => rowsWithin(block, { fromMs: from_ms, toMs: to_ms }),
    ({ lock_id, of_trip }) => ({ lock_id, of_trip }),
  );
  for (const row of found) {
    const own = records.get(row.of_trip);
    if (own) own.push(REPORTS.recordOf(row));
    else records.set(row.of_trip, [REPORTS.recordOf(row)]);
  }
  for (const own of records.values()) own.sort(foldOrder);
  return records;
}

interface WindowRow extends FoundRow {
  of_trip: string;
  from_ms: number;
  to_ms: number;
}

const RECORDS_OF_TRIPS = `SELECT u.trip_id AS of_trip, u.lock_id, extract(epoch FROM w.since) * 1000 AS from_ms,
    extract(epoch FROM w.until) * 1000 AS to_ms, r.*
  FROM unnest($1::uuid[], $2::float8[]) AS x(trip_id, from_ms)
  JOIN trip_units u ON u.trip_id = x.trip_id AND u.tracked_from IS NOT NULL JOIN locks l USING (lock_id)
  CROSS JOIN LATERAL (SELECT greatest(u.tracked_from, to_timestamp(x.from_ms / 1000.0)) AS since,
    coalesce(u.tracked_to, 'infinity') AS until) w
  CROSS JOIN LATERAL (${rowsAndBlocks(
    ALL_COLUMNS,
    'all_reports r WHERE r.lock_no = l.lock_no AND r.time >= w.since AND r.time < w.until',
    blocksBetween('l.lock_no', 'w.since', 'w.until'),
  )}) r`;

export interface StoredTrip {
  tripId: string;
  slot: number;
  status: TripStatus;
  risk: number;
  routeId: string;
  routeVersion: number;
  totalM: number;
  /** It knows simulated places too. */
  simulated: boolean;
  /** Locks whose records belong to the trip, i.e. that have a window. */
  locks: string[];
  /** Those of them whose records are not numbered one after the other. */
  unnumbered: string[];
  sealedAtMs?: number;
  /** Departure, of a trip taken over under way only. */
  takenOverAtMs?: number;
  /** Parameters of the rules at the time of the declaration. */
  platformParams?: Record<string, unknown>;
  companyParams?: Record<string, unknown>;
  plannedDepartureMs?: number;
  timeLimitMin?: number;
  unlockAuthorisedAtMs?: number;
  disposed: {
    rule: string;
    alarmId: string;
    evidence: Record<string, unknown>;
    startedMs: number;
    disposedMs: number;
  }[];
  clockConfirmed: { rule: string; lockId: string; startedMs: number; confirmedMs: number }[];
  conflicts: { lockId: string; boot: number; seq: number; timeMs: number }[];
  /** Another worker has stored late records of it that are not folded yet. */
  late: boolean;
  secondConnections: { lockId: string; timeMs: number; was: string; came: string }[];
}

interface TrackedTripRow extends DeclaredParams {
  trip_id: string;
  slot: number;
  status: TripStatus;
  risk: number;
  route_id: string;
  route_version: number;
  total_m: number;
  simulated: boolean;
  locks: string[];
  unnumbered: string[];
  sealed_ms: number | null;
  taken_over_ms: number | null;
  planned_ms: number | null;
  time_limit_min: number | null;
  verified_ms: number | null;
  disposed: StoredTrip['disposed'];
  clock_confirmed: StoredTrip['clockConfirmed'];
  conflicts: StoredTrip['conflicts'];
  late: boolean;
  second_connections: StoredTrip['secondConnections'];
}

const LOAD_TRIP = `SELECT t.trip_id, t.slot, t.status, t.risk, t.route_id, t.route_version, t.total_m, t.simulated, u.locks, u.unnumbered,
    ${ms('t.sealed_at')} AS sealed_ms,
    ${ms('t.taken_over_at')} AS taken_over_ms, ${ms('t.planned_departure_at')} AS planned_ms, t.time_limit_min,
    ${ms('coalesce(t.verified_at, t.unlocked_at)')} AS verified_ms,
    ${declaredParams},
    coalesce((SELECT json_agg(json_build_object('rule', a.rule, 'alarmId', a.alarm_id, 'evidence', a.evidence,
        'startedMs', ${ms('a.started_at')}, 'disposedMs', ${ms('a.disposed_at')}) ORDER BY a.disposed_at)
      FROM alarms a WHERE a.trip_id = t.trip_id AND a.disposed_at IS NOT NULL), '[]'::json) AS disposed,
    coalesce((SELECT json_agg(a.evidence -> 'clock' ORDER BY a.started_at)
      FROM alarms a WHERE a.trip_id = t.trip_id AND a.evidence ? 'clock'), '[]'::json) AS clock_confirmed,
    coalesce((SELECT json_agg(json_build_object('lockId', c.lock_id, 'boot', c.boot, 'seq', c.seq,
        'timeMs', ${ms('c.time')}) ORDER BY c.time)
      FROM trip_units w JOIN identity_conflicts c ON c.lock_id = w.lock_id AND c.time >= w.tracked_from
        AND c.time < coalesce(w.tracked_to, 'infinity') WHERE w.trip_id = t.trip_id), '[]'::json) AS conflicts,
    EXISTS (SELECT FROM to_judge j WHERE j.trip_id = t.trip_id AND j.late) AS late,
    coalesce((SELECT json_agg(json_build_object('lockId', s.lock_id, 'timeMs', ${ms('s.at')}, 'was', s.was, 'came', s.came)
        ORDER BY s.at)
      FROM trip_units w JOIN second_connections s ON s.lock_id = w.lock_id AND s.at >= w.tracked_from
        AND s.at < coalesce(w.tracked_to, 'infinity') WHERE w.trip_id = t.trip_id), '[]'::json) AS second_connections
  FROM trips t CROSS JOIN LATERAL (SELECT array_agg(lock_id ORDER BY ordinal) AS locks,
      coalesce(array_agg(lock_id ORDER BY ordinal) FILTER (WHERE NOT numbered), '{}') AS unnumbered
    FROM trip_units JOIN locks USING (lock_id) WHERE trip_id = t.trip_id AND tracked_from IS NOT NULL) u
  WHERE t.trip_id = ANY($1::uuid[]) AND u.locks IS NOT NULL`;

/** Trips that are tracked: those with a window. Others are left out. */
export async function loadTrips(db: Queryable, tripIds: string[]): Promise<StoredTrip[]> {
  const { rows } = await db.query<TrackedTripRow>(LOAD_TRIP, [tripIds]);
  return rows.map((row) => ({
    tripId: row.trip_id,
    slot: row.slot,
    status: row.status,
    risk: row.risk,
    routeId: row.route_id,
    routeVersion: row.route_version,
    totalM: row.total_m,
    simulated: row.simulated,
    locks: row.locks,
    unnumbered: row.unnumbered,
    ...some('sealedAtMs', row.sealed_ms),
    ...some('takenOverAtMs', row.taken_over_ms),
    ...some('plannedDepartureMs', row.planned_ms),
    ...some('timeLimitMin', row.time_limit_min),
    ...some('unlockAuthorisedAtMs', row.verified_ms),
    ...some('platformParams', row.platform_params),
    ...some('companyParams', row.company_params),
    disposed: row.disposed,
    clockConfirmed: row.clock_confirmed,
    conflicts: row.conflicts,
    late: row.late,
    secondConnections: row.second_connections,
  }));
}

export interface OpenTrip {
  tripId: string;
  slot: number;
}

/** Trips of these slots that hold their locks and are tracked, oldest first. */
export async function openTripsOfSlots(db: Queryable, slots: readonly number[]): Promise<OpenTrip[]> {
  const { rows } = await db.query<{ trip_id: string; slot: number }>(
    `SELECT trip_id, slot FROM trips t WHERE ${IS_OPEN()} AND slot = ANY($1::smallint[])
       AND EXISTS (SELECT 1 FROM trip_units u WHERE u.trip_id = t.trip_id AND u.tracked_from IS NOT NULL)
     ORDER BY created_at`,
    [slots],
  );
  return rows.map((row) => ({ tripId: row.trip_id, slot: row.slot }));
}

export async function routeFeature(db: Queryable, routeId: string, version: number): Promise<Route> {
  const { rows } = await db.query<{ feature: Route }>(
    'SELECT feature FROM routes WHERE route_id = $1 AND version = $2',
    [routeId, version],
  );
  if (!rows[0]) throw new Error(`route ${routeId} version ${version} is not in the store`);
  return rows[0].feature;
}

/** @param simulated also those that only simulated trips know */
export async function allPlaces(db: Queryable, simulated: boolean): Promise<{ placeId: string; place: Place }[]> {
  const { rows } = await db.query<{ place_id: string; feature: Place }>(
    'SELECT place_id, feature FROM places WHERE simulated <= $1 ORDER BY place_id',
    [simulated],
  );
  return rows.map((row) => ({ placeId: row.place_id, place: row.feature }));
}

export interface StoredCheckpoint {
  timeMs: number;
  state: TripState;
}

/** The newest checkpoint of each trip that has one. */
export async function newestCheckpoints(db: Queryable, tripIds: string[]): Promise<Map<string, StoredCheckpoint>> {
  const { rows } = await db.query<{ trip_id: string; ms: number; state: TripState }>(
    `SELECT x.trip_id, c.ms, c.state FROM unnest($1::uuid[]) AS x(trip_id) CROSS JOIN LATERAL (
       SELECT ${ms('time')} AS ms, state FROM trip_checkpoints WHERE trip_id = x.trip_id ORDER BY time DESC LIMIT 1) c`,
    [tripIds],
  );
  return new Map(rows.map(({ trip_id, ms, state }) => [trip_id, { timeMs: ms, state }]));
}
