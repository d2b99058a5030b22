import type { Profile } from '../profile/profile.ts';
import type { Decoded } from '../wire/decode.ts';
import { fromBinary, fromP45, fromSubLock } from './from-jointech.ts';
import { fromJt808 } from './from-jt808.ts';
import { type Context, lockIdOf, type Mapping } from './record.ts';

/** Whose frame it is; undefined where it names nobody. A sub-lock's is its hub's. */
export function lockOf(decoded: Decoded): string | undefined {
  if ('header' in decoded) return lockIdOf(decoded.header.phone);
  if ('record' in decoded) return lockIdOf(decoded.record.deviceId);
  return 'line' in decoded && decoded.line.deviceId !== undefined ? lockIdOf(decoded.line.deviceId) : undefined;
}

/** Whether a frame may be believed under this profile: its checksum, its length and its escapes are as they should be. */
export function isSound({ faults }: Decoded, { checksum, lengths }: Profile): boolean {
  return faults.every(({ field }) => {
    if (field === 'checksum') return checksum === 'ignore';
    if (field === 'length') return lengths === 'ignore';
    return field === 'body';
  });
}

/**
 * The reports that come of a frame: a function of its bytes, the profile and the context. A frame that may not be believed
 * makes none, with its faults as notes.
 */
export function reportsOf(decoded: Decoded, profile: Profile, context: Context = {}): Mapping {
  const notes = decoded.faults;
  if (!isSound(decoded, profile) || 'unreadable' in decoded) return { records: [], notes };
  if (decoded.family === 'jt808') {
    const mapped = fromJt808(decoded.header, decoded.message, profile, context);
    return { records: mapped.records, notes: [...notes, ...mapped.notes] };
  }
  if (decoded.family === 'jointech-binary') return { records: [fromBinary(decoded.record, profile, context)], notes };
  const { line } = decoded;
  if (line.type === 'p45') return { records: [fromP45(line.deviceId, line.event)], notes };
  if (line.type === 'sub-lock') {
    return { records: fromSubLock(line.deviceId, line.serial, line.record, context), notes };
  }
  return { records: [], notes };
}
