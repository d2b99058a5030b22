import { Report } from '@sealwatch/schemas';
import type { z } from 'zod';
import { type Columns, columnsOf } from './columns.ts';
import { compileFastReader, type FastReader } from './fast-reader.ts';
import type { Fault } from './faults.ts';
import { type FieldReader, fieldReader, type Taken } from './field-reader.ts';
import { fieldsOf } from './fields.ts';
import type { LeftOut } from './left-out.ts';

/** How a report becomes a record, and a record a row and back. */
export interface Codec extends Columns {
  /** @param value from JSON.parse; @param receivedMs when the platform got it, epoch ms */
  read(lockId: string, value: unknown, receivedMs: number): Taken | Fault;
  readFast: FastReader;
  /** What `read` answers where `readFast` answers nothing. */
  readByField: FieldReader;
}

const NOTHING: readonly LeftOut[] = [];

/**
 * Derives the codec from the schema, which is the only list of a report's fields.
 * @throws where the schema has a field that cannot be stored and read back
 */
export function codecOf(schema: z.ZodObject): Codec {
  const table = fieldsOf(schema);
  const readFast = compileFastReader(table);
  const readByField = fieldReader(table);
  return {
    ...columnsOf(table),
    readFast,
    readByField,
    read(lockId, value, receivedMs) {
      const record = readFast(lockId, value, receivedMs);
      return record ? { record, leftOut: NOTHING } : readByField(lockId, value, receivedMs);
    },
  };
}

/** The codec of reports as the contract has them (§2). */
export const reportCodec: Codec = codecOf(Report);
