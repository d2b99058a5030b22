import { clockAfter, judgeTime, type LockClock } from '../record/clock.ts';
import type { ReadPublish } from '../record/decode.ts';
import { bootIn, lifeOf } from '../record/life.ts';
import type { IntakeRecord } from '../record/record.ts';
import { LATE_AFTER_MS } from '../record/report.ts';
import { type Highest, isAbove } from './highest.ts';

/** What the intake knows of a lock before a batch. */
export interface KnownLock {
  highest?: Highest;
  clock: LockClock;
  inServiceMs: number;
  windows: readonly { fromMs: number; toMs: number }[];
}

/** What the times of a batch say of its locks' clocks. */
export interface JudgedTimes {
  /** After the batch, of the locks that sent a record above all others. */
  clocks: Map<string, LockClock>;
  /** Live records whose time is after that of the highest number, but whose own number is not above it. */
  restarting: Set<IntakeRecord>;
}

interface Running {
  known: KnownLock;
  highest: Highest | undefined;
  clock: LockClock;
  isOfBatch: boolean;
}

/** An error of more than this is taken from all records of a publish. */
const SHIFTED_MS = 10 * 60_000;

/** Replaces the times as sent of freshly decoded records by the times used, and their boots by those of the lock's life. */
export function judgeTimes(
  publishes: readonly ReadPublish[],
  knownOf: (lockId: string) => KnownLock | undefined,
): JudgedTimes {
  const judged: JudgedTimes = { clocks: new Map(), restarting: new Set() };
  const locks = new Map<string, Running>();
  for (const { lockId, records } of publishes) {
    let lock = locks.get(lockId);
    if (!lock) {
      const known = knownOf(lockId) ?? { clock: {}, inServiceMs: 0, windows: [] };
      lock = { known, highest: known.highest, clock: known.clock, isOfBatch: false };
      locks.set(lockId, lock);
    }
    for (const record of records) record.boot = bootIn(lifeOf(lock.highest?.boot ?? 0), record.boot);
    lock.isOfBatch = records.length > 1;
    if (lock.isOfBatch) shiftTogether(lock, records);
    for (const record of records) judgeOne(judged, lock, record);
  }
  return judged;
}

/** If the newest record of a publish needs a large correction, the others of its boot keep their distance to it. */
function shiftTogether(lock: Running, records: readonly IntakeRecord[]): void {
  const newest = records.reduce((top, record) => (isAbove(record, top) ? record : top));
  const { timeUsedMs, fault } = judgeTime(newest, knownOf(lock, newest));
  if (!fault || Math.abs(fault.errorMs) <= SHIFTED_MS) return;
  const shift = { boot: newest.boot, ms: timeUsedMs - newest.timeMs, reason: fault.reason };
  lock.clock = { ...lock.clock, shift };
}

function judgeOne(judged: JudgedTimes, lock: Running, record: IntakeRecord): void {
  const { timeMs: sentMs } = record;
  const known = knownOf(lock, record);
  const { timeUsedMs, fault } = judgeTime(record, known);
  if (known.isAbove) {
    lock.clock = clockAfter(lock.clock, record, timeUsedMs, fault);
    lock.highest = { boot: record.boot, seq: record.seq };
    judged.clocks.set(record.lockId, lock.clock);
  } else if (record.kind !== 'backfill' && record.receivedMs - timeUsedMs <= LATE_AFTER_MS) {
    if (lock.clock.lastMs !== undefined && timeUsedMs > lock.clock.lastMs) judged.restarting.add(record);
  }
  if (timeUsedMs === sentMs) return;
  record.timeMs = timeUsedMs;
  record.sentMs = sentMs;
  if (fault) record.clockFault = fault.reason;
}

function knownOf({ known, highest, clock, isOfBatch }: Running, record: IntakeRecord) {
  return {
    clock,
    isOfBatch,
    isAbove: isAbove(record, highest),
    inServiceMs: known.inServiceMs,
    isOfEndedTrip: (timeMs: number) =>
      known.windows.some(({ fromMs, toMs }) => timeMs >= fromMs && timeMs < toMs && toMs <= record.receivedMs),
  };
}
