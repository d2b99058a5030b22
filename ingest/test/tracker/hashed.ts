import { createHash } from 'node:crypto';
import type { TrackedReport } from '../../src/tracker/index.ts';

const CLASS_OF_EVENTS = 2;

/** The record as a bridge numbers it: its boot is its time in seconds, its number a class and a hash of what it says. */
export function hashed({ kind, boot: _boot, seq: _seq, receivedMs, ...body }: TrackedReport): TrackedReport {
  const ofEvents = body.events === undefined ? 0 : CLASS_OF_EVENTS;
  const hash = createHash('sha256').update(JSON.stringify(body)).digest().readUInt32BE(0) >>> 4;
  return {
    ...body,
    kind,
    receivedMs,
    boot: Math.floor(body.timeMs / 1_000),
    seq: ((ofEvents << 28) | hash) >>> 0,
  };
}
