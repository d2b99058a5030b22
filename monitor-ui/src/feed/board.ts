import {
  type Alarm,
  type FeedHealth,
  type FeedLock,
  type FeedPassage,
  type FeedStats,
  isOver,
  type SnapshotMessage,
  type Trip,
} from '@sealwatch/schemas';

/** What this screen has received from the platform; the screens draw nothing else. */
export interface Board {
  /** Sequence of the newest message applied; undefined before the first snapshot. */
  sequence?: number;
  build?: string;
  /** Locks by their index in binary frames. */
  locks: Map<number, FeedLock>;
  /** Index in binary frames by trip; of a trip with several locks, the lowest index represents the truck. */
  indexByTrip: Map<string, number>;
  trips: Map<string, Trip>;
  alarms: Map<string, Alarm>;
  /** Newest first. */
  passages: FeedPassage[];
  stats?: FeedStats;
  health: FeedHealth;
}

/** How many passages, ended alarms and ended trips are kept, so that memory stays constant for weeks. */
const PASSAGES_KEPT = 40;
const ENDED_ALARMS_KEPT = 100;
const ENDED_TRIPS_KEPT = 200;

export function emptyBoard(): Board {
  return {
    locks: new Map(),
    indexByTrip: new Map(),
    trips: new Map(),
    alarms: new Map(),
    passages: [],
    health: { ready: true, reasons: [] },
  };
}

export type Arrival = 'taken' | 'duplicate' | 'gap';

/**
 * Checks a message's sequence, which is one higher than the last (contract §5), and stores it. A message after a gap is
 * still applied, because its content is valid; the caller requests a snapshot for what was missed.
 */
export function arrive(board: Board, sequence: number): Arrival {
  if (board.sequence === undefined) return 'gap';
  if (sequence <= board.sequence) return 'duplicate';
  const expected = board.sequence + 1;
  board.sequence = sequence;
  return sequence === expected ? 'taken' : 'gap';
}

/** Replaces the whole board by a snapshot. */
export function takeSnapshot(board: Board, snapshot: SnapshotMessage): void {
  board.sequence = snapshot.sequence;
  board.build = snapshot.build;
  board.locks.clear();
  board.indexByTrip.clear();
  takeLocks(board, snapshot.locks);
  board.trips = new Map(snapshot.trips.map((trip) => [trip.tripId, trip]));
  board.alarms = new Map(snapshot.alarms.map((alarm) => [alarm.alarmId, alarm]));
  board.passages = [];
  for (const passage of snapshot.passages) takePassage(board, passage);
  board.stats = snapshot.stats;
}

export function takeLocks(board: Board, locks: FeedLock[]): void {
  for (const lock of locks) {
    const before = board.locks.get(lock.index)?.tripId;
    if (before !== undefined && before !== lock.tripId && board.indexByTrip.get(before) === lock.index) {
      board.indexByTrip.delete(before);
    }
    board.locks.set(lock.index, lock);
    if (lock.tripId === undefined) continue;
    const known = board.indexByTrip.get(lock.tripId);
    if (known === undefined || lock.index < known) board.indexByTrip.set(lock.tripId, lock.index);
  }
}

export function takeTrip(board: Board, trip: Trip): void {
  board.trips.set(trip.tripId, trip);
  if (isOver(trip)) dropOldest(board.trips, ENDED_TRIPS_KEPT, isOver);
}

export function takeAlarm(board: Board, alarm: Alarm): void {
  board.alarms.set(alarm.alarmId, alarm);
  if (!alarm.active) dropOldest(board.alarms, ENDED_ALARMS_KEPT, ({ active }) => !active);
}

/** A passage that is already known (a person has decided it) replaces the older version and keeps its place by time. */
export function takePassage(board: Board, passage: FeedPassage): void {
  const others = board.passages.filter((p) => p.passageId !== passage.passageId || p.gateId !== passage.gateId);
  others.push(passage);
  others.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  board.passages = others.slice(0, PASSAGES_KEPT);
}

function dropOldest<T>(map: Map<string, T>, keep: number, ended: (item: T) => boolean): void {
  const candidates = [...map].filter(([, item]) => ended(item));
  for (const [id] of candidates.slice(0, Math.max(0, candidates.length - keep))) map.delete(id);
}
