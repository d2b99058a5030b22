import { isUtf8 } from 'node:buffer';
import { MAX_PAYLOAD_BYTES, MAX_REPORTS_PER_PUBLISH, Report } from '@sealwatch/schemas';
import { readPlain } from './fast-decode.ts';
import type { IntakeRecord, RecordRefusal } from './record.ts';

export interface Decoded {
  records: IntakeRecord[];
  refusals: RecordRefusal[];
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
  return { count: elementsIn(payload), backfilled: payload.includes(BACKFILL) };
}

/** A report is three levels deep in an array; nothing honest comes near this. */
const MAX_DEPTH = 16;

/** Before it no satellite clock counts; a lock that lost its clock says 1970 or 1980, and is believed. */
const EARLIEST_MS = 0;

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
    const read = readRecord(lockId, json.value, receivedMs);
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
    const read = readRecord(lockId, value, receivedMs);
    if ('reason' in read) {
      raws ??= elementBytes(payload);
      const raw = raws[index] ?? payload;
      decoded.refusals.push({ reason: read.reason, detail: `record ${index}: ${read.detail}`, raw });
    } else decoded.records.push(read);
  }
  return decoded;
}

interface Fault {
  reason: string;
  detail: string;
}

function refused(reason: string, detail: string, raw: Buffer): Decoded {
  return { records: [], refusals: [{ reason, detail, raw }] };
}

function parse(payload: Buffer): { value: unknown } | Fault {
  if (!isUtf8(payload)) return { reason: 'not-json', detail: 'payload: not UTF-8, expected JSON in UTF-8' };
  if (depthOf(payload) > MAX_DEPTH) {
    return { reason: 'too-deep', detail: `payload: nested deeper than ${MAX_DEPTH}, expected a report or an array` };
  }
  try {
    return { value: JSON.parse(payload.toString('utf8')) };
  } catch (error) {
    const told = error instanceof Error ? error.message.slice(0, 200) : 'unreadable';
    return { reason: 'not-json', detail: `payload: ${told}; expected a report or an array of reports` };
  }
}

/**
 * Goes through JSON outside its strings.
 * @param visit told of each bracket and comma, where it is and how deep it stands; false ends the walk
 */
function walk(json: Buffer, visit: (byte: number, at: number, depth: number) => boolean): void {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i] as number;
    if (inText) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (!visit(byte, i, depth)) return;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (!visit(byte, i, depth)) return;
      depth -= 1;
    } else if (byte === 0x2c && !visit(byte, i, depth)) return;
  }
}

/** How many elements a JSON array has, 1 for anything else; stops looking at more than a publish may hold. */
function elementsIn(payload: Buffer): number {
  // 0x7b is {: one record
  if (payload[0] === 0x7b) return 1;
  let elements = 1;
  walk(payload, (byte, _at, depth) => {
    if (byte === 0x2c && depth === 1) elements += 1;
    return elements < MAX_REPORTS_PER_PUBLISH;
  });
  return elements;
}

/** The bytes of each element of a JSON array, as they came: `JSON.stringify` would make null of 1e309. */
function elementBytes(array: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let from = 0;
  walk(array, (byte, at, depth) => {
    if (depth !== 1) return true;
    const opens = byte === 0x7b || byte === 0x5b;
    if (!opens) elements.push(array.subarray(from, at));
    from = at + 1;
    return true;
  });
  return elements;
}

/** Greatest nesting of brackets outside strings, or 0 where it is surely small; stops looking once it is too deep. */
function depthOf(payload: Buffer): number {
  if (bracketsIn(payload) <= MAX_DEPTH) return 0;
  let deepest = 0;
  walk(payload, (_byte, _at, depth) => {
    deepest = Math.max(deepest, depth);
    return deepest <= MAX_DEPTH;
  });
  return deepest;
}

/** Opening brackets, those in strings too: no text is nested deeper than it has of them. */
function bracketsIn(payload: Buffer): number {
  let brackets = 0;
  for (let i = 0; i < payload.length; i++) {
    // 0x5b is [, 0x7b is {
    if (((payload[i] as number) | 0x20) === 0x7b) brackets += 1;
  }
  return brackets;
}

function readRecord(lockId: string, value: unknown, receivedMs: number): IntakeRecord | Fault {
  return readPlain(lockId, value, receivedMs) ?? readBySchema(lockId, value, receivedMs);
}

/** What `readPlain` may answer instead, for the same report. */
export function readBySchema(lockId: string, value: unknown, receivedMs: number): IntakeRecord | Fault {
  const parsed = Report.safeParse(value);
  if (!parsed.success) return { reason: 'invalid', detail: faultsOf(value, parsed.error.issues) };
  const report = parsed.data;
  const timeMs = Date.parse(report.time);
  if (!(timeMs >= EARLIEST_MS)) {
    return { reason: 'invalid', detail: `time: ${report.time}, expected a time from 1970 on` };
  }
  const unstorable = report.events?.find((event) => !Object.values(event).every(isStorable));
  if (unstorable) {
    return {
      reason: 'invalid',
      detail: `events: ${quote(unstorable)}, expected text without U+0000 or half characters`,
    };
  }
  const record: IntakeRecord = {
    lockId,
    boot: report.boot,
    seq: report.seq,
    timeMs,
    receivedMs,
    kind: report.kind,
  };
  if (report.mode) record.mode = report.mode;
  if (report.position) record.position = report.position;
  if (report.seal) record.seal = report.seal;
  if (report.battery) record.battery = batteryOf(report.battery);
  if (report.network?.rssiDbm !== undefined) record.rssiDbm = report.network.rssiDbm;
  if (report.events && report.events.length > 0) record.events = report.events;
  return record;
}

/** Postgres keeps neither U+0000 nor half of a surrogate pair. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

function isStorable(value: unknown): boolean {
  return typeof value !== 'string' || !UNSTORABLE.test(value);
}

function batteryOf(battery: { percent?: number | undefined; charging?: boolean | undefined }) {
  const { percent, charging } = battery;
  return { ...(percent === undefined ? {} : { percent }), ...(charging === undefined ? {} : { charging }) };
}

interface Issue {
  path: PropertyKey[];
  message: string;
}

const TOLD = 5;

function faultsOf(value: unknown, issues: Issue[]): string {
  const told = issues.slice(0, TOLD).map((issue) => {
    const path = issue.path.map(String).join('.') || 'record';
    return `${path}: ${quote(at(value, issue.path))}, ${issue.message}`;
  });
  return told.join('; ') + (issues.length > TOLD ? `; and ${issues.length - TOLD} more` : '');
}

function at(value: unknown, path: PropertyKey[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

function quote(value: unknown): string {
  if (typeof value === 'number') return String(value);
  // Told to people and stored as text: no U+0000, no half characters, not too long.
  return value === undefined
    ? 'absent'
    : JSON.stringify(value)
        .slice(0, 80)
        .replace(/[\0\p{Surrogate}]/gu, '');
}
