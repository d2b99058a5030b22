import type { FramePosition, Snapshot, SnapshotLock } from '@sealwatch/schemas';
import { call } from './rest.ts';

/** Everything on the wall. @param atMs time of the snapshot; absent: now */
export const snapshot = (atMs?: number) =>
  call<Snapshot>(
    'GET',
    atMs === undefined ? '/snapshot' : `/snapshot?at=${encodeURIComponent(new Date(atMs).toISOString())}`,
  );

/** A lock as the map draws it; empty if it has no position. */
export function truckOf(index: number, { status, position }: SnapshotLock): FramePosition[] {
  if (!position) return [];
  const { lon, lat, speedKmh = 0, headingDeg = 0 } = position;
  return [{ index, lon, lat, speedKmh, headingDeg, status, flags: 0 }];
}
