import type { Alarm, TrackPoint } from '@sealwatch/schemas';

/** An event that the replay can jump to. */
export interface ReplayEvent {
  atMs: number;
  kind: 'started' | 'confirmed' | 'ended';
  alarm: Alarm;
}

/** In a longer gap between records the truck is not moved but stays at its last position. */
const LONGEST_GAP_MS = 10 * 60_000;

export interface Placed {
  lon: number;
  lat: number;
  speedKmh: number;
  headingDeg: number;
}

/** How many points are at or before a time; points come in the order of their times. */
export function pointsUntil(points: readonly { timeMs: number }[], atMs: number): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.timeMs <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface TimedTrackPoint extends TrackPoint {
  timeMs: number;
}

/** A truck with several locks is drawn at the position of the lock that reported first. */
export function timed(points: TrackPoint[]): TimedTrackPoint[] {
  const lockId = points[0]?.lockId;
  return points
    .filter((point) => point.lockId === lockId)
    .map((point) => ({ ...point, timeMs: Date.parse(point.time) }));
}

/** Position at a time, interpolated between two records; undefined before the first record. */
export function placeAt(points: readonly TimedTrackPoint[], atMs: number): Placed | undefined {
  const count = pointsUntil(points, atMs);
  const before = points[count - 1];
  if (before === undefined) return undefined;
  const after = points[count];
  const { lon, lat, speedKmh = 0, headingDeg = 0 } = before;
  if (after === undefined) return { lon, lat, speedKmh: 0, headingDeg };
  if (after.timeMs - before.timeMs > LONGEST_GAP_MS) return { lon, lat, speedKmh: 0, headingDeg };
  const share = (atMs - before.timeMs) / (after.timeMs - before.timeMs);
  return { lon: lon + (after.lon - lon) * share, lat: lat + (after.lat - lat) * share, speedKmh, headingDeg };
}

/** Alarms as of a time: later ones are left out, those that ended later are active. */
export function alarmsUntil(alarms: Alarm[], atMs: number): Alarm[] {
  return alarms
    .filter((alarm) => Date.parse(alarm.startedAt) <= atMs)
    .map(({ endedAt, ...alarm }) =>
      endedAt !== undefined && Date.parse(endedAt) <= atMs ? { ...alarm, endedAt } : alarm,
    );
}

/** Oldest first, within a span of time. */
export function eventsOf(alarms: Alarm[], fromMs: number, toMs: number): ReplayEvent[] {
  return alarms
    .flatMap((alarm) => {
      const at: [ReplayEvent['kind'], string | undefined][] = [
        ['started', alarm.startedAt],
        ['confirmed', alarm.confirmedAt === alarm.startedAt ? undefined : alarm.confirmedAt],
        ['ended', alarm.endedAt],
      ];
      return at.flatMap(([kind, time]) => (time === undefined ? [] : [{ atMs: Date.parse(time), kind, alarm }]));
    })
    .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    .sort((a, b) => a.atMs - b.atMs);
}

/** The next event after a time, or the last before it. */
export function neighbour(events: readonly ReplayEvent[], atMs: number, by: 1 | -1): ReplayEvent | undefined {
  return by === 1 ? events.find((event) => event.atMs > atMs) : events.findLast((event) => event.atMs < atMs);
}
