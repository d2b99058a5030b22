import { LockId, type LockMode, type Report } from '@sealwatch/schemas';
import type { Fault } from '../wire/bytes.ts';
import { identityOf, type Said } from './identity.ts';
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
  /** Follows from the interval that the lock has confirmed; else what the record says. It is no part of the identity. */
  mode?: LockMode;
}

/** The members of a report but those that follow from its time. */
export type Content = { [K in keyof Omit<Report, 'v' | 'boot' | 'seq' | 'time'>]: Report[K] | undefined };

/**
 * Makes a report. Without a clock it says 1970, which the platform never takes for true: the receipt is used then.
 * @param content as the profile reads it
 */
export function reportOf(content: Content, said: Said): Report {
  const { deviceMs } = said;
  const isTimed = hasClock(deviceMs);
  const { position, ...others } = content;
  const given = { ...others, position: isTimed ? position : undefined };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const time = new Date(deviceMs ?? 0).toISOString();
  return { v: 1, ...identityOf(said, isTimed), time, kind: 'live', ...present } as Report;
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
