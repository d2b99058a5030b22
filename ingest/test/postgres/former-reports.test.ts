import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { restoreBackup, writeBackup } from '../../src/postgres/backup.ts';
import { checkDatabase } from '../../src/postgres/doctor.ts';
import { formerParts, packFormerReports } from '../../src/postgres/former-reports.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { keepReports } from '../../src/postgres/partitions.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import { insertReports } from '../../src/store/reports/batch.ts';
import { recordsByIdentity } from '../../src/store/reports/identities.ts';
import { lockReports } from '../../src/store/reports/reports.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { storedRecords } from '../store/fill.ts';
import {
  addLocks,
  byIdentity,
  DAY_MS,
  DAYS,
  formerRecords,
  LOCKS,
  makeFormerDays,
  NOW_MS,
  writeFormer,
} from './former-fill.ts';
import { before, withOldSchema } from './old-schema.ts';

let database: TestDatabase;
const records = formerRecords().toSorted(byIdentity);
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-former-'));

beforeAll(async () => {
  database = await freshDatabase();
  const { pool } = database;
  const { timescale } = inject('databaseServer');
  await withOldSchema(pool, before('0021'));
  if (timescale) {
    await pool.query('DROP EXTENSION IF EXISTS timescaledb');
    await pool.query('CREATE EXTENSION timescaledb');
    await asHypertable(database);
  } else await makeFormerDays(pool);
  await addLocks(pool);
  await writeFormer(database, records);
  if (timescale) await pool.query(`SELECT compress_chunk(c, true) FROM show_chunks('reports') c`);
});
afterAll(async () => {
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** As the platform of then adopted TimescaleDB. */
async function asHypertable({ pool }: TestDatabase): Promise<void> {
  for (const statement of [
    'CREATE TABLE reports_hyper (LIKE reports INCLUDING ALL)',
    'DROP TABLE reports',
    'ALTER TABLE reports_hyper RENAME TO reports',
    `SELECT create_hypertable('reports', by_range('time', INTERVAL '1 day'), create_default_indexes => false)`,
    `ALTER TABLE reports SET (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'lock_id',
      timescaledb.orderby = 'time, boot, seq')`,
    'DROP TABLE report_hours',
    `CREATE MATERIALIZED VIEW report_hours WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
      SELECT time_bucket(INTERVAL '1 hour', time) AS hour, lock_id, trip_id, count(*) AS reports FROM reports
      GROUP BY 1, 2, 3 WITH NO DATA`,
  ])
    await pool.query(statement);
}

/** Everything that is asked of reports says what was stored. */
async function readsAreRight(stored: readonly TrackedReport[], pool = database.pool): Promise<void> {
  expect(await storedRecords(pool)).toStrictEqual(stored);
  for (const lockId of LOCKS) {
    const asked = { lockId, fromMs: NOW_MS - 3 * DAY_MS, toMs: NOW_MS - DAY_MS, limit: 1_000, offices: null };
    const within = stored.filter(
      (one) => one.lockId === lockId && one.timeMs >= asked.fromMs && one.timeMs < asked.toMs,
    );
    expect((await lockReports(pool, asked)).toSorted(byIdentity)).toStrictEqual(within);
  }
  const same = await recordsByIdentity(pool, stored);
  expect(same.toSorted(byIdentity)).toStrictEqual(stored);
  const elsewhere = stored.map((record) => ({ ...record, timeMs: NOW_MS - 2 * DAY_MS }));
  expect((await recordsByIdentity(pool, elsewhere)).toSorted(byIdentity)).toStrictEqual(stored);
  const unknown = stored.map((record) => ({ ...record, boot: 4, timeMs: NOW_MS - 2 * DAY_MS }));
  expect(await recordsByIdentity(pool, unknown)).toEqual([]);
}

/** The connection that packs a day ends after it has written the day anew, before its commit: it waits for a reader. */
async function isKilledInTheMiddle(): Promise<void> {
  const { pool } = database;
  const waiting = (await formerParts(pool)).length;
  const reader = await pool.connect();
  await reader.query('BEGIN');
  await reader.query('SELECT count(*) FROM former_reports');
  const packing = packFormerReports(pool, testLog, () => false).then(
    () => 'packed',
    () => 'broken off',
  );
  const end = async () =>
    (
      await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
           AND wait_event_type = 'Lock' AND query ~ '^(DROP TABLE public.former|SELECT drop_chunks)'`,
      )
    ).rowCount;
  await expect.poll(end).toBe(1);
  expect(await packing).toBe('broken off');
  await reader.query('COMMIT');
  reader.release();
  expect(await formerParts(pool)).toHaveLength(waiting);
}

test('reports of the former shape are read as they were sent, packed a day at a time beside new ones, and restored from a backup of any moment', async () => {
  const { pool } = database;
  const file = join(folder, 'former.backup');
  await writeBackup(pool, file, new Date(NOW_MS));
  await migrate(pool);
  await keepReports(pool, { nowMs: NOW_MS, log: testLog });
  await readsAreRight(records);
  const newer = {
    ...records.find((record) => record.events !== undefined)!,
    boot: 2 ** 33 + 6,
    timeMs: NOW_MS + 1_000,
  };
  const stored = [...records, { ...newer, receivedMs: NOW_MS + 2_000 }].toSorted(byIdentity);
  await insertReports(pool, [{ ...newer, receivedMs: NOW_MS + 2_000 }]);
  await readsAreRight(stored);
  await isKilledInTheMiddle();
  await readsAreRight(stored);
  const waiting = (await formerParts(pool)).length;
  expect(waiting).toBeGreaterThan(DAYS);
  let packed = 0;
  expect(await packFormerReports(pool, testLog, () => packed++ >= 2)).toBe(false);
  expect(await formerParts(pool)).toHaveLength(waiting - 2);
  expect((await checkDatabase(pool)).find(({ part }) => part === 'reports.packing')?.text).toMatch(
    /^\d+ days of reports wait/,
  );
  await readsAreRight(stored);
  const halfway = join(folder, 'halfway.backup');
  await writeBackup(pool, halfway, new Date(NOW_MS));
  expect(await packFormerReports(pool, testLog, () => false)).toBe(true);
  await readsAreRight(stored);
  expect((await pool.query(`SELECT FROM pg_class WHERE relname LIKE '%former%'`)).rowCount).toBe(0);
  const inOrder = await pool.query<{ share: number }>(
    'SELECT avg(in_order::int)::float8 AS share FROM reports WHERE time > $1',
    [new Date(NOW_MS - 6 * DAY_MS)],
  );
  expect(inOrder.rows[0]?.share).toBeGreaterThan(0.8);
  for (const [path, expected] of [
    [file, records],
    [halfway, stored],
  ] as const) {
    const into = await freshDatabase();
    await restoreBackup(into.pool, path);
    await readsAreRight(expected, into.pool);
    await into.drop();
  }
});
