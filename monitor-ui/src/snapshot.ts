import type { FramePosition, Trip, WallStatus } from '@sealwatch/schemas';
import { call } from './rest.ts';

/** A lock as the wall shows it, or showed it then. */
export interface SnapshotLock {
  lockId: string;
  tripId?: string;
  plate?: string;
  status: WallStatus;
  /** Of its newest record; absent: it had not reported for a day. */
  time?: string;
  position?: { lon: number; lat: number; speedKmh?: number; headingDeg?: number };
}

export interface Snapshot {
  at: string;
  trips: Trip[];
  locks: SnapshotLock[];
}

/** The whole wall. @param atMs at that time; absent: now */
export const snapshot = (atMs?: number) =>
  call<Snapshot>(
    'GET',
    atMs === undefined ? '/snapshot' : `/snapshot?at=${encodeURIComponent(new Date(atMs).toISOString())}`,
  );

/** A lock as a map draws it; nothing where it has no place. */
export function truckOf(index: number, { status, position }: SnapshotLock): FramePosition[] {
  if (!position) return [];
  const { lon, lat, speedKmh = 0, headingDeg = 0 } = position;
  return [{ index, lon, lat, speedKmh, headingDeg, status, flags: 0 }];
}
