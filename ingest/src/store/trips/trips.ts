import { OVER_STATUSES, Risk, type Step, type Trip, type TripDeclaration, type TripStatus } from '@sealwatch/schemas';
import { withTransit } from '../../custody/steps.ts';
import { isoField, isoOf } from '../../postgres/iso.ts';
import type { Queryable } from '../../postgres/queryable.ts';

export interface TripRow {
  trip_id: string;
  convoy_id: string | null;
  declaration_no: string;
  mode: Trip['mode'];
  origin_office: string;
  destination_office: string;
  company: string | null;
  route_id: string;
  route_version: number;
  tractor_plate: string;
  trailer_plate: string | null;
  plate_country: string | null;
  status: TripStatus;
  risk: 0 | 1 | 2;
  steps: Step[];
  planned_departure_at: Date | null;
  time_limit_min: number | null;
  gross_weight_kg: number | null;
  hold_reason: string | null;
  hold_by: string | null;
  frozen_until: Date | null;
  frozen_by: string | null;
  frozen_reason: string | null;
  created_at: Date;
  sealed_at: Date | null;
  departed_at: Date | null;
  /** Departure of a trip that was taken over under way; null: it was sealed here. */
  taken_over_at: Date | null;
  arrived_at: Date | null;
  verified_at: Date | null;
  unlocked_at: Date | null;
  written_off_at: Date | null;
  closed_at: Date | null;
  done_m: number;
  total_m: number;
  eta_at: Date | null;
}

/** A trip with what a caller sees of it. */
export interface TripView extends TripRow {
  units: { containerNo: string; lockId: string; mechanicalSealNo: string | null }[];
  open_alarms: Trip['openAlarms'];
  last_report: {
    lockId: string;
    time: string;
    receivedAt: string | null;
    report: Record<string, unknown> | null;
    fix: Record<string, unknown> | null;
  } | null;
}

/** The newest record of a trip's locks that belongs to it: none of before it was sealed, none of after it closed. */
const LAST_REPORT = `(SELECT json_build_object('lockId', l.lock_id, 'time', l.last_time, 'receivedAt', l.last_received,
    'report', l.last_report, 'fix', lock_fix(l))
  FROM trip_units u JOIN locks l USING (lock_id)
  WHERE u.trip_id = t.trip_id AND l.last_time >= coalesce(u.tracked_from, t.created_at)
    AND (u.tracked_to IS NULL OR l.last_time < u.tracked_to)
  ORDER BY l.last_time DESC LIMIT 1)`;

/** The active alarms of a trip aliased `t`. @param asOf an SQL expression: at what time */
export const OPEN_ALARMS = (asOf = "'infinity'") => `(SELECT coalesce(json_agg(json_build_object('alarmId', a.alarm_id,
    'rule', a.rule, 'severity', a.severity, 'state', alarm_state(a, ${asOf}), 'startedAt', a.started_at)
    ORDER BY a.started_at, a.alarm_id), '[]'::json)
  FROM alarms a WHERE a.trip_id = t.trip_id AND alarm_active(a, ${asOf}))`;

/** Reads trips aliased `t`; a condition follows. @param more further columns, each after a comma */
export const tripViewSql = (more = '') => `SELECT t.*,
  (SELECT json_agg(json_build_object('containerNo', u.container_no, 'lockId', u.lock_id,
     'mechanicalSealNo', u.mechanical_seal_no) ORDER BY u.ordinal) FROM trip_units u WHERE u.trip_id = t.trip_id) AS units,
  ${OPEN_ALARMS()} AS open_alarms,
  ${LAST_REPORT} AS last_report${more}
  FROM trips t`;
const VIEW = tripViewSql();

/** Whether a trip aliased `t` begins or ends at one of these offices. */
export const ENDS_AT = (parameter: number) =>
  `(t.origin_office = ANY($${parameter}) OR t.destination_office = ANY($${parameter}))`;

/** The same of what its caller sees; `[]` sees every office. */
export const VISIBLE = (parameter: number) => `($${parameter}::text[] = '{}' OR ${ENDS_AT(parameter)})`;

/** Whether a trip with this alias is not over: it holds its locks. `isOver` of the schemas in SQL. */
export const IS_OPEN = (trip = 't') =>
  `${trip}.status NOT IN (${OVER_STATUSES.map((status) => `'${status}'`).join(', ')})`;

/** @param stored `trips.risk`: 0, 1 or 2 */
export const riskOf = (stored: number): Risk => Risk.options[stored]!;

/** The fix time of the position, if it is that of an earlier record. */
function positionAtOf({ time, fix }: NonNullable<TripView['last_report']>): { positionAt?: string } {
  const at = fix?.time === undefined ? undefined : isoOf(String(fix.time));
  return at === undefined || at === isoOf(time) ? {} : { positionAt: at };
}

function lastReportOf(last: TripView['last_report']): Pick<Trip, 'lastReport'> {
  if (last === null) return {};
  const report = last.report ?? {};
  // A newest record without a credible fix leaves the last credible one.
  const position = last.fix?.position as Trip['lastReport'] extends infer R
    ? R extends { position?: infer P }
      ? P
      : never
    : never;
  return {
    lastReport: {
      lockId: last.lockId,
      time: isoOf(last.time),
      ...isoField('receivedAt', last.receivedAt),
      ...(position === undefined ? {} : { position, ...positionAtOf(last) }),
      ...(report.seal === undefined ? {} : { seal: report.seal as Record<string, unknown> }),
      ...(report.battery === undefined ? {} : { battery: report.battery as Record<string, unknown> }),
    },
  };
}

function timesOf(row: TripRow) {
  return {
    ...isoField('plannedDepartureAt', row.planned_departure_at),
    createdAt: isoOf(row.created_at),
    ...isoField('sealedAt', row.sealed_at),
    ...isoField('departedAt', row.departed_at),
    ...isoField('arrivedAt', row.arrived_at),
    ...isoField('verifiedAt', row.verified_at),
    ...isoField('unlockedAt', row.unlocked_at),
    ...isoField('closedAt', row.closed_at),
    ...isoField('writtenOffAt', row.written_off_at),
  };
}

function frozenOf({ frozen_until: until, frozen_by: by, frozen_reason: reason }: TripRow): Pick<Trip, 'frozen'> {
  return until === null ? {} : { frozen: { reason: reason ?? '', by: by ?? '', until: isoOf(until) } };
}

export function tripOf(row: TripView): Trip {
  const openAlarms = row.open_alarms.map((alarm) => ({ ...alarm, startedAt: isoOf(alarm.startedAt) }));
  const times = timesOf(row);
  return {
    tripId: row.trip_id,
    ...(row.convoy_id === null ? {} : { convoyId: row.convoy_id }),
    status: row.status,
    risk: riskOf(row.risk),
    declarationNo: row.declaration_no,
    mode: row.mode,
    originOffice: row.origin_office,
    destinationOffice: row.destination_office,
    ...(row.company === null ? {} : { company: row.company }),
    vehicle: {
      tractorPlate: row.tractor_plate,
      ...(row.trailer_plate === null ? {} : { trailerPlate: row.trailer_plate }),
      ...(row.plate_country === null ? {} : { plateCountry: row.plate_country }),
    },
    units: row.units.map(({ mechanicalSealNo, ...unit }) => ({
      ...unit,
      ...(mechanicalSealNo === null ? {} : { mechanicalSealNo }),
    })),
    routeId: row.route_id,
    routeVersion: row.route_version,
    ...(row.time_limit_min === null ? {} : { timeLimitMin: row.time_limit_min }),
    ...(row.gross_weight_kg === null ? {} : { grossWeightKg: row.gross_weight_kg }),
    ...(row.hold_reason === null ? {} : { hold: { reason: row.hold_reason, by: row.hold_by ?? '' } }),
    ...frozenOf(row),
    ...times,
    steps: withTransit(
      row.steps,
      { status: row.status, departedAt: times.departedAt, arrivedAt: times.arrivedAt },
      openAlarms.map((alarm) => alarm.rule),
    ),
    progress: { doneM: row.done_m, totalM: row.total_m, ...isoField('etaAt', row.eta_at) },
    openAlarms,
    ...lastReportOf(row.last_report),
  };
}

export async function getTrip(db: Queryable, tripId: string, offices: string[]): Promise<TripView | undefined> {
  const { rows } = await db.query<TripView>(`${VIEW} WHERE t.trip_id = $1 AND ${VISIBLE(2)}`, [tripId, offices]);
  return rows[0];
}

export async function tripsById(db: Queryable, tripIds: string[]): Promise<TripView[]> {
  const { rows } = await db.query<TripView>({
    name: 'trips-by-id',
    text: `${VIEW} WHERE t.trip_id = ANY($1::uuid[])`,
    values: [tripIds],
  });
  return rows;
}

/** Every trip that still holds its locks, for the live feed. */
export async function openTrips(db: Queryable): Promise<TripView[]> {
  const { rows } = await db.query<TripView>(`${VIEW} WHERE ${IS_OPEN()}`);
  return rows;
}

export interface TripFilter {
  status?: TripStatus[] | undefined;
  risk?: Risk | undefined;
  /** Part of a declaration number, plate, container number or lock id, normalised. */
  q?: string | undefined;
  offices: string[];
  limit: number;
  after?: { createdAt: string; tripId: string } | undefined;
}

/** Newest first. */
export async function listTrips(db: Queryable, filter: TripFilter): Promise<TripView[]> {
  const { rows } = await db.query<TripView>(
    `${VIEW} WHERE ${VISIBLE(1)}
       AND ($2::text[] IS NULL OR t.status = ANY($2)) AND ($3::int IS NULL OR t.risk = $3)
       AND ($4::text IS NULL OR strpos(t.declaration_no, $4) > 0 OR strpos(t.tractor_plate, $4) > 0
         OR strpos(t.trailer_plate, $4) > 0 OR EXISTS (SELECT 1 FROM trip_units u WHERE u.trip_id = t.trip_id
           AND (strpos(u.container_no, $4) > 0 OR strpos(u.lock_id, $4) > 0)))
       AND ($5::timestamptz IS NULL OR (date_trunc('milliseconds', t.created_at), t.trip_id) < ($5, $6::uuid))
     ORDER BY date_trunc('milliseconds', t.created_at) DESC, t.trip_id DESC LIMIT $7`,
    [
      filter.offices,
      filter.status ?? null,
      filter.risk === undefined ? null : Risk.options.indexOf(filter.risk),
      filter.q ?? null,
      filter.after?.createdAt ?? null,
      filter.after?.tripId ?? null,
      filter.limit,
    ],
  );
  return rows;
}

/** The trip, locked until the end of the transaction. */
export async function tripForUpdate(db: Queryable, tripId: string): Promise<TripView | undefined> {
  await db.query('SELECT 1 FROM trips WHERE trip_id = $1 FOR UPDATE', [tripId]);
  return (await tripsById(db, [tripId]))[0];
}

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
}

/** Locks of the list that an open trip holds; they are locked until the end of the transaction. */
export async function busyLocks(db: Queryable, lockIds: string[]): Promise<{ lockId: string; tripId: string }[]> {
  await db.query('SELECT 1 FROM locks WHERE lock_id = ANY($1) ORDER BY lock_id FOR UPDATE', [lockIds]);
  const { rows } = await db.query<{ lock_id: string; trip_id: string }>(
    `SELECT u.lock_id, t.trip_id FROM trip_units u JOIN trips t USING (trip_id)
     WHERE u.lock_id = ANY($1) AND ${IS_OPEN()}`,
    [lockIds],
  );
  return rows.map((row) => ({ lockId: row.lock_id, tripId: row.trip_id }));
}

export async function insertTrip(db: Queryable, trip: NewTrip): Promise<void> {
  const { declaration: d } = trip;
  await db.query(
    `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version,
       tractor_plate, trailer_plate, status, steps, planned_departure_at, time_limit_min, gross_weight_kg, sealed_at,
       departed_at, taken_over_at, total_m, company, convoy_id, plate_country)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19, $20)`,
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
    ],
  );
  for (const [ordinal, unit] of d.units.entries()) {
    await db.query(
      `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, mechanical_seal_no, tracked_from)
       VALUES ($1, $2, $3, $4, $5, $6)`,
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
}

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

/** Arrivals since midnight in a time zone, by pair of offices. */
export async function arrivalsToday(
  db: Queryable,
  zone: string,
): Promise<{ originOffice: string; destinationOffice: string; trips: number }[]> {
  const { rows } = await db.query<{ origin_office: string; destination_office: string; trips: number }>(
    `SELECT origin_office, destination_office, count(*)::int AS trips FROM trips
     WHERE arrived_at >= date_trunc('day', now(), $1) GROUP BY 1, 2`,
    [zone],
  );
  return rows.map((r) => ({ originOffice: r.origin_office, destinationOffice: r.destination_office, trips: r.trips }));
}
