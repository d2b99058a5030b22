import { LockId, type LockMode, type Report } from '@sealwatch/schemas';
import type { Fault } from '../wire/bytes.ts';
import { identified, type RecordClass } from './identity.ts';
import { hasClock } from './time.ts';

/** A report that comes of a frame, and whose it is. */
export interface Mapped {
  lockId: string;
  report: Report;
}

export interface Mapping {
  /** Oldest first. */
  records: Mapped[];
  /** What of the frame could not be, and is left out. */
  notes: Fault[];
}

/** What the connection knows, and the bytes do not say. */
export interface Context {
  /** Follows from the interval that the lock has confirmed; else what the record says. */
  mode?: LockMode;
}

/** The members of a report but those that follow from its time. */
export type Content = { [K in keyof Omit<Report, 'v' | 'boot' | 'seq' | 'time'>]: Report[K] | undefined };

/**
 * Makes a report. Without a clock it says 1970, which the platform never takes for true: the receipt is used then.
 * @param deviceMs undefined where the digits are no time
 * @param wire the number on the wire
 */
export function reportOf(
  content: Content,
  about: { of: RecordClass; deviceMs: number | undefined; wire: string },
): Report {
  const { of, deviceMs, wire } = about;
  const isTimed = hasClock(deviceMs);
  const { position, ...others } = content;
  const given = { ...others, position: isTimed ? position : undefined };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const time = new Date(deviceMs ?? 0).toISOString();
  const record = { v: 1, time, kind: 'live', ...present } as Omit<Report, 'boot' | 'seq'>;
  return identified(record, { of, deviceMs, ...(isTimed ? {} : { wire }) });
}

const LOCK_DIGITS = 12;

/** Digits of a frame as an id: leading zeros of a number of 2019 go, so that a lock keeps its id when its firmware is renewed. */
export function lockIdOf(phone: string): string | undefined {
  const short = phone.length <= LOCK_DIGITS ? phone : phone.replace(/^0+/, '').padStart(LOCK_DIGITS, '0');
  return LockId.safeParse(short).success ? short : undefined;
}

export function sorted(records: Mapped[]): Mapped[] {
  return records.toSorted((a, b) => Date.parse(a.report.time) - Date.parse(b.report.time));
}
