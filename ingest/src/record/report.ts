import type { Position, Report } from '@sealwatch/schemas';

/** An event as the lock sent it. Its type and its source may be words that this platform does not know. */
export interface RecordedEvent {
  type: string;
  source?: string | undefined;
  card?: string | undefined;
  verified?: boolean | undefined;
  reason?: string | undefined;
  count?: number | undefined;
}

/** Its source may be a word that this platform does not know, which is not GNSS. */
export type RecordedPosition = Omit<Position, 'source'> & { source: string };

/** Why a record's time as sent cannot be the time at which it was made. */
export type ClockReason = 'ahead' | 'zone' | 'slow' | 'rollover' | 'epoch' | 'reset' | 'stepped-back';

/**
 * A report inside the platform: the fields of the schema, its time as a number, whose it is and when it came. Times are
 * epoch milliseconds. Words that newer firmware says (kind, mode, source of a position, events) are kept as given.
 */
export interface TrackedReport extends Omit<Report, 'v' | 'time' | 'kind' | 'mode' | 'position' | 'events'> {
  /** `live` unless it is `roll-call` or `backfill`. */
  kind: string;
  mode?: string | undefined;
  position?: RecordedPosition | undefined;
  events?: readonly RecordedEvent[] | undefined;
  lockId: string;
  /** When the lock made the record, as the rules use it: never after its receipt (`judgeTime`). */
  timeMs: number;
  /** The time as sent, if it differs. */
  sentMs?: number;
  /** Why it differs, unless by network jitter only. */
  clockFault?: ClockReason;
  /** When the platform got it. */
  receivedMs: number;
}

/** A record that took longer than this to arrive is late, whatever it calls itself. */
export const LATE_AFTER_MS = 10 * 60_000;

/** The order of every fold (law 3): fix time, then lock, then the lock's own numbering. */
export function foldOrder(a: TrackedReport, b: TrackedReport): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  if (a.lockId !== b.lockId) return a.lockId < b.lockId ? -1 : 1;
  return a.boot - b.boot || a.seq - b.seq;
}

/** A record's identity: (lock, boot, seq). */
export function reportKey(report: Pick<TrackedReport, 'lockId' | 'boot' | 'seq'>): string {
  return `${report.lockId} ${report.boot} ${report.seq}`;
}

export function isLate(report: TrackedReport): boolean {
  return report.kind === 'backfill' || report.receivedMs - report.timeMs > LATE_AFTER_MS;
}

/** Serial numbers are unsigned 32-bit and wrap. */
export function nextSeq(seq: number): number {
  return (seq + 1) >>> 0;
}

/** No record of this lock can lie between two such records, however late it comes. */
export function isNextOf(earlier: { boot: number; seq: number }, later: { boot: number; seq: number }): boolean {
  return earlier.boot === later.boot && later.seq === nextSeq(earlier.seq);
}
