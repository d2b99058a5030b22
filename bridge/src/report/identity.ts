import { createHash } from 'node:crypto';
import { toHex } from '../wire/bytes.ts';

/** What a record is of; of two in one second the lower one comes first. */
const CLASS = { position: 0, event: 2, subLock: 3 } as const;

/** What a lock says in one record. */
export interface Said {
  of: keyof typeof CLASS;
  /** Undefined where the digits are no time. */
  deviceMs: number | undefined;
  /** The record as decoded, without what may differ when the lock sends it again: how it is sent, and its number. */
  record: object;
  /** The number on the wire. */
  wire: string;
}

/** JSON with sorted members, bytes as digits: the same value is the same text. */
function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return JSON.stringify(toHex(value));
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, own]) => `${JSON.stringify(key)}:${canonical(own)}`).join(',')}}`;
}

/**
 * The identity of a record: `boot` is its device time in seconds, `seq` four bits of its class and 28 of the SHA-256 of what
 * the lock said. Nothing that the bridge knows, is set to or makes of it takes part, so that a resend is a duplicate on any
 * bridge at any time, and so is the copy of a live record in a batch.
 * @param hasClock a record of a lock without one is told apart from an equal one by its number on the wire
 */
export function identityOf({ of, deviceMs, record, wire }: Said, hasClock: boolean): { boot: number; seq: number } {
  const text = canonical(hasClock ? { record } : { record, wire });
  const hash = createHash('sha256').update(text).digest().readUInt32BE(0) >>> 4;
  const boot = deviceMs === undefined ? 0 : Math.max(0, Math.floor(deviceMs / 1000));
  return { boot, seq: CLASS[of] * 2 ** 28 + hash };
}
