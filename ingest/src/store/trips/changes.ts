import type { Step, TripDeclaration, TripStatus } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { inheritAlarms } from './inherited.ts';
import { askToJudge } from './to-judge.ts';

export interface NewTrip {
  tripId: string;
  declaration: Omit<TripDeclaration, 'vehicle'> & {
    vehicle: { tractorPlate: string; trailerPlate?: string | undefined; plateCountry?: string | undefined };
  };
  convoyId?: string | undefined;
  routeVersion: number;
  totalM: number;
  status: TripStatus;
  steps: Step[];
  /** Who declares it. */
  by: string;
}

/**
 * Writes a trip, which is to be judged; it has inherited the alarms of its locks and containers, and its locks are in its slot. Call it in a
 * transaction that has locked the rows of its locks (`busyLocks`).
 */
export async function insertTrip(db: Queryable, trip: NewTrip): Promise<void> {
  const { declaration: d } = trip;
  await db.query(
    `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version,
       tractor_plate, trailer_plate, status, steps, planned_departure_at, time_limit_min, gross_weight_kg, sealed_at,
       departed_at, taken_over_at, total_m, company, convoy_id, plate_country,
       taken_over_by, simulated, slot)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19, $20, $21,
       (SELECT bool_and(simulated) FROM locks WHERE lock_id = ANY($22)), (SELECT slot FROM locks WHERE lock_id = $22[1]))`,
    [
      trip.tripId,
      d.declarationNo,
      d.mode,
      d.originOffice,
      d.destinationOffice,
      d.routeId,
      trip.routeVersion,
      d.vehicle.tractorPlate,
      d.vehicle.trailerPlate ?? null,
      trip.status,
      JSON.stringify(trip.steps),
      d.plannedDepartureAt ?? null,
      d.timeLimitMin ?? null,
      d.grossWeightKg ?? null,
      d.takeover?.sealedAt ?? null,
      d.takeover?.departedAt ?? null,
      trip.totalM,
      d.company ?? null,
      trip.convoyId ?? null,
      d.vehicle.plateCountry ?? null,
      d.takeover === undefined ? null : trip.by,
      d.units.map((unit) => unit.lockId),
    ],
  );
  for (const [ordinal, unit] of d.units.entries()) {
    await db.query(
      `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, mechanical_seal_no, tracked_from)
       VALUES ($1, $2, $3, $4, $5, ${TRACKED_FROM})`,
      [
        trip.tripId,
        ordinal,
        unit.containerNo,
        unit.lockId,
        unit.mechanicalSealNo ?? null,
        d.takeover?.departedAt ?? null,
      ],
    );
  }
  if (d.units.length > 1) await moveLocks(db, trip.tripId);
  await inheritAlarms(db, trip.tripId);
  await askToJudge(db, [trip.tripId]);
}

/** One worker sees all locks of an open trip: they go into its slot, that of its first lock. */
async function moveLocks(db: Queryable, tripId: string): Promise<void> {
  await db.query(
    `UPDATE locks l SET slot = t.slot, slot_moves = l.slot_moves + 1 FROM trips t
     WHERE t.trip_id = $1 AND l.slot <> t.slot AND l.lock_id IN (SELECT lock_id FROM trip_units WHERE trip_id = $1)`,
    [tripId],
  );
}

/**
 * From when on the records of the lock $4 are a new trip's: the departure $6 of one that was taken over, and not before the
 * end of the lock's trips that are over: late records of these stay theirs. A simulated lock starts where it says.
 */
const TRACKED_FROM = `greatest($6::timestamptz, CASE WHEN $6::timestamptz IS NOT NULL THEN
  (SELECT max(u.tracked_to) FROM trip_units u JOIN locks l USING (lock_id) WHERE u.lock_id = $4 AND NOT l.simulated) END)`;

/** Columns a custody act writes; the tracker's own columns are not among them. */
export interface TripChange {
  status?: TripStatus;
  steps?: Step[];
  sealedAt?: string;
  departedAt?: string;
  arrivedAt?: string;
  verifiedAt?: string;
  unlockedAt?: string;
  writtenOffAt?: string;
  closedAt?: string;
}

/** Writes a change of a trip, which is to be judged by it. */
export async function changeTrip(db: Queryable, tripId: string, change: TripChange): Promise<void> {
  await db.query(
    `UPDATE trips SET status = coalesce($2, status), steps = coalesce($3, steps),
       sealed_at = coalesce($4, sealed_at), arrived_at = coalesce(arrived_at, $5),
       verified_at = coalesce($6, verified_at), unlocked_at = coalesce($7, unlocked_at),
       written_off_at = coalesce(written_off_at, $8), closed_at = coalesce($9, closed_at),
       departed_at = coalesce(departed_at, $10)
     WHERE trip_id = $1`,
    [
      tripId,
      change.status ?? null,
      change.steps === undefined ? null : JSON.stringify(change.steps),
      change.sealedAt ?? null,
      change.arrivedAt ?? null,
      change.verifiedAt ?? null,
      change.unlockedAt ?? null,
      change.writtenOffAt ?? null,
      change.closedAt ?? null,
      change.departedAt ?? null,
    ],
  );
  await askToJudge(db, [tripId]);
}

/** Records of the trip's locks belong to the trip from this fix time on, unless an earlier time was set before. */
export async function trackFrom(db: Queryable, tripId: string, at: string): Promise<void> {
  await db.query('UPDATE trip_units SET tracked_from = coalesce(tracked_from, $2) WHERE trip_id = $1', [tripId, at]);
}

/** Records of the trip's locks with this fix time or a later one no longer belong to the trip: the locks go back to stock. */
export async function trackTo(db: Queryable, tripId: string, at: string): Promise<void> {
  await db.query('UPDATE trip_units SET tracked_to = coalesce(tracked_to, $2) WHERE trip_id = $1', [tripId, at]);
}

export async function holdTrip(
  db: Queryable,
  tripId: string,
  hold: { reason: string; by: string } | null,
): Promise<void> {
  await db.query('UPDATE trips SET hold_reason = $2, hold_by = $3 WHERE trip_id = $1', [
    tripId,
    hold?.reason ?? null,
    hold?.by ?? null,
  ]);
}

/** After every change of a trip's alarms, in the transaction that made it. */
export async function refreshRisk(db: Queryable, tripId: string): Promise<void> {
  await db.query('UPDATE trips SET risk = trip_risk(trip_id) WHERE trip_id = $1', [tripId]);
}
