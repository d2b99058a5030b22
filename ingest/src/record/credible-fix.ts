import { positionFault } from '@sealwatch/geofence';
import type { Position } from '@sealwatch/schemas';
import type { RecordedPosition } from './report.ts';

/**
 * Whether a position is a fix by which the lock can be placed: from its GNSS receiver, with a satellite in use where it
 * says how many, in range, and neither at 0/0 nor at a place that a receiver's firmware reports without a fix. Positions
 * of cells and Wi-Fi say where a mast is. What only the record before shows (`isRepeat`) is judged by the tracker.
 */
export function credibleFix(position: RecordedPosition | undefined): position is Position {
  return position !== undefined && positionFault(position) === undefined;
}
