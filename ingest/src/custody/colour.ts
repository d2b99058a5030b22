import type { Trip, WallStatus } from '@sealwatch/schemas';

/**
 * The colour of a trip's locks on the wall. Red is latched and comes first; a provisional critical alarm is drawn at
 * once; silence is shown before amber because it says that the rest is not known.
 */
export function colourOf(trip: Pick<Trip, 'status' | 'risk' | 'openAlarms'> | undefined): WallStatus {
  if (trip === undefined || trip.status === 'closed' || trip.status === 'cancelled') return 'idle';
  if (trip.risk === 'red') return 'red';
  if (trip.openAlarms.some((a) => a.state === 'provisional' && a.severity === 'critical')) return 'provisional';
  if (trip.openAlarms.some((a) => a.rule === 'comms.silent')) return 'silent';
  return trip.risk;
}
