import {
  type ClockShift,
  clockAfter,
  isPlainlyTrue,
  isPossible,
  judgeTime,
  type KnownClock,
  type LockClock,
  type TimedRecord,
} from '../record/clock.ts';
import type { ReadPublish } from '../record/decode.ts';
import { bootIn, lifeOf } from '../record/life.ts';
import { LATE_AFTER_MS, type TrackedReport } from '../record/report.ts';
import { type Highest, isAbove } from './highest.ts';

/** What the intake knows of a lock before a batch. */
export interface KnownLock {
  highest?: Highest | undefined;
  clock: LockClock;
  /** The boots and numbers of its records say how often it was started, and which of them come first. */
  numbered: boolean;
  inServiceMs: number;
  windows: KnownClock['windows'];
}

/** What the times of a batch say of its locks' clocks. */
export interface JudgedTimes {
  /** After the batch, of the locks of whose clocks something else is known than before. */
  clocks: Map<string, LockClock>;
  /** After the batch, of any lock in it. */
  clockOf(lockId: string): LockClock;
  /** Whether the numbers of a lock in the batch say which of its records come first, and which are missing. */
  isNumbered(lockId: string): boolean;
  /** Live records of numbered locks whose time is after that of the highest number, but whose own number is not above it. */
  outOfTurn: Set<TrackedReport>;
}

interface Running {
  known: KnownLock;
  highest: Highest | undefined;
  clock: LockClock;
  /** By which the impossible times of a publish are put right; of an unnumbered lock alone. */
  together: ClockShift | undefined;
  isOfBatch: boolean;
}

/** An error of more than this is taken from all records of a publish. */
const SHIFTED_MS = 10 * 60_000;

/** Replaces the times as sent of freshly decoded records by the times used, and their boots by those of the lock's life. */
export function judgeTimes(
  publishes: readonly ReadPublish[],
  knownOf: (lockId: string) => KnownLock | undefined,
): JudgedTimes {
  const locks = new Map<string, Running>();
  const judged: JudgedTimes = {
    clocks: new Map(),
    clockOf: (lockId) => locks.get(lockId)?.clock ?? {},
    isNumbered: (lockId) => locks.get(lockId)?.known.numbered ?? true,
    outOfTurn: new Set(),
  };
  for (const { lockId, records } of publishes) {
    let lock = locks.get(lockId);
    if (!lock) {
      const known = knownOf(lockId) ?? { clock: {}, numbered: true, inServiceMs: 0, windows: [] };
      lock = { known, highest: known.highest, clock: known.clock, together: undefined, isOfBatch: false };
      locks.set(lockId, lock);
    }
    const life = lifeOf(lock.highest?.boot ?? 0);
    if (life > 0) for (const record of records) record.boot = bootIn(life, record.boot);
    lock.isOfBatch = records.length > 1;
    lock.together = undefined;
    if (lock.isOfBatch) shiftTogether(lock, records);
    for (const record of records) judgeOne(judged, lock, record);
    if (lock.isOfBatch) takeNeighboursTimes(records);
  }
  return judged;
}

/** A back-filled record whose clock did not run yet was made at about the time of its neighbour in the same publish. */
function takeNeighboursTimes(records: readonly TrackedReport[]): void {
  const isUnknown = ({ kind, clockFault }: TrackedReport) => kind === 'backfill' && clockFault === 'epoch';
  for (const [i, record] of records.entries()) {
    if (!isUnknown(record)) continue;
    const isNeighbour = (other: TrackedReport) => other.boot === record.boot && !isUnknown(other);
    const neighbour = records.slice(0, i).findLast(isNeighbour) ?? records.slice(i).find(isNeighbour);
    if (neighbour) record.timeMs = neighbour.timeMs;
  }
}

/**
 * If the newest record of a publish needs a large correction, the others of its boot keep their distance to it. Of an
 * unnumbered lock nothing says that they are of one boot: those alone that cannot be true as they are.
 */
function shiftTogether(lock: Running, records: readonly TrackedReport[]): void {
  const newest = records.reduce((top, record) => (isAbove(record, top) ? record : top));
  const { timeUsedMs, fault } = judgeTime(
    timed(lock, newest),
    knownOf({ ...lock, isOfBatch: false }, isAbove(newest, lock.highest)),
  );
  if (!fault || Math.abs(fault.errorMs) <= SHIFTED_MS) return;
  const shift = { boot: timed(lock, newest).boot, ms: timeUsedMs - newest.timeMs, reason: fault.reason };
  if (lock.known.numbered) lock.clock = { ...lock.clock, shift };
  else lock.together = shift;
}

function judgeOne(judged: JudgedTimes, lock: Running, record: TrackedReport): void {
  const { timeMs: sentMs } = record;
  const above = isAbove(record, lock.highest);
  if (above && isPlainlyTrue(record, lock.clock, lock.highest?.timeMs)) {
    lock.highest = record;
    return;
  }
  const lastMs = lock.highest?.timeMs;
  const { together } = lock;
  const isPut = together !== undefined && !isPossible(timed(lock, record));
  const known = knownOf(lock, above);
  const { timeUsedMs, fault } = judgeTime(
    timed(lock, record),
    isPut ? { ...known, clock: { ...known.clock, shift: together } } : known,
  );
  // After a record from the future those of an unnumbered lock are above no other for long; its clock is that of the newest receipt.
  if (above || !lock.known.numbered) {
    const clock = clockAfter(lock.clock, timed(lock, record), timeUsedMs, fault);
    if (clock !== lock.known.clock) judged.clocks.set(record.lockId, clock);
    lock.clock = clock;
  }
  if (above) {
    lock.highest = record;
  } else if (lock.known.numbered && record.kind !== 'backfill' && record.receivedMs - timeUsedMs <= LATE_AFTER_MS) {
    // Records of a slightly fast clock that overtook each other are later by their receipt only.
    const isByReceipt = fault === undefined && timeUsedMs !== sentMs;
    if (lastMs !== undefined && timeUsedMs > lastMs && !isByReceipt) judged.outOfTurn.add(record);
  }
  if (timeUsedMs === sentMs) return;
  record.timeMs = timeUsedMs;
  record.sentMs = sentMs;
  if (fault) record.clockFault = fault.reason;
}

/** The boot of an unnumbered lock's record is its time: of how often it was started nothing is known. */
function timed({ known }: Running, record: TrackedReport): TimedRecord {
  if (known.numbered) return record;
  const { kind, timeMs, receivedMs } = record;
  return { boot: 0, kind, timeMs, receivedMs };
}

function knownOf({ known, highest, clock, isOfBatch }: Running, above: boolean): KnownClock {
  return {
    clock,
    isOfBatch,
    isAbove: above,
    lastMs: highest?.timeMs,
    inServiceMs: known.inServiceMs,
    windows: known.windows,
  };
}
