import { MAX_PAYLOAD_BYTES, MAX_REPORTS_PER_PUBLISH } from '@sealwatch/schemas';
import { reportCodec } from './codec.ts';
import type { Fault } from './faults.ts';
import { countElements, elementBytes, isDeeperThan } from './json-text.ts';
import type { IntakeRecord, RecordRefusal } from './record.ts';

export interface Decoded {
  records: IntakeRecord[];
  refusals: RecordRefusal[];
}

/** A publish that was read: its records, and what of it could not be taken. */
export interface ReadPublish extends Decoded {
  lockId: string;
  raw: Buffer;
}

/** What the intake needs to know of a publish before it is decoded, to put it into the right lane. */
export interface Peek {
  /** How many records it holds, if it can be read: 1 to 200. */
  count: number;
  /** It seems to hold back-filled ones. */
  backfilled: boolean;
}

const BACKFILL = Buffer.from('"backfill"');

/** Looks at a publish without reading it, at a tenth of the cost. */
export function peek(payload: Buffer): Peek {
  return { count: countElements(payload, MAX_REPORTS_PER_PUBLISH), backfilled: payload.includes(BACKFILL) };
}

/** A report is three levels deep in an array; nothing honest comes near this. */
const MAX_DEPTH = 16;

/**
 * Reads one publish on `locks/{id}/report` (contract §2). Never throws: what cannot be read is a refusal, and one bad
 * record of an array is refused alone.
 * @param receivedMs when the platform got it, epoch ms
 */
export function decode(lockId: string, payload: Buffer, receivedMs: number): Decoded {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    return refused('too-large', `payload: ${payload.length} bytes, expected at most ${MAX_PAYLOAD_BYTES}`, payload);
  }
  const json = parse(payload);
  if ('reason' in json) return refused(json.reason, json.detail, payload);
  if (!Array.isArray(json.value)) {
    const read = reportCodec.read(lockId, json.value, receivedMs);
    return 'reason' in read ? refused(read.reason, read.detail, payload) : { records: [read], refusals: [] };
  }
  const list: unknown[] = json.value;
  if (list.length === 0) return refused('empty', 'payload: [], expected 1 to 200 reports', payload);
  if (list.length > MAX_REPORTS_PER_PUBLISH) {
    return refused('too-many', `payload: ${list.length} reports, expected 1 to ${MAX_REPORTS_PER_PUBLISH}`, payload);
  }
  const decoded: Decoded = { records: [], refusals: [] };
  let raws: Buffer[] | undefined;
  for (const [index, value] of list.entries()) {
    const read = reportCodec.read(lockId, value, receivedMs);
    if ('reason' in read) {
      raws ??= elementBytes(payload);
      const raw = raws[index] ?? payload;
      decoded.refusals.push({ reason: read.reason, detail: `record ${index}: ${read.detail}`, raw });
    } else decoded.records.push(read);
  }
  return decoded;
}

function refused(reason: string, detail: string, raw: Buffer): Decoded {
  return { records: [], refusals: [{ reason, detail, raw }] };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parse(payload: Buffer): { value: unknown } | Fault {
  let text: string;
  try {
    text = UTF8.decode(payload);
  } catch {
    return { reason: 'not-json', detail: 'payload: not UTF-8, expected JSON in UTF-8' };
  }
  if (isDeeperThan(MAX_DEPTH, payload)) {
    return { reason: 'too-deep', detail: `payload: nested deeper than ${MAX_DEPTH}, expected a report or an array` };
  }
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const told = error instanceof Error ? error.message.slice(0, 200) : 'unreadable';
    return { reason: 'not-json', detail: `payload: ${told}; expected a report or an array of reports` };
  }
}
