import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreBackup, writeBackup } from '../../src/postgres/backup.ts';
import { packFormerReports } from '../../src/postgres/former-reports.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { loadTrips, tripRecords } from '../../src/store/reports/roster.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { storedRecords } from '../store/fill.ts';
import { firstPlaceOf } from '../store/first-place.ts';
import { withOldSchema } from './old-schema.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const SEALED = new Date('2026-11-21T01:00:00.000Z');
const DEPARTED = new Date('2026-11-21T01:30:00.000Z');
const CLOSED = new Date('2026-11-21T08:00:00.000Z');

const tripId = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

/** As version 0009 wrote them: a trip taken over, one that a gate sealed and let out 1 ms later, one with two locks that is declared. */
async function fillOldTrips(pool: pg.Pool): Promise<void> {
  await pool.query(`INSERT INTO locks (lock_id, secret_hash) SELECT 'JT7010000' || n, '' FROM generate_series(1, 4) n`);
  await pool.query(
    `INSERT INTO routes (route_id, version, name, feature, created_by) VALUES ('r', 1, 'r', '{}', 'test')`,
  );
  const trip = (n: number, status: string, sealed: Date | null, departed: Date | null) =>
    pool.query(
      `INSERT INTO trips (trip_id, declaration_no, mode, origin_office, destination_office, route_id, route_version,
         tractor_plate, status, steps, sealed_at, departed_at) VALUES ($1, 'x', 'road', '2921', '3104', 'r', 1, 'x', $2, '[]', $3, $4)`,
      [tripId(n), status, sealed, departed],
    );
  const unit = (n: number, from: Date | null, to: Date | null) =>
    pool.query(
      `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id, judged_from, judged_to) VALUES ($1, 0, 'x', $2, $3, $4)`,
      [tripId(n), `JT7010000${n}`, from, to],
    );
  await trip(1, 'closed', SEALED, DEPARTED);
  await unit(1, DEPARTED, CLOSED);
  await trip(2, 'in-transit', SEALED, new Date(SEALED.getTime() + 1));
  await unit(2, SEALED, null);
  await trip(3, 'declared', null, null);
  await unit(3, null, null);
  await pool.query(
    `INSERT INTO trip_units (trip_id, ordinal, container_no, lock_id) VALUES ($1, 1, 'y', 'JT70100004')`,
    [tripId(3)],
  );
  await pool.query(
    `INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, raised_at)
     VALUES ($1, $1, 'JT70100001', 'seal.rope-cut', 'latched', 'critical', 'open', true, $2, $2)`,
    [tripId(1), SEALED],
  );
  await pool.query(
    `INSERT INTO api_keys (name, role, key_hash) VALUES ('fleet', 'tester', 'a'), ('desk', 'admin', 'b')`,
  );
  const registered = `INSERT INTO audit (actor, action, subject, after) VALUES ($1, 'lock.register', 'lock:x', $2)`;
  await pool.query(registered, ['key:fleet', { locks: ['JT70100002'] }]);
  await pool.query(registered, ['key:desk', { locks: ['JT70100001', 'JT70100003'] }]);
  await pool.query(
    `INSERT INTO reports (lock_id, boot, seq, time, received_at, kind)
     SELECT 'JT70100001', 1, i, at, at, 'live' FROM unnest($1::timestamptz[]) WITH ORDINALITY AS x(at, i)`,
    [[SEALED, DEPARTED, NOW]],
  );
}

/** People, keys and subscriptions bound to an office and to none, two keys of one name, sessions and links of each kind. */
async function fillOldAccess(pool: pg.Pool): Promise<void> {
  await pool.query(`INSERT INTO people (name, role, offices, disabled_at) VALUES ('free', 'admin', '{}', NULL),
    ('bound', 'operator', '{3104}', NULL), ('gone', 'admin', '{}', now())`);
  await pool.query(`INSERT INTO api_keys (name, role, key_hash, offices, created_at) SELECT name, 'gate', h::bytea, o, t FROM
    (VALUES ('twin', '1', '{}'::text[], now() - interval '1 day'), ('twin', '2', '{3104}', now()), ('', '3', '{}', now()),
      ('bootstrap', '4', '{}', now())) AS x(name, h, o, t)`);
  await pool.query(`INSERT INTO subscriptions (created_by, url, offices, secret) VALUES ('free', 'u', '{}', ''),
    ('bound', 'u', '{3104}', '')`);
  for (const name of ['free', 'bound', 'gone', 'nobody']) {
    const values = [name, Buffer.from(name)];
    await pool.query(
      `INSERT INTO sessions (token_hash, name, role, expires_at) VALUES ($2, $1, 'admin', now() + interval '1 hour')`,
      values,
    );
    await pool.query(
      `INSERT INTO sign_in_links (token_hash, name, role, expires_at) VALUES ($2, $1, 'admin', now() + interval '1 hour')`,
      values,
    );
  }
}

describe('a database of version 0009 with trips in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-upgrade-'));
  let upgraded: TestDatabase;
  let restored: TestDatabase;

  beforeAll(async () => {
    [upgraded, restored] = await Promise.all([
      freshDatabase({ storage: 'plain' }),
      freshDatabase({ storage: 'plain' }),
    ]);
    await withOldSchema(upgraded.pool, 9);
    await fillOldTrips(upgraded.pool);
    await fillOldAccess(upgraded.pool);
    await writeBackup(upgraded.pool, join(folder, 'old.backup'), NOW);
    expect(await migrate(upgraded.pool)).toContain('0010_tracked_times');
    await restoreBackup(restored.pool, join(folder, 'old.backup'));
  });
  afterAll(async () => {
    await Promise.all([upgraded.drop(), restored.drop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const takeovers = async ({ pool }: TestDatabase) =>
    (await pool.query('SELECT trip_id, taken_over_at FROM trips ORDER BY trip_id')).rows;

  it('knows after the upgrade which trip was taken over, and when', async () => {
    expect(await takeovers(upgraded)).toEqual([
      { trip_id: tripId(1), taken_over_at: DEPARTED },
      { trip_id: tripId(2), taken_over_at: null },
      { trip_id: tripId(3), taken_over_at: null },
    ]);
    const loaded = await loadTrips(upgraded.pool, [tripId(1), tripId(2), tripId(3)]);
    expect(loaded.map((trip) => [trip.tripId, trip.takenOverAtMs])).toEqual([
      [tripId(1), DEPARTED.getTime()],
      [tripId(2), undefined],
    ]);
  });

  it('has the open trips of a box red whose alarm nobody has disposed of, and knows the locks that testers registered', async () => {
    const { rows: trips } = await upgraded.pool.query('SELECT trip_id, risk FROM trips WHERE risk = 2 ORDER BY 1');
    expect(trips.map((trip) => trip.trip_id)).toEqual([tripId(2), tripId(3)]);
    const { rows: locks } = await upgraded.pool.query('SELECT lock_id FROM locks WHERE simulated');
    expect(locks).toEqual([{ lock_id: 'JT70100002' }]);
  });

  it('has every trip in the slot of its first lock, and the locks of an open one all in it', async () => {
    const { rows } = await upgraded.pool.query<{ lock_id: string; slot: number; trip_slot: number }>(
      `SELECT u.lock_id, l.slot, t.slot AS trip_slot FROM trips t JOIN trip_units u USING (trip_id) JOIN locks l USING (lock_id)
       ORDER BY u.lock_id`,
    );
    const slots = [1, 2, 3, 3].map((n) => firstPlaceOf(`JT7010000${n}`).slot);
    const lockIds = [1, 2, 3, 4].map((n) => `JT7010000${n}`);
    expect(rows).toEqual(slots.map((slot, i) => ({ lock_id: lockIds[i], slot, trip_slot: slot })));
  });

  it('keeps which records belong to a trip', async () => {
    const times = (await tripRecords(upgraded.pool, tripId(1), 0)).map(({ timeMs }) => new Date(timeMs));
    expect(times).toEqual([DEPARTED]);
  });

  it('is the same after the upgrade as a backup of it that is restored into today’s schema', async () => {
    const TABLES = ['trips', 'trip_units', 'locks', 'inherited_alarms', 'people', 'api_keys', 'subscriptions'];
    for (const table of TABLES) {
      const rows = async ({ pool }: TestDatabase) =>
        (await pool.query(`SELECT to_jsonb(t) - 'lock_no' AS row FROM ${table} t ORDER BY 1`)).rows;
      expect(await rows(restored)).toEqual(await rows(upgraded));
    }
    expect(await takeovers(restored)).toEqual(await takeovers(upgraded));
    expect(await storedRecords(restored.pool)).toEqual(await storedRecords(upgraded.pool));
    expect(await packFormerReports(upgraded.pool, testLog, () => false)).toBe(true);
    expect(await storedRecords(restored.pool)).toEqual(await storedRecords(upgraded.pool));
  });

  it('has whoever was bound to none still bound to none, said as such', async () => {
    const { rows } = await upgraded.pool.query(
      `SELECT name, offices FROM people UNION ALL SELECT created_by, offices FROM subscriptions ORDER BY 1`,
    );
    const expected = { bound: ['3104'], free: null, gone: null };
    expect(rows).toEqual(
      Object.entries(expected).flatMap(([name, offices]) =>
        name === 'gone'
          ? [{ name, offices }]
          : [
              { name, offices },
              { name, offices },
            ],
      ),
    );
  });

  it('has a name of its own for each key, and sessions and links of people who have access alone', async () => {
    const { rows: keys } = await upgraded.pool.query<{ key_id: string; name: string; actor: string; offices: unknown }>(
      `SELECT key_id, name, actor, offices FROM api_keys WHERE name IN ('twin', '', 'bootstrap') ORDER BY key_hash`,
    );
    const [first, second, unnamed, bootstrap] = keys.map(({ key_id }) => key_id);
    expect(first).toBeDefined();
    expect(keys.map(({ actor, offices }) => [actor, offices])).toEqual([
      ['key:twin', null],
      [`key:twin#${second}`, ['3104']],
      [`key:${unnamed}`, null],
      [`key:bootstrap#${bootstrap}`, null],
    ]);
    for (const table of ['sessions', 'sign_in_links']) {
      const { rows } = await upgraded.pool.query(
        `SELECT p.name FROM ${table} JOIN people p USING (person_id) ORDER BY 1`,
      );
      expect([table, rows]).toEqual([table, [{ name: 'bound' }, { name: 'free' }]]);
      expect((await restored.pool.query(`SELECT FROM ${table}`)).rowCount).toBe(0);
    }
  });

  it('tells a trip that departs at the very time of its sealing from one that was taken over', async () => {
    await upgraded.pool.query('UPDATE trips SET departed_at = sealed_at WHERE trip_id = $1', [tripId(2)]);
    const [loaded] = await loadTrips(upgraded.pool, [tripId(2)]);
    expect(loaded).not.toHaveProperty('takenOverAtMs');
  });
});
