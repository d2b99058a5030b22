import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDatabase } from '../../src/postgres/doctor.ts';
import { keepReports } from '../../src/postgres/partitions.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { fillReports, NOW_MS } from '../store/fill.ts';

describe('the doctor of the database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase({ storage: 'plain' });
  });
  afterAll(() => database.drop());

  const find = async (part: string) => (await checkDatabase(database.pool)).find((finding) => finding.part === part);

  it('names the server and says that a setting would lose acknowledged records', async () => {
    expect(await find('database.version')).toMatchObject({
      state: 'ok',
      text: expect.stringMatching(/^PostgreSQL \d+/),
    });
    const { rows } = await database.pool.query<{ off: boolean }>(`SELECT current_setting('fsync') = 'off' AS off`);
    // the test server runs without fsync, which is just what this check is for
    const expected = rows[0]?.off ? { state: 'problem', hint: expect.stringContaining('fsync = on') } : { state: 'ok' };
    expect(await find('database.durability')).toMatchObject(expected);
  });

  it('warns of a role that could change the audit, and of a guard that is off', async () => {
    expect(await find('audit.guard')).toMatchObject({ state: 'warning', hint: expect.stringContaining('CREATE ROLE') });
    await database.pool.query('ALTER TABLE audit DISABLE TRIGGER audit_kept');
    expect(await find('audit.guard')).toMatchObject({ state: 'problem', hint: expect.stringContaining('ENABLE') });
  });

  it('says how reports are kept and what one costs', async () => {
    expect(await find('reports.storage')).toMatchObject({ text: expect.stringContaining('too few reports') });
    await keepReports(database.pool, { nowMs: NOW_MS, log: testLog });
    await fillReports(database.pool, 2);
    await database.pool.query('ANALYZE');
    expect((await find('reports.storage'))?.text).toMatch(
      /plain Postgres, 5 daily partitions in \d+\.\d MB; on 2026-11-20: 5760 reports of \d+(\.\d)? bytes each/,
    );
  });

  it('names the locks whose certificates expire soon', async () => {
    expect(await find('locks.certificates')).toBeUndefined();
    await database.pool.query(
      `INSERT INTO locks (lock_id, secret_hash, sign_in, certificate) VALUES
        ('JT79100001', '', 'certificate', jsonb_build_object('notAfter', now() + interval '90 days')),
        ('JT79100002', '', 'secret', jsonb_build_object('notAfter', now()))`,
    );
    expect(await find('locks.certificates')).toMatchObject({ state: 'ok' });
    await database.pool.query(
      `UPDATE locks SET certificate = jsonb_build_object('notAfter', now() + interval '9 days') WHERE lock_id = 'JT79100001'`,
    );
    const text = expect.stringMatching(/^1 certificates of locks expire .* JT79100001 on \d{4}-\d\d-\d\d$/);
    expect(await find('locks.certificates')).toMatchObject({ state: 'warning', text });
  });

  it('says what to do when the tables are missing', async () => {
    await database.pool.query('ALTER TABLE reports RENAME TO reports_elsewhere');
    expect(await find('database.schema')).toMatchObject({ state: 'problem', hint: expect.stringContaining('migrate') });
  });
});
