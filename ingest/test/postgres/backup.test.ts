import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { restoreBackup, writeBackup } from '../../src/postgres/backup.ts';
import { keepReports } from '../../src/postgres/partitions.ts';
import { findTimescale } from '../../src/postgres/timescale.ts';
import { askToJudge } from '../../src/store/trips/to-judge.ts';
import { freshDatabase, type TestDatabase, testLog } from '../database.ts';
import { fillReports, NOW_MS } from '../store/fill.ts';

describe('backup and restore', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-backup-'));
  const file = join(folder, 'all.backup');
  let from: TestDatabase;
  let to: TestDatabase;

  beforeAll(async () => {
    [from, to] = await Promise.all([freshDatabase(), freshDatabase()]);
    await keepReports(from.pool, { nowMs: NOW_MS, log: testLog });
    await fillReports(from.pool, 5);
    await from.pool.query(
      `INSERT INTO quarantine (lock_id, topic, reason, raw) VALUES ('JT70100001', 't', 'not-json', '\\x00ff5c0a09')`,
    );
    await from.pool.query(
      `INSERT INTO audit (actor, action, subject, after, prev_hash, hash) VALUES ('王\t小\n明', 'a', 's', '{"a": "\\\\n"}', '', '')`,
    );
    await from.pool.query(
      `WITH p AS (INSERT INTO people (name, role) VALUES ('somebody', 'admin') RETURNING person_id)
       INSERT INTO sessions (token_hash, person_id, expires_at) SELECT '\\x01', person_id, now() FROM p`,
    );
    await from.pool.query('INSERT INTO to_judge (trip_id) SELECT trip_id FROM trips');
    await writeBackup(from.pool, file, new Date(NOW_MS));
  });
  afterAll(async () => {
    await Promise.all([from.drop(), to.drop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const sums = async (database: TestDatabase) => {
    const { rows } = await database.pool.query<{ n: number; sum: string }>(
      'SELECT count(*) AS n, sum(hashtextextended(r::text, 0)::numeric)::text AS sum FROM reports r',
    );
    return rows[0];
  };
  const count = async (database: TestDatabase, table: string) =>
    (await database.pool.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n;

  it('write a file that only its owner reads, and nothing half-made beside it', () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.partial`)).toBe(false);
  });

  it('refuse a file that was cut short or changed, and leave the database empty', async () => {
    const whole = gunzipSync(readFileSync(file));
    const bad = join(folder, 'bad.backup');
    const changed = Buffer.from(whole);
    const at = changed.indexOf('\t600\t900\t', whole.length / 2);
    changed.write('\t601\t900\t', at);
    const cases: [Buffer, RegExp][] = [
      [readFileSync(file).subarray(0, 50_000), /cut short|cannot be read/],
      [gzipSync(whole.subarray(0, whole.length - 80)), /cut short/],
      [gzipSync(changed), /checksum|duplicate key/],
      [Buffer.from('hello'), /cannot be read/],
      [gzipSync('hello\n'), /not a Sealwatch backup/],
      [gzipSync(Buffer.alloc(3_000_000, 65)), /not a Sealwatch backup/],
    ];
    for (const [content, message] of cases) {
      writeFileSync(bad, content);
      await expect(restoreBackup(to.pool, bad)).rejects.toThrow(message);
      expect(await count(to, 'reports')).toBe(0);
    }
    await expect(restoreBackup(to.pool, join(folder, 'none'))).rejects.toThrow(/cannot be read.*ENOENT/);
  });

  it('bring back every row, whatever is in it', async () => {
    const manifest = await restoreBackup(to.pool, file);
    expect(await sums(to)).toEqual(await sums(from));
    expect(manifest.tables.find((table) => table.name === 'reports')?.rows).toBe(28_800);
    for (const table of manifest.tables)
      expect([table.name, await count(to, table.name)]).toEqual([table.name, table.rows]);
    const { rows } = await to.pool.query('SELECT raw FROM quarantine');
    expect(rows).toEqual([{ raw: Buffer.from([0, 255, 92, 10, 9]) }]);
    expect((await to.pool.query('SELECT actor, after FROM audit')).rows).toEqual([
      { actor: '王\t小\n明', after: { a: '\\n' } },
    ]);
  });

  it('bring reports back as this server keeps them: a hypertable, or a partition for each of their days', async () => {
    const { rows } = await to.pool.query('SELECT count(*) AS n FROM pg_class WHERE relname = $1', ['reports_default']);
    if (inject('databaseServer').timescale) {
      expect(await findTimescale(to.pool)).toMatchObject({ reports: 'hypertable', policy: true });
      expect(rows).toEqual([{ n: 0 }]);
    } else {
      expect(await count(to, 'reports_default')).toBe(0);
      expect(await count(to, 'reports_20261120')).toBe(14_400);
    }
  });

  it('bring back which trips wait to be judged, and give the next change of a plan a number of its own', async () => {
    const asked = async () => (await to.pool.query<{ asked: number }>('SELECT asked FROM to_judge')).rows;
    const before = await asked();
    expect(before).toEqual((await from.pool.query('SELECT asked FROM to_judge')).rows);
    expect(before.length).toBeGreaterThan(0);
    await askToJudge(
      to.pool,
      (await to.pool.query('SELECT trip_id FROM trips')).rows.map((row) => row.trip_id),
    );
    expect(await asked()).not.toEqual(before);
  });

  it('do not carry over who was signed in', async () => {
    expect(await count(to, 'sessions')).toBe(0);
  });

  it('go on numbering where the original stopped', async () => {
    await to.pool.query(`INSERT INTO quarantine (lock_id, topic, reason, raw) VALUES ('x', 't', 'r', '')`);
    expect((await to.pool.query('SELECT max(quarantine_id) AS newest FROM quarantine')).rows).toEqual([{ newest: 2 }]);
  });

  it('refuse a database that holds data, and replace it only when told', async () => {
    await expect(restoreBackup(to.pool, file)).rejects.toMatchObject({
      name: 'BackupError',
      message: expect.stringContaining('already holds data'),
      hint: expect.stringContaining('--force'),
    });
    expect(await count(to, 'quarantine')).toBe(2);
    await restoreBackup(to.pool, file, { force: true });
    expect(await count(to, 'quarantine')).toBe(1);
    expect(await sums(to)).toEqual(await sums(from));
  });

  it('bring back a backup from before the time of a lock’s last position was kept', async () => {
    const older = await freshDatabase();
    try {
      await older.pool.query('ALTER TABLE locks DROP COLUMN last_fix_time');
      const fix = {
        boot: 1,
        seq: 2,
        time: '2026-11-21T08:00:00.000Z',
        position: { lon: 120, lat: 30, source: 'gnss' },
      };
      await older.pool.query(
        `INSERT INTO locks (lock_id, secret_hash, last_time, last_report, last_fix) VALUES ('JT70100001', '', $1, $2, $3)`,
        ['2026-11-21T09:00:00Z', { ...fix, seq: 3, position: undefined }, fix],
      );
      await writeBackup(older.pool, join(folder, 'older.backup'), new Date(NOW_MS));
    } finally {
      await older.drop();
    }
    const into = await freshDatabase();
    try {
      await restoreBackup(into.pool, join(folder, 'older.backup'));
      const { rows } = await into.pool.query('SELECT lock_fix(l) AS fix, last_fix_time FROM locks l');
      expect(rows).toMatchObject([{ fix: { seq: 2 }, last_fix_time: new Date('2026-11-21T08:00:00Z') }]);
    } finally {
      await into.drop();
    }
  });

  it('refuse a backup of a newer Sealwatch', async () => {
    const whole = gunzipSync(readFileSync(file)).toString('latin1');
    const newer = join(folder, 'newer.backup');
    writeFileSync(newer, gzipSync(Buffer.from(whole.replace('"0001_platform"', '"9999_later"'), 'latin1')));
    await expect(restoreBackup(to.pool, newer, { force: true })).rejects.toThrow(/newer Sealwatch/);
    expect(await count(to, 'reports')).toBe(28_800);
  });
});
