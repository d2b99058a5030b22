import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/postgres/migrate.ts';
import { keepReports } from '../../src/postgres/partitions.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import { insertReports } from '../../src/store/reports/batch.ts';
import { recordsByIdentity } from '../../src/store/reports/identities.ts';
import { lockReports } from '../../src/store/reports/reports.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import {
  addLocks,
  byIdentity,
  DAY_MS,
  formerRecords,
  LOCKS,
  makeFormerDays,
  NOW_MS,
  writeFormer,
} from '../postgres/former-fill.ts';
import { before, withOldSchema } from '../postgres/old-schema.ts';
import { reportOf } from '../store/fill.ts';
import { bundlePlatform, type Child, startChild } from './child.ts';

let script: string;
let remove: () => void;
let db: TestDatabase;
let child: Child | undefined;

beforeAll(async () => {
  ({ script, remove } = await bundlePlatform('keeper'));
});
afterAll(() => remove());
afterEach(async () => {
  await child?.kill();
  child = undefined;
  await db.drop();
});

/** From now on each statement that writes to a table takes its time, so that a kill finds what is not yet committed. */
const slowDown = (pool: pg.Pool, table: string) =>
  pool.query(`CREATE FUNCTION wait_a_little() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER INSERT OR DELETE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION wait_a_little()`);

const countOf = async (statement: string): Promise<number> =>
  (await db.pool.query<{ n: number }>(statement)).rows[0]!.n;

/** Each record once, by its lock's list and by its identity. */
async function areThere(records: readonly TrackedReport[]): Promise<void> {
  const listed = [];
  for (const lockId of LOCKS) listed.push(...(await lockReports(db.pool, { lockId, limit: 10_000, offices: null })));
  expect(listed.toSorted(byIdentity)).toStrictEqual(records);
  expect((await recordsByIdentity(db.pool, records)).toSorted(byIdentity)).toStrictEqual(records);
}

/** Kills the keeper after each step and starts another, until it is done. @returns how often it was killed on the way */
async function killedOnTheWay(progress: () => Promise<number>, end: number, records: readonly TrackedReport[]) {
  let kills = 0;
  for (let done = await progress(); done < end; kills++) {
    child = await startChild(script, { DATABASE_URL: db.url, PROOF_NOW_MS: String(NOW_MS) });
    await expect.poll(progress, { interval: 5, timeout: 60_000 }).toBeGreaterThan(done);
    await child.kill();
    child = undefined;
    await expect.poll(connections, { timeout: 60_000 }).toBe(0);
    await areThere(records);
    done = await progress();
  }
  return kills;
}

/** Of the keeper: what it had begun is over once they are gone. */
const connections = () =>
  countOf(`SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND application_name LIKE 'sealwatch process%' AND application_name <> 'sealwatch process ${process.pid}'`);

test('kill -9 while days are closed loses no record and doubles none, and the next start goes on', async () => {
  db = await freshDatabase({ storage: 'plain' });
  await addLocks(db.pool);
  for (let day = -8; day <= 0; day += 4) await keepReports(db.pool, { nowMs: NOW_MS + day * DAY_MS, log: testLog });
  const records = LOCKS.flatMap((lockId) =>
    Array.from({ length: 6_000 }, (_, seq) => reportOf(lockId, seq, NOW_MS - 3 * DAY_MS - seq * 30_000)),
  );
  await insertReports(db.pool, records);
  // two locks a day are two transactions, one right after the other
  await slowDown(db.pool, 'report_blocks');
  const closed = () => countOf('SELECT coalesce(sum(reports), 0) AS n FROM report_blocks');
  expect(await killedOnTheWay(closed, records.length, records.toSorted(byIdentity))).toBeGreaterThan(2);
  expect(await countOf('SELECT count(*) AS n FROM reports')).toBe(0);
});

test('kill -9 while reports of the former shape are packed loses no record and doubles none, and the next start goes on', async () => {
  db = await freshDatabase({ storage: 'plain', schema: 'none' });
  await withOldSchema(db.pool, before('0021'));
  await makeFormerDays(db.pool);
  await addLocks(db.pool);
  const records = formerRecords().toSorted(byIdentity);
  await writeFormer(db, records);
  await migrate(db.pool);
  await slowDown(db.pool, 'reports');
  const packed = async () => {
    const left = `SELECT count(*) AS n FROM pg_class WHERE relname ~ '^former_reports_[0-9]{8}$' AND relkind = 'r'`;
    return 5 - (await countOf(left));
  };
  expect(await killedOnTheWay(packed, 5, records)).toBeGreaterThan(2);
  await areThere(records);
});
