import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { checkDatabase } from '../../src/postgres/doctor.ts';
import { adoptTimescale } from '../../src/postgres/timescale.ts';
import { knownFaults } from '../../src/postgres/timescale-faults.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';

it('versions of TimescaleDB that are known to be bad are named, others are not', () => {
  const states = (postgres: number, timescale: string) => knownFaults(postgres, timescale).map(({ state }) => state);
  expect(states(150_020, '2.26.4')).toEqual(['warning', 'warning', 'warning']);
  expect(states(150_018, '2.26.4')).toEqual(['warning', 'warning']);
  expect(states(150_020, '2.28.3')).toEqual(['warning', 'warning']);
  expect(states(170_011, '2.28.3')).toEqual(['warning']);
  for (const version of ['2.29.1', '2.30.2', '2.30.2-dev', '3.0.0', '2.100.0'])
    expect(states(170_011, version)).toEqual([]);
  for (const { hint } of knownFaults(150_020, '2.26.0')) expect(hint).toMatch(/PostgreSQL 16|ALTER EXTENSION/);
});

describe.skipIf(!inject('databaseServer').timescale)('the doctor of a database with TimescaleDB', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  const find = async (part: string) => (await checkDatabase(database.pool)).find((finding) => finding.part === part);
  const policy = async () =>
    (
      await database.pool.query<{ job_id: number }>(
        `SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'`,
      )
    ).rows[0]?.job_id;

  it('says that the extension is there and the platform was not started yet', async () => {
    expect(await find('reports.timescaledb')).toMatchObject({
      state: 'warning',
      text: expect.stringMatching(/TimescaleDB 2\.\d+\.\d+ is installed .* not been started on it yet/),
    });
    await adoptTimescale(database.pool, testLog);
    expect(await find('reports.timescaledb')).toBeUndefined();
  });

  it('finds a policy that is switched off and the days that wait for it, and measures days in columns', async () => {
    await database.pool.query('SELECT alter_job($1, scheduled => false)', [await policy()]);
    await database.pool.query(
      `INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind, lon, lat, speed_kmh)
       SELECT 7, 1, i, now() - interval '30 days' + i * interval '60 s', 500, 'a', 1200000000 + i * 1000, 290000000, 600
       FROM generate_series(1, 29 * 1440) i`,
    );
    expect(await find('reports.columnstore')).toMatchObject({
      state: 'problem',
      text: expect.stringMatching(
        /newest chunk in columns: none; [1-9]\d* chunks wait for it that should not, the oldest \d{4}-/,
      ),
    });
    const off = await find('reports.jobs');
    // also where another job of this server fails (database.timescaledb says why)
    expect(off?.state).not.toBe('ok');
    await database.pool.query(`CALL run_job(${await policy()})`);
    expect(await find('reports.columnstore')).toMatchObject({
      state: 'ok',
      text: expect.stringContaining('newest chunk in columns: 20'),
    });
    expect((await find('reports.storage'))?.text).toMatch(
      /\d+ chunks in [\d.]+ MB, [1-9]\d* of them in columns; chunk of \S+: \d+ reports of [\d.]+ bytes each .*; in columns the chunk of \S+: \d+ reports of [\d.]+ bytes each/,
    );
  });

  it('reads the error of a job that fails', async () => {
    await database.pool.query(
      `CREATE PROCEDURE fails(job_id int, config jsonb) LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room on the disk'; END $$`,
    );
    const { rows } = await database.pool.query<{ id: number }>(`SELECT add_job('fails', '1 hour') AS id`);
    const said = new RegExp(
      `job ${rows[0]!.id} failed [1-9]\\d* of \\d+ times, last succeeded never: (no room on the disk|cannot drop portal)`,
    );
    await expect.poll(async () => (await find('reports.jobs'))?.text).toMatch(said);
    expect(await find('reports.jobs')).toMatchObject({ hint: expect.stringMatching(/CALL run_job/) });
  });

  it('finds that nothing turns old days into columns', async () => {
    await database.pool.query(
      `CALL remove_columnstore_policy('reports'); SELECT delete_job(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'fails'`,
    );
    const jobs = await find('reports.jobs');
    if (!/failed/.test(jobs?.text ?? ''))
      expect(jobs).toMatchObject({ state: 'problem', text: expect.stringContaining('no policy') });
    await adoptTimescale(database.pool, testLog);
    expect(await policy()).toBeGreaterThan(0);
  });
});
