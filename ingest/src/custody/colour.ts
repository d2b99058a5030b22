import { isOver, type Trip, type WallStatus } from '@sealwatch/schemas';
import { rulesShowing } from '../tracker/index.ts';

/** An active alarm of a trip: all of it that a colour depends on. */
type ColouringAlarm = Pick<Trip['openAlarms'][number], 'rule' | 'severity' | 'state'>;

const SILENCE = rulesShowing('silence');

/**
 * The colour of a trip's locks on the wall. Red is latched and comes first; a provisional critical alarm is drawn at
 * once; silence is shown before amber because it says that the rest is not known.
 */
export function colourOf(
  trip: (Pick<Trip, 'status' | 'risk'> & { openAlarms: readonly ColouringAlarm[] }) | undefined,
): WallStatus {
  if (trip === undefined || isOver(trip)) return 'idle';
  if (trip.risk === 'red') return 'red';
  if (trip.openAlarms.some((a) => a.state === 'provisional' && a.severity === 'critical')) return 'provisional';
  if (trip.openAlarms.some((a) => SILENCE.includes(a.rule))) return 'silent';
  return trip.risk;
}
