import { Report } from '@sealwatch/schemas';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { keepReportsView } from '../../src/postgres/former-reports.ts';
import { codecOf } from '../../src/record/codec.ts';
import type { ReportRow } from '../../src/record/columns.ts';
import { sameBody } from '../../src/record/record.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import { insertReports } from '../../src/store/reports/batch.ts';
import { reportTable } from '../../src/store/reports/rows.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { validValues } from '../record/arbitrary.ts';
import { EVERY_COLUMN, EVERY_KIND } from '../record/every-kind.ts';

const LOCK = 'JT70100888';
const SAMPLES = 300;

/** Records of made-up reports, each with an identity of its own. */
function recordsOf(schema: z.ZodObject): TrackedReport[] {
  const codec = codecOf(schema);
  const reports = fc.sample(validValues(schema), { numRuns: SAMPLES, seed: 11 });
  return reports.map((report, seq) => {
    const read = codec.read(LOCK, JSON.parse(JSON.stringify({ ...report, seq })), 1_700_000_000_123);
    if ('reason' in read) throw new Error(read.detail);
    expect(read.leftOut).toEqual([]);
    return read.record;
  });
}

/** Writes records to the table `reports` and reads them back. */
async function storeAndRead({ pool }: TestDatabase, schema: z.ZodObject, records: TrackedReport[]) {
  const table = reportTable(codecOf(schema));
  await insertReports(pool, records, table);
  const { rows } = await pool.query<ReportRow>(
    `SELECT l.lock_id, ${table.select} FROM all_reports r JOIN locks l USING (lock_no) ORDER BY r.number_seq`,
  );
  return rows.map(table.recordOf);
}

describe.each([
  ['of the contract', Report, ''],
  ['added to the schema, with a column each', EVERY_KIND, EVERY_COLUMN],
] as const)('the fields %s', (_name, schema, columns) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
    for (const column of columns.split(/,\s*/).filter(Boolean)) {
      await database.pool.query(`ALTER TABLE reports ADD COLUMN ${column}`);
    }
    await keepReportsView(database.pool);
    await database.pool.query('INSERT INTO locks (lock_id, secret_hash) VALUES ($1, $2)', [LOCK, Buffer.alloc(0)]);
  });
  afterAll(() => database.drop());

  it('are stored, and read back as they were', async () => {
    const records = recordsOf(schema);
    const stored = await storeAndRead(database, schema, records);
    expect(stored).toStrictEqual(records);
    if (schema === Report) for (const [i, record] of stored.entries()) expect(sameBody(record, records[i]!)).toBe(true);
    // Each field was in some of them.
    const seen = new Set(records.flatMap((record) => Object.keys(record)));
    expect(Object.keys(schema.shape).filter((key) => key !== 'v' && key !== 'time' && !seen.has(key))).toEqual([]);
  });

  it('have a column of their type each', async () => {
    const { rows } = await database.pool.query<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = 'reports'::regclass AND attnum > 0`,
    );
    const types = new Map(rows.map(({ name, type }) => [name, type.replace('double precision', 'float8')]));
    for (const { name, type } of codecOf(schema).columns)
      expect([name, types.get(name)]).toEqual([name, type?.replace(/^int$/, 'integer')]);
  });
});

describe('a field that is in the schema and has no column', () => {
  it('fails to be stored and is not dropped', async () => {
    const database = await freshDatabase();
    await expect(storeAndRead(database, EVERY_KIND, recordsOf(EVERY_KIND))).rejects.toThrow(/column "tilt_deg"/);
    await database.drop();
  });
});
