import { decode, type ReadPublish } from '../record/decode.ts';
import type { Publish } from './lanes.ts';

/** Decodes a publish; one that was refused before it was read has no records. */
export function readPublish({ lockId, raw, receivedMs, refused }: Publish): ReadPublish {
  return {
    lockId,
    raw,
    ...(refused ? { records: [], refusals: [refused], partial: [] } : decode(lockId, raw, receivedMs)),
  };
}
