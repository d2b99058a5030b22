import { Risk, type Trip } from '@sealwatch/schemas';
import { withTransit } from '../../custody/steps.ts';
import { isoField, isoOf } from '../../postgres/iso.ts';
import type { TripRow, TripView } from './row.ts';

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
    units: row.units.map(({ mechanicalSealNo, profile, ...unit }) => ({
      ...unit,
      ...(mechanicalSealNo === null ? {} : { mechanicalSealNo }),
      ...(profile === null ? {} : { profile }),
    })),
    routeId: row.route_id,
    routeVersion: row.route_version,
    ...(row.time_limit_min === null ? {} : { timeLimitMin: row.time_limit_min }),
    ...(row.gross_weight_kg === null ? {} : { grossWeightKg: row.gross_weight_kg }),
    ...(row.hold_reason === null ? {} : { hold: { reason: row.hold_reason, by: row.hold_by ?? '' } }),
    ...frozenOf(row),
    ...(row.taken_over_at === null ? {} : { takenOver: { by: row.taken_over_by ?? '', at: isoOf(row.created_at) } }),
    ...times,
    steps: withTransit(
      row.steps,
      { status: row.status, departedAt: times.departedAt, arrivedAt: times.arrivedAt },
      openAlarms.map((alarm) => alarm.rule),
    ),
    progress: { doneM: row.done_m, totalM: row.total_m, ...isoField('etaAt', row.eta_at) },
    openAlarms,
    ...(row.inherited.length === 0
      ? {}
      : { inherited: row.inherited.map(({ alarmId, tripId, rule }) => ({ alarmId, tripId, rule })) }),
    ...lastReportOf(row.last_report),
  };
}
