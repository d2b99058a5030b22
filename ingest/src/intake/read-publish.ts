import { type Decoded, decode } from '../record/decode.ts';
import type { Publish } from './lanes.ts';

/** A decoded publish: its records, and what of it was refused. */
export interface ReadPublish extends Decoded {
  lockId: string;
  raw: Buffer;
}

export function readPublish({ lockId, raw, receivedMs, refused }: Publish): ReadPublish {
  return { lockId, raw, ...(refused ? { records: [], refusals: [refused] } : decode(lockId, raw, receivedMs)) };
}
