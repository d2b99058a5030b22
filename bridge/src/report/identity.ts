import { createHash } from 'node:crypto';
import type { Report } from '@sealwatch/schemas';

/** What a record is of; of two in one second the lower one comes first. */
export const CLASS = { position: 0, alarm: 1, event: 2, subLock: 3, answer: 4 } as const;
export type RecordClass = keyof typeof CLASS;

/** JSON with sorted members: the same value is the same text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, own]) => `${JSON.stringify(key)}:${canonical(own)}`).join(',')}}`;
}

/**
 * The identity of a record: `boot` is its device time in seconds, `seq` four bits of its class and 28 of the SHA-256 of all
 * that the platform compares. It is a function of the bytes, so that a resend is a duplicate on any bridge at any time, and
 * so is the copy of a live record in a batch: `kind` is no part of it.
 * @param wire distinguishes records of a lock without a clock, e.g. by their number on the wire
 */
export function identified(
  record: Omit<Report, 'boot' | 'seq'>,
  { of, deviceMs, wire }: { of: RecordClass; deviceMs: number | undefined; wire?: string },
): Report {
  const { kind: _, ...compared } = record;
  const text = canonical(wire === undefined ? compared : { ...compared, wire });
  const hash = createHash('sha256').update(text).digest().readUInt32BE(0) >>> 4;
  const boot = deviceMs === undefined ? 0 : Math.max(0, Math.floor(deviceMs / 1000));
  return { ...record, boot, seq: CLASS[of] * 2 ** 28 + hash };
}
