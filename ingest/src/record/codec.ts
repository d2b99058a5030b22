import { Report } from '@sealwatch/schemas';
import type { z } from 'zod';
import { type Columns, columnsOf } from './columns.ts';
import { compileFastReader, type FastReader } from './fast-reader.ts';
import { type Fault, faultsIn, quote } from './faults.ts';
import { fieldsOf } from './fields.ts';
import type { TrackedReport } from './report.ts';
import { isStorable } from './storable.ts';

/** How a report becomes a record, and a record a row and back. */
export interface Codec extends Columns {
  /** @param value from JSON.parse; @param receivedMs when the platform got it, epoch ms */
  read(lockId: string, value: unknown, receivedMs: number): TrackedReport | Fault;
  readFast: FastReader;
  /** What `read` answers where `readFast` answers nothing. */
  readBySchema(lockId: string, value: unknown, receivedMs: number): TrackedReport | Fault;
}

/**
 * Derives the codec from the schema, which is the only list of a report's fields.
 * @throws where the schema has a field that cannot be stored and read back
 */
export function codecOf(schema: z.ZodObject): Codec {
  const table = fieldsOf(schema);
  const readFast = compileFastReader(table);
  const readBySchema: Codec['readBySchema'] = (lockId, value, receivedMs) => {
    const parsed = schema.safeParse(value);
    if (!parsed.success) return invalid(faultsIn(value, parsed.error.issues));
    return recordOf(lockId, parsed.data as Report, receivedMs);
  };
  return {
    ...columnsOf(table),
    readFast,
    readBySchema,
    read: (lockId, value, receivedMs) => readFast(lockId, value, receivedMs) ?? readBySchema(lockId, value, receivedMs),
  };
}

/** Before it no satellite clock counts; a lock that lost its clock says 1970 or 1980, and is believed. */
const EARLIEST_MS = 0;

function recordOf(lockId: string, report: Report, receivedMs: number): TrackedReport | Fault {
  const { v, time, ...fields } = report;
  const timeMs = Date.parse(time);
  if (!(timeMs >= EARLIEST_MS)) return invalid(`time: ${time}, expected a time from 1970 on`);
  const record: TrackedReport = { lockId, timeMs, receivedMs, ...fields };
  for (const [key, value] of Object.entries(fields)) {
    const unstorable = (Array.isArray(value) ? value : [value]).find((part) => !isStorable(part));
    if (unstorable !== undefined) {
      return invalid(`${key}: ${quote(unstorable)}, expected text without U+0000 or half characters`);
    }
    // A group or a list without anything in it leaves no trace in the row either.
    if (typeof value === 'object' && Object.keys(value).length === 0) delete record[key as keyof typeof fields];
  }
  return record;
}

function invalid(detail: string): Fault {
  return { reason: 'invalid', detail };
}

/** The codec of reports as the contract has them (§2). */
export const reportCodec: Codec = codecOf(Report);
