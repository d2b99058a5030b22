import { MAX_PAYLOAD_BYTES, MAX_REPORTS_PER_PUBLISH } from '@sealwatch/schemas';
import { reportCodec } from './codec.ts';
import type { Fault } from './faults.ts';
import type { Taken } from './field-reader.ts';
import { countElements, elementBytes, isDeeperThan } from './json-text.ts';
import type { PartialRecord } from './left-out.ts';
import type { RecordRefusal } from './record.ts';
import type { TrackedReport } from './report.ts';

export interface Decoded {
  records: TrackedReport[];
  refusals: RecordRefusal[];
  /** Those of the records of which something was left out. */
  partial: PartialRecord[];
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
  return { count: countElements(jsonIn(payload), MAX_REPORTS_PER_PUBLISH), backfilled: payload.includes(BACKFILL) };
}

/** A report is three levels deep in an array; nothing honest comes near this. */
const MAX_DEPTH = 16;

/** Of a publish that is too large so much is kept, bytes. */
const KEPT_OF_TOO_LARGE = 4_096;

/**
 * Reads one publish on `locks/{id}/report` (contract §2). Never throws: what cannot be read is a refusal, and one bad
 * record of an array is refused alone.
 * @param receivedMs when the platform got it, epoch ms
 */
export function decode(lockId: string, payload: Buffer, receivedMs: number): Decoded {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    const detail = `payload: more than ${MAX_PAYLOAD_BYTES} bytes, expected at most these; the first ${KEPT_OF_TOO_LARGE} are kept`;
    return refused('too-large', detail, payload.subarray(0, KEPT_OF_TOO_LARGE));
  }
  const text = jsonIn(payload);
  const json = parse(text);
  if ('reason' in json) return refused(json.reason, json.detail, payload);
  const decoded: Decoded = { records: [], refusals: [], partial: [] };
  if (!Array.isArray(json.value)) {
    take(decoded, reportCodec.read(lockId, json.value, receivedMs), '', () => payload);
    return decoded;
  }
  const list: unknown[] = json.value;
  if (list.length === 0) return refused('empty', 'payload: [], expected 1 to 200 reports', payload);
  if (list.length > MAX_REPORTS_PER_PUBLISH) {
    return refused('too-many', `payload: ${list.length} reports, expected 1 to ${MAX_REPORTS_PER_PUBLISH}`, payload);
  }
  let raws: Buffer[] | undefined;
  for (const [index, value] of list.entries()) {
    take(decoded, reportCodec.read(lockId, value, receivedMs), `record ${index}: `, () => {
      raws ??= elementBytes(text);
      return raws[index] ?? payload;
    });
  }
  return decoded;
}

/** @param raw the bytes of the record, asked for only where they are to be kept */
function take(into: Decoded, read: Taken | Fault, where: string, raw: () => Buffer): void {
  if ('reason' in read) {
    into.refusals.push({ reason: read.reason, detail: `${where}${read.detail}`, raw: raw() });
    return;
  }
  into.records.push(read.record);
  if (read.leftOut.length > 0) into.partial.push({ ...read, raw: raw() });
}

function refused(reason: string, detail: string, raw: Buffer): Decoded {
  return { records: [], refusals: [{ reason, detail, raw }], partial: [] };
}

/** The payload without what firmware puts around JSON: a byte order mark before it, U+0000 and white space behind it. */
function jsonIn(payload: Buffer): Buffer {
  const from = payload[0] === 0xef && payload[1] === 0xbb && payload[2] === 0xbf ? 3 : 0;
  let to = payload.length;
  while (to > from && isPadding(payload[to - 1] as number)) to -= 1;
  return from === 0 && to === payload.length ? payload : payload.subarray(from, to);
}

const isPadding = (byte: number): boolean =>
  byte === 0 || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

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
