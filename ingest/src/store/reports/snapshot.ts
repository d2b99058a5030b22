import type { Trip, WallStatus } from '@sealwatch/schemas';
import { colourOf } from '../../custody/colour.ts';
import type { Queryable } from '../../postgres/queryable.ts';
import { credibleFix } from '../../record/credible-fix.ts';
import { wireForm } from '../../record/record.ts';
import type { TrackedReport } from '../../record/report.ts';
import { IS_NOT_CANCELLED, VISIBLE } from '../trips/conditions.ts';
import { INHERITED, OPEN_ALARMS, type TripView } from '../trips/row.ts';
import { tripOf } from '../trips/view.ts';
import { nearestRecords } from './nearest.ts';
import { REPORTS } from './rows.ts';

/** Of a lock that has not reported for this long before the asked time the wall of that time has the name alone. */
const LOOK_BACK_MS = 24 * 3_600_000;

export interface LockAt {
  lockId: string;
  tripId?: string;
  plate?: string;
  status: WallStatus;
  /** Of its newest record; absent: none that recent. */
  time?: string;
  receivedAt?: string;
  position?: TrackedReport['position'];
  /** Fix time of `position`, if the newest record had no credible fix of its own. */
  positionTime?: string;
  seal?: TrackedReport['seal'];
  battery?: TrackedReport['battery'];
}

export interface WallAt {
  at: string;
  trips: Trip[];
  locks: LockAt[];
}

interface LastRecord {
  last: TrackedReport;
  fix?: TrackedReport;
}

type TripAt = TripView & { tracked: { lockId: string; from: string | null; to: string | null }[] };

async function newestRecords(db: Queryable, lockIds: string[], atMs: number): Promise<Map<string, LastRecord>> {
  const ask = async (before: ReadonlyMap<string, number>, only: 'any' | 'fix') => {
    const looks = [...before].map(([lockId, toMs]) => ({ lockId, fromMs: atMs - LOOK_BACK_MS + 1, toMs }));
    const rows = await nearestRecords(db, looks, { end: 'last', only });
    return rows.flatMap((row) => (row ? [REPORTS.recordOf(row)] : []));
  };
  const found = new Map<string, LastRecord>();
  for (const last of await ask(new Map(lockIds.map((lockId) => [lockId, atMs + 1])), 'any'))
    found.set(last.lockId, credibleFix(last.position) ? { last, fix: last } : { last });
  let without = new Map([...found].flatMap(([lockId, { fix }]) => (fix ? [] : [[lockId, atMs + 1]])));
  while (without.size > 0) {
    const further = new Map<string, number>();
    for (const fix of await ask(without, 'fix')) {
      if (credibleFix(fix.position)) found.get(fix.lockId)!.fix = fix;
      else further.set(fix.lockId, fix.timeMs);
    }
    without = further;
  }
  return found;
}

/** Blocks with a record in (`$2`, `$1`], a day: as long as no block is. */
const LAST_DAY_IN_BLOCKS = `report_blocks b WHERE b.lock_no = l.lock_no AND b.first_time <= $1
  AND b.first_time > $2::timestamptz - interval '24 hours' AND b.last_time > $2`;

const CHECKPOINT_AT = `(SELECT (c.state ->> 'doneM')::float8 FROM trip_checkpoints c
  WHERE c.trip_id = t.trip_id AND c.time <= $1 ORDER BY c.time DESC LIMIT 1)`;

const STATUS_AT = `CASE WHEN t.unlocked_at <= $1 THEN 'unlocked' WHEN t.verified_at <= $1 THEN 'verified'
    WHEN t.arrived_at <= $1 THEN 'arrived' WHEN t.departed_at <= $1 THEN 'in-transit' WHEN t.sealed_at <= $1 THEN 'sealed'
    WHEN EXISTS (SELECT FROM jsonb_array_elements(t.steps) s WHERE s ->> 'step' = 'hang' AND (s ->> 'at')::timestamptz <= $1)
      THEN 'hung'
    WHEN t.status = 'declared' THEN 'declared' ELSE 'released' END`;

const TRIPS_AT = `SELECT t.*, ${STATUS_AT} AS status, coalesce(${CHECKPOINT_AT}, 0) AS done_m, NULL::timestamptz AS eta_at,
    NULL::json AS last_report, ${OPEN_ALARMS('$1')} AS open_alarms,
    ${INHERITED('$1')} AS inherited, u.units, u.tracked, trip_risk(t.trip_id, $1) AS risk
  FROM trips t
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('containerNo', container_no, 'lockId', lock_id, 'mechanicalSealNo', mechanical_seal_no)
             ORDER BY ordinal) AS units,
           json_agg(json_build_object('lockId', lock_id, 'from', tracked_from, 'to', tracked_to)) AS tracked
    FROM trip_units WHERE trip_id = t.trip_id) u
  WHERE least(t.created_at, t.sealed_at, t.departed_at) <= $1 AND (t.closed_at IS NULL OR t.closed_at > $1)
    AND (${IS_NOT_CANCELLED()} OR t.closed_at IS NOT NULL)
    AND ${VISIBLE(2)}
  ORDER BY t.created_at DESC, t.trip_id`;

/** Whether the lock's records of this time are the trip's. */
const holds = (trip: TripAt, lockId: string, atMs: number): boolean =>
  trip.tracked.some(
    (unit) =>
      unit.lockId === lockId &&
      (unit.from === null || Date.parse(unit.from) <= atMs) &&
      (unit.to === null || Date.parse(unit.to) > atMs),
  );

function withLastReport(trip: TripAt, newest: Map<string, LastRecord>): TripView {
  let record: LastRecord | undefined;
  for (const { lockId } of trip.units) {
    const one = newest.get(lockId);
    if (one && holds(trip, lockId, one.last.timeMs) && one.last.timeMs >= (record?.last.timeMs ?? 0)) record = one;
  }
  if (record === undefined) return trip;
  const { last, fix } = record;
  return {
    ...trip,
    last_report: {
      lockId: last.lockId,
      time: new Date(last.timeMs).toISOString(),
      receivedAt: new Date(last.receivedMs).toISOString(),
      report: wireForm(last) as Record<string, unknown>,
      fix: fix ? (wireForm(fix) as Record<string, unknown>) : null,
    },
  };
}

function lockAt(lockId: string, record: LastRecord | undefined, trip: Trip | undefined): LockAt {
  const named = {
    lockId,
    ...(trip ? { tripId: trip.tripId, plate: trip.vehicle.tractorPlate } : {}),
    status: colourOf(trip),
  };
  if (record === undefined) return named;
  const { last, fix } = record;
  return {
    ...named,
    time: new Date(last.timeMs).toISOString(),
    receivedAt: new Date(last.receivedMs).toISOString(),
    ...(fix?.position ? { position: fix.position } : {}),
    ...(fix && fix !== last ? { positionTime: new Date(fix.timeMs).toISOString() } : {}),
    ...(last.seal ? { seal: last.seal } : {}),
    ...(last.battery ? { battery: last.battery } : {}),
  };
}

/**
 * The whole wall at a time, as the records say today: alarms are active by their fix times, also those that were known only
 * later (`detectedLate`), and a trip taken over is there from its real departure. Progress is that of the newest
 * checkpoint before the time. A trip that was cancelled without a time of its end is left out.
 * @param offices null sees every trip and lock, `[]` none
 */
export async function snapshotAt(db: Queryable, atMs: number, offices: string[] | null): Promise<WallAt> {
  const { rows } = await db.query<TripAt>(TRIPS_AT, [new Date(atMs), offices]);
  const ofTrips = new Set(rows.flatMap((trip) => trip.units.map((unit) => unit.lockId)));
  const { rows: locks } =
    offices !== null
      ? { rows: [...ofTrips].map((lock_id) => ({ lock_id })) }
      : await db.query<{ lock_id: string }>(
          `SELECT l.lock_id FROM locks l WHERE (l.retired_at IS NULL OR l.retired_at > $1)
             AND (l.created_at <= $1 OR EXISTS (SELECT FROM trip_units u WHERE u.lock_id = l.lock_id AND u.tracked_from <= $1)
               OR EXISTS (SELECT FROM all_reports r WHERE r.lock_no = l.lock_no AND r.time <= $1 AND r.time > $2 OFFSET 0)
               OR EXISTS (SELECT FROM ${LAST_DAY_IN_BLOCKS} OFFSET 0))`,
          [new Date(atMs), new Date(atMs - LOOK_BACK_MS)],
        );
  const ids = locks.map((lock) => lock.lock_id);
  const newest = await newestRecords(db, ids, atMs);
  const trips = rows.map((row) => tripOf(withLastReport(row, newest)));
  const tripOfLock = new Map<string, Trip>();
  for (const [i, row] of rows.entries()) {
    for (const { lockId } of row.units) {
      if (!tripOfLock.has(lockId) && holds(row, lockId, atMs)) tripOfLock.set(lockId, trips[i]!);
    }
  }
  return {
    at: new Date(atMs).toISOString(),
    trips,
    locks: ids.map((id) => lockAt(id, newest.get(id), tripOfLock.get(id))),
  };
}
