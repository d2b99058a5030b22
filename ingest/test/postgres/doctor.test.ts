import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDatabase } from '../../src/postgres/doctor.ts';
import { keepReports } from '../../src/postgres/partitions.ts';
import { askToJudge } from '../../src/store/trips/to-judge.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { declareTrip, registerLocks } from '../intake/rig.ts';
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

  it('names the platforms, and what keeps one from taking over', async () => {
    const parts = ['pair.platforms', 'pair.versions', 'pair.webhook-key', 'clocks', 'database.replication'];
    const look = async () => Object.fromEntries(await Promise.all(parts.map(async (part) => [part, await find(part)])));
    expect(await look()).toMatchObject({
      'pair.platforms': { state: 'ok', text: 'none runs on this database' },
      clocks: { state: 'ok' },
      'database.replication': { state: 'ok', text: expect.stringContaining('no synchronous standby') },
    });
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      await holder.query(`WITH known AS (
          INSERT INTO members (name, version, connections, webhook_key, active, clock_ahead_ms)
          VALUES ('a', '1', 'a', 'k1', true, 0), ('b', '2', 'b', 'k2', false, -2500) RETURNING member_id)
        SELECT pg_advisory_lock(71, member_id) FROM known`);
      expect(await look()).toMatchObject({
        'pair.platforms': { state: 'ok', text: 'a (1) is active, b (2) stands by' },
        'pair.versions': { state: 'warning', text: expect.stringContaining('1 and 2') },
        'pair.webhook-key': { state: 'problem', hint: expect.stringContaining('webhooks.key') },
        clocks: { state: 'warning', text: expect.stringContaining('b -2.5 s') },
        'database.replication': { state: 'warning', hint: expect.stringContaining('synchronous_standby_names') },
      });
    } finally {
      await holder.end();
      await database.pool.query('DELETE FROM members');
    }
  });

  it('names the members of a cluster, what they own, and what is missing', async () => {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    const join = (name: string, role: string) =>
      holder.query(
        `WITH known AS (INSERT INTO members (name, version, connections, webhook_key, active, shares, roles)
           VALUES ($1, '1', $1, 'k', true, true, ARRAY[$2]) RETURNING member_id)
         SELECT pg_advisory_lock(71, member_id) FROM known`,
        [name, role],
      );
    try {
      await join('g', 'gateway');
      await join('w', 'worker');
      expect(await find('cluster.members')).toMatchObject({
        state: 'problem',
        text: expect.stringMatching(/^no api runs; 256 slots are owned by nobody/),
      });
      await join('a', 'api');
      await database.pool.query(`UPDATE slots SET member_id = (SELECT member_id FROM members WHERE name = 'w')`);
      expect(await find('cluster.members')).toMatchObject({
        state: 'ok',
        text: 'g (1): gateway. w (1): worker, 256 of 256 slots. a (1): api',
      });
      await database.pool.query(`UPDATE members SET reasons = '{"bus: away"}' WHERE name = 'w'`);
      expect(await find('cluster.members')).toMatchObject({
        state: 'warning',
        text: expect.stringContaining('cannot: bus: away'),
      });
    } finally {
      await holder.end();
      await database.pool.query('DELETE FROM members');
    }
  });

  it('names a trip that waits longer than a minute to be judged', async () => {
    expect(await find('trips.to-judge')).toMatchObject({ state: 'ok', text: expect.stringMatching(/^0 trips/) });
    await registerLocks(database, 'JT79100009');
    const tripId = await declareTrip(database, ['JT79100009'], Date.now());
    await askToJudge(database.pool, [tripId]);
    expect(await find('trips.to-judge')).toMatchObject({ state: 'ok' });
    await database.pool.query(`UPDATE to_judge SET asked_at = now() - interval '61 s'`);
    const text = expect.stringContaining(tripId);
    expect(await find('trips.to-judge')).toMatchObject({
      state: 'warning',
      text,
      hint: expect.stringContaining('log'),
    });
  });

  it('says that connections have sessions of their own', async () => {
    expect(await find('database.sessions')).toMatchObject({ state: 'ok' });
  });

  it('says what to do when the tables are missing', async () => {
    await database.pool.query('ALTER TABLE reports RENAME TO reports_elsewhere');
    expect(await find('database.schema')).toMatchObject({ state: 'problem', hint: expect.stringContaining('migrate') });
  });
});
