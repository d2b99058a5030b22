import { type ClockReason, LATE_AFTER_MS } from './report.ts';
import type { Turns } from './turns.ts';

/** A clock fault of one record; `errorMs` is the time as sent minus the time used, positive: the clock is fast. */
export interface ClockFault {
  reason: ClockReason;
  errorMs: number;
}

/** A shift that makes the times of one power cycle of a lock true. */
export interface ClockShift {
  boot: number;
  /** Added to the time as sent. */
  ms: number;
  reason: ClockReason;
}

/** What is kept of a lock's clock, in the lock's row. Times are epoch milliseconds. */
export interface LockClock {
  shift?: ClockShift;
  /** A lag of live records that may prove steady: their count, the least and the greatest, and the newest record. */
  lag?: { boot: number; count: number; leastMs: number; mostMs: number; sentMs: number; receivedMs: number };
  /** Present while live records are not numbered in the order of their times. */
  turns?: Turns;
}

/** While a lock is on a trip, epoch ms; `toMs` is infinite while the trip lasts. */
interface Window {
  fromMs: number;
  toMs: number;
}

/** What is known when a record's time is judged. */
export interface KnownClock {
  clock: LockClock;
  /** The record is numbered above every stored record of its lock. */
  isAbove: boolean;
  /** Time used of the record with the highest number, epoch ms. */
  lastMs: number | undefined;
  /** Received with other records at once, so that it may be older than its receipt. */
  isOfBatch: boolean;
  /** Earliest time at which the lock can have been in service. */
  inServiceMs: number;
  /** Of the trips of the lock. */
  windows: readonly Window[];
}

/** A record as decoded: `timeMs` is the time as sent. */
export interface TimedRecord {
  boot: number;
  /** `live` unless it is `roll-call` or `backfill`. */
  kind: string;
  timeMs: number;
  receivedMs: number;
}

/** A lock that is this much ahead is only clamped; more is a fault of another kind. */
const SMALL_AHEAD_MS = 10 * 60_000;
/** Less than this is network jitter and the platform's own clock. */
const NO_FAULT_MS = 5_000;
const STEP_TOLERANCE_MS = 60_000;
/** A corrected time must be this close to the receipt of a live record. */
const FIT_MS = 5 * 60_000;
const HALF_HOUR_MS = 30 * 60_000;
/** Zones reach from UTC−12 to UTC+14. */
const WIDEST_ZONE_MS = 14 * 60 * 60_000;
const DAY_MS = 86_400_000;
/** The week number of GPS has 10 bits: it starts again after 1,024 weeks. */
const ROLLOVER_MS = 7_168 * DAY_MS;
/** No lock of this kind is older. */
const EPOCH_BEFORE_MS = Date.UTC(2015, 0, 1);
const STEADY_COUNT = 3;
const STEADY_LEAST_MS = 30_000;
const STEADY_WITHIN_MS = 15_000;
const STEADY_APART_MS = 5_000;

/** Whether a record can have been made at the time that it says, as far as its receipt tells. */
export const isPossible = ({ timeMs, receivedMs }: TimedRecord): boolean =>
  timeMs >= EPOCH_BEFORE_MS && timeMs <= receivedMs;

/** The time that the rules use for a record, epoch ms, never after its receipt; and what is wrong with the time as sent. */
export function judgeTime(record: TimedRecord, known: KnownClock): { timeUsedMs: number; fault?: ClockFault } {
  const { timeMs: sentMs, receivedMs } = record;
  const found = shifted(record, known) ?? correction(record, known);
  const timeUsedMs = Math.min(found?.timeMs ?? sentMs, receivedMs);
  if (!found) return { timeUsedMs };
  const errorMs = sentMs - timeUsedMs;
  return Math.abs(errorMs) <= NO_FAULT_MS ? { timeUsedMs } : { timeUsedMs, fault: { reason: found.reason, errorMs } };
}

interface Correction {
  timeMs: number;
  reason: ClockReason;
}

/** By the shift that earlier records of the same power cycle needed, if it brings this one to a possible time. */
function shifted({ boot, kind, timeMs, receivedMs }: TimedRecord, known: KnownClock): Correction | undefined {
  const { shift } = known.clock;
  if (!shift || shift.boot !== boot) return undefined;
  const used = timeMs + shift.ms;
  const mayBeOld = kind === 'backfill' || known.isOfBatch;
  const fits = used <= receivedMs + FIT_MS && (mayBeOld || used >= receivedMs - FIT_MS);
  return fits && used >= EPOCH_BEFORE_MS ? { timeMs: used, reason: shift.reason } : undefined;
}

function correction(record: TimedRecord, known: KnownClock): Correction | undefined {
  const { timeMs, receivedMs } = record;
  const { lastMs } = known;
  const isLive = record.kind !== 'backfill';
  if (timeMs < EPOCH_BEFORE_MS) return rolledOver(record, lastMs) ?? { timeMs: receivedMs, reason: 'epoch' };
  if (timeMs > receivedMs) return zoned(record) ?? { timeMs: receivedMs, reason: 'ahead' };
  if (!known.isAbove) return undefined;
  const isBack = lastMs !== undefined && isBefore(timeMs, lastMs, known.windows);
  if (timeMs < known.inServiceMs - DAY_MS && (isBack || isLive)) {
    return rolledOver(record, lastMs) ?? { timeMs: receivedMs, reason: 'reset' };
  }
  if (!isLive || !(isBack || (!known.isOfBatch && isTooOld(record, known)))) return undefined;
  return zoned(record) ?? { timeMs: receivedMs, reason: 'stepped-back' };
}

/**
 * Whether a time lies before one that the lock has passed: by more than its records overtake each other, or before the trip
 * of that one.
 */
function isBefore(timeMs: number, lastMs: number, windows: readonly Window[]): boolean {
  if (timeMs >= lastMs) return false;
  return (
    timeMs < lastMs - STEP_TOLERANCE_MS ||
    windows.some(({ fromMs, toMs }) => lastMs >= fromMs && lastMs < toMs && timeMs < fromMs)
  );
}

/**
 * Whether a live record cannot be as old as it says: made before the lock was in service, on a trip that is over, or more
 * than a day ago on no trip that lasts.
 */
function isTooOld({ timeMs, receivedMs }: TimedRecord, { windows, inServiceMs }: KnownClock): boolean {
  const lateMs = receivedMs - timeMs;
  if (lateMs <= LATE_AFTER_MS) return false;
  const trip = windows.find(({ fromMs, toMs }) => timeMs >= fromMs && timeMs < toMs);
  return trip ? trip.toMs <= receivedMs : timeMs < inServiceMs || lateMs > DAY_MS;
}

/** The time without a whole number of half-hour zones, if that is the time of receipt. */
function zoned({ timeMs, receivedMs }: TimedRecord): Correction | undefined {
  const errorMs = timeMs - receivedMs;
  const zoneMs = Math.round(errorMs / HALF_HOUR_MS) * HALF_HOUR_MS;
  const isZone = zoneMs !== 0 && Math.abs(zoneMs) <= WIDEST_ZONE_MS && Math.abs(errorMs - zoneMs) <= FIT_MS;
  return isZone ? { timeMs: timeMs - zoneMs, reason: 'zone' } : undefined;
}

function rolledOver({ kind, timeMs, receivedMs }: TimedRecord, lastMs: number | undefined): Correction | undefined {
  const fromMs = lastMs === undefined ? receivedMs - SMALL_AHEAD_MS : lastMs - SMALL_AHEAD_MS;
  if (lastMs === undefined && kind === 'backfill') return undefined;
  for (const rollovers of [1, 2]) {
    const used = timeMs + rollovers * ROLLOVER_MS;
    if (used >= fromMs && used <= receivedMs + SMALL_AHEAD_MS) return { timeMs: used, reason: 'rollover' };
  }
  return undefined;
}

/**
 * What is known of a lock's clock after a record that is above all others; the same object if nothing has changed.
 * @param timeUsedMs as `judgeTime` answered
 */
export function clockAfter(clock: LockClock, record: TimedRecord, timeUsedMs: number, fault?: ClockFault): LockClock {
  if (record.kind === 'backfill') return clock;
  const { boot, timeMs: sentMs, receivedMs } = record;
  const lag = lagAfter(clock.lag, record);
  let { shift } = clock;
  if (fault && Math.abs(fault.errorMs) > SMALL_AHEAD_MS) {
    shift = { boot, ms: timeUsedMs - sentMs, reason: fault.reason };
  } else if (lag && lag.count >= STEADY_COUNT) {
    shift = { boot, ms: lag.leastMs, reason: slowReason(lag.leastMs) };
  } else if (receivedMs - sentMs < STEADY_LEAST_MS) shift = undefined;
  if (lag === clock.lag && shift === clock.shift) return clock;
  const { turns } = clock;
  return { ...(shift ? { shift } : {}), ...(lag ? { lag } : {}), ...(turns ? { turns } : {}) };
}

/** Whether a record numbered above all others needs no judgement: its time is a moment ago, of a clock without a fault. */
export function isPlainlyTrue({ timeMs, receivedMs }: TimedRecord, { shift, lag }: LockClock, lastMs = 0): boolean {
  const tookMs = receivedMs - timeMs;
  return tookMs >= 0 && tookMs < STEADY_LEAST_MS && timeMs >= lastMs && shift === undefined && lag === undefined;
}

/** A lag that stays the same while both clocks advance; a batch, received at once, has another lag for each record. */
function lagAfter(was: LockClock['lag'], { boot, timeMs, receivedMs }: TimedRecord): LockClock['lag'] {
  const lagMs = receivedMs - timeMs;
  if (lagMs < STEADY_LEAST_MS || timeMs < EPOCH_BEFORE_MS) return undefined;
  const fresh = { boot, count: 1, leastMs: lagMs, mostMs: lagMs, sentMs: timeMs, receivedMs };
  if (!was || was.boot !== boot) return fresh;
  const [leastMs, mostMs] = [Math.min(was.leastMs, lagMs), Math.max(was.mostMs, lagMs)];
  const advances = timeMs - was.sentMs >= STEADY_APART_MS && receivedMs - was.receivedMs >= STEADY_APART_MS;
  if (mostMs - leastMs > STEADY_WITHIN_MS) return fresh;
  return advances ? { ...fresh, count: Math.min(was.count + 1, STEADY_COUNT), leastMs, mostMs } : was;
}

function slowReason(lagMs: number): ClockReason {
  const zones = Math.round(lagMs / HALF_HOUR_MS);
  return zones > 0 && Math.abs(lagMs - zones * HALF_HOUR_MS) <= FIT_MS && lagMs <= WIDEST_ZONE_MS ? 'zone' : 'slow';
}
