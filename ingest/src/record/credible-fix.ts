import type { Position } from '@sealwatch/schemas';

/** No road comes this close to 0° N 0° E, where receivers without a fix place themselves; degrees. */
const NULL_ISLAND_DEG = 0.001;

/**
 * Whether a position is a fix by which the lock can be placed: from its GNSS receiver, with a satellite in use where it
 * says how many, in range and not at 0/0. Positions of cells and Wi-Fi say where a mast is.
 */
export function credibleFix(position: Position | undefined): position is Position {
  if (position === undefined) return false;
  const { lon, lat, satellites, source } = position;
  if (source !== 'gnss' || satellites === 0) return false;
  if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) return false;
  return Math.abs(lon) > NULL_ISLAND_DEG || Math.abs(lat) > NULL_ISLAND_DEG;
}
