import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { BackupError, BackupReader, BackupWriter, type Manifest, type TableManifest } from './backup-format.ts';
import { fillAddedColumns, fromFormerTables, isFormer, toFormerTable, withTodaysNames } from './older-backups.ts';
import { makeDaysToFill } from './partitions.ts';
import { inTransaction } from './queryable.ts';
import { changingSchema } from './schema-lock.ts';
import { adoptInTransaction } from './timescale.ts';

/**
 * Not in a backup: the schema's own record, who runs and judges which slots, what lets somebody in (people sign in again), and
 * sums of older schemas.
 */
const LEFT_OUT = ['migrations', 'members', 'slots', 'sessions', 'sign_in_links', 'report_hours', 'report_days'];

const AUDIT = ['audit', 'audit_head'];

/** How values print, so that a checksum means the same on every server. */
const FORM = `SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres';
  SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = public`;

/** COPY cannot stand among statements that are sent ahead of answers, so it gets a connection of its own. */
async function inCopyTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const own = new pg.Pool({ ...pool.options, pipeline: false, max: 1 });
  // a connection that breaks fails the query that waits for it; without a listener it would end the process too
  own.on('error', () => undefined);
  try {
    return await inTransaction(own, work);
  } finally {
    await own.end();
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const listed = (columns: string[]): string => columns.map(quoted).join(', ');

async function migrationsOf(client: pg.PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations ORDER BY id');
  return rows.map((row) => row.name);
}

/** Tables with their columns, each after those it refers to. */
async function tablesInOrder(client: pg.PoolClient): Promise<{ name: string; columns: string[] }[]> {
  const { rows } = await client.query<{ name: string; columns: string[]; needs: string[] }>(
    `SELECT c.relname::text AS name,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT coalesce(array_agg(DISTINCT r.relname::text), '{}') FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS needs
     FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname <> ALL ($1) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
     ORDER BY 1`,
    [LEFT_OUT],
  );
  const ordered: { name: string; columns: string[] }[] = [];
  let waiting = rows;
  while (waiting.length > 0) {
    const ready = waiting.filter((table) => table.needs.every((need) => ordered.some((done) => done.name === need)));
    if (ready.length === 0)
      throw new Error(`tables refer to each other in a circle: ${waiting.map((t) => t.name).join(', ')}`);
    ordered.push(...ready.map(({ name, columns }) => ({ name, columns })));
    waiting = waiting.filter((table) => !ready.includes(table));
  }
  return ordered;
}

async function measure(client: pg.PoolClient, table: { name: string; columns: string[] }): Promise<TableManifest> {
  const { rows } = await client.query<{ rows: number; checksum: string }>(
    `SELECT count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS checksum
     FROM (SELECT ${listed(table.columns)} FROM ${quoted(table.name)}) t`,
  );
  return { ...table, rows: rows[0]!.rows, checksum: rows[0]!.checksum };
}

async function daysOfReports(client: pg.PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ day: string }>(
    `SELECT to_char(day, 'YYYY-MM-DD') AS day FROM (SELECT DISTINCT date_trunc('day', time) AS day FROM reports) d ORDER BY 1`,
  );
  return rows.map(({ day }) => day);
}

/**
 * Writes all data of one instant to a file, while the platform runs. The file appears under its name
 * when it is complete; only its owner can read it.
 */
export async function writeBackup(pool: pg.Pool, path: string, now: Date): Promise<Manifest> {
  const partial = `${path}.partial`;
  const gzip = createGzip({ level: 4 });
  const file = createWriteStream(partial, { mode: 0o600 });
  const written = pipeline(gzip, file);
  // told below; without this a full disk would be an unhandled rejection first
  written.catch(() => undefined);
  try {
    const manifest = await inCopyTransaction(pool, async (client) => {
      await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      await client.query(FORM);
      const tables: TableManifest[] = [];
      for (const table of await tablesInOrder(client)) tables.push(await measure(client, table));
      const [migrations, reportDays] = [await migrationsOf(client), await daysOfReports(client)];
      const content = { createdAt: now.toISOString(), migrations, tables, reportDays };
      const writer = new BackupWriter(gzip);
      await writer.manifest(content);
      for (const { name, columns } of tables) {
        await writer.table(client.query(copyTo(`COPY (SELECT ${listed(columns)} FROM ${quoted(name)}) TO STDOUT`)));
      }
      await writer.end();
      return content;
    });
    gzip.end();
    await written;
    await settle(partial, path);
    return manifest;
  } catch (error) {
    gzip.destroy();
    await finished(file, { error: false }).catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}

async function settle(partial: string, path: string): Promise<void> {
  const handle = await open(partial, 'r+');
  await handle.sync();
  await handle.close();
  await rename(partial, path);
}

export interface RestoreOptions {
  /** Empties a database that holds data already. Without it, restore refuses. */
  force?: boolean;
}

/**
 * Reads a backup into a migrated database: all of it, verified by count and checksum of every table, or nothing. Where the
 * database has TimescaleDB, reports become a hypertable, whatever they were where the backup was made.
 * @throws BackupError where the file is damaged, does not fit, or the database holds data and `force` is not given
 */
export async function restoreBackup(pool: pg.Pool, path: string, options: RestoreOptions = {}): Promise<Manifest> {
  const source = createReadStream(path);
  const gunzip = createGunzip();
  const feeding = pipeline(source, gunzip);
  // the reader sees the same error at the stream's end
  feeding.catch(() => undefined);
  try {
    const reader = new BackupReader(gunzip);
    const manifest = await reader.manifest();
    const work = async (client: pg.PoolClient) => {
      await client.query(FORM);
      await client.query(`SET LOCAL sealwatch.restoring = 'on'`);
      const tables = await checkFit(client, manifest);
      // The triggers keep the audit from all but a restore, which brings it back as a whole.
      for (const table of AUDIT) await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      await makeEmpty(client, tables, options.force === true);
      await adoptInTransaction(client);
      await makeDaysToFill(client, manifest.reportDays ?? [], Date.now());
      const restored = manifest.tables.map(withTodaysNames);
      const copied: TableManifest[] = [];
      for (const table of restored) copied.push(await toFormerTable(client, table));
      for (const table of copied) {
        const copy = client.query(copyFrom(`COPY ${quoted(table.name)} (${listed(table.columns)}) FROM STDIN`));
        await pipeline(Readable.from(reader.table(), { objectMode: true }), copy);
      }
      await reader.end();
      await verify(client, copied);
      await fromFormerTables(client, copied);
      await fillAddedColumns(client, restored);
      await advanceSequences(client);
      for (const table of AUDIT) await client.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    };
    await changingSchema(pool, undefined, () => inCopyTransaction(pool, work));
    return manifest;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

async function checkFit(client: pg.PoolClient, manifest: Manifest): Promise<string[]> {
  const known = await migrationsOf(client);
  const unknown = manifest.migrations.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new BackupError(
      `The backup was made by a newer Sealwatch (${unknown.join(', ')} is not known here).`,
      'Restore it with that version or a newer one.',
    );
  }
  const tables = (await tablesInOrder(client)).map((table) => table.name);
  const missing = manifest.tables.filter((table) => !tables.includes(table.name) && !isFormer(table));
  if (missing.length > 0) {
    throw new BackupError(
      `The backup has tables that this database has not: ${missing.map((table) => table.name).join(', ')}.`,
      'Restore it with the Sealwatch that made it, then update.',
    );
  }
  return tables;
}

async function makeEmpty(client: pg.PoolClient, tables: string[], force: boolean): Promise<void> {
  if (force) {
    await client.query(`TRUNCATE ${tables.map(quoted).join(', ')} CASCADE`);
    return;
  }
  for (const table of tables) {
    const { rows } = await client.query(`SELECT 1 FROM ${quoted(table)} LIMIT 1`);
    if (rows.length === 0) continue;
    throw new BackupError(
      `The database already holds data (${table}).`,
      'Restore into an empty data folder or database, or say --force to replace all that is there.',
    );
  }
}

async function verify(client: pg.PoolClient, tables: TableManifest[]): Promise<void> {
  for (const table of tables) {
    const restored = await measure(client, table);
    if (restored.rows === table.rows && restored.checksum === table.checksum) continue;
    throw new BackupError(
      `${table.name} does not hold what the backup says: ${restored.rows} rows for ${table.rows}, or other content.`,
      'Nothing was written. Use another copy of the file.',
    );
  }
}

/** Numbers given next must be beyond those restored. */
async function advanceSequences(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `SELECT c.relname AS table, a.attname AS column, pg_get_serial_sequence(quote_ident(c.relname), a.attname) AS sequence
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attidentity <> ''`,
  );
  for (const { table, column, sequence } of rows) {
    await client.query(
      `SELECT setval($1, coalesce((SELECT max(${quoted(column)}) FROM ${quoted(table)}), 0) + 1, false)`,
      [sequence],
    );
  }
}
