import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';
import type { StoreLog } from './database.ts';
import { DatabaseStartError } from './database-error.ts';
import { keepReportsView } from './former-reports.ts';
import { changingSchema } from './schema-lock.ts';

// the checkout holds src next to dist, so that the SQL needs no copying: both resolve to ingest/src/postgres/migrations
const FOLDER = fileURLToPath(new URL('../../src/postgres/migrations/', import.meta.url));
const TABLE = 'migrations';

const SILENT: StoreLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

function known(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => basename(name, '.sql'))
    .sort();
}

async function applied(client: Pick<pg.ClientBase, 'query'>): Promise<string[]> {
  const { rows: tables } = await client.query(`SELECT 1 WHERE to_regclass('public.${TABLE}') IS NOT NULL`);
  if (tables.length === 0) return [];
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM public.${TABLE} ORDER BY id`);
  return rows.map((row) => row.name);
}

/**
 * Brings the schema up to date: numbered SQL files, in order, in one transaction, while nobody else changes the schema.
 * @returns the names of the migrations run now
 * @throws DatabaseStartError `newer-schema` where the database was used by a newer Sealwatch
 */
export async function migrate(pool: pg.Pool, log: StoreLog = SILENT): Promise<string[]> {
  return changingSchema(pool, log, async (client) => {
    const done = await migrateOn(client, log);
    await keepReportsView(client);
    return done;
  });
}

/**
 * The migrations that the database does not have yet.
 * @throws DatabaseStartError `newer-schema` as `migrate`
 */
export async function pendingMigrations(db: Pick<pg.ClientBase, 'query'>): Promise<string[]> {
  const there = await applied(db);
  const unknown = there.filter((name) => !known().includes(name));
  if (unknown.length > 0) {
    throw new DatabaseStartError(
      'newer-schema',
      `The database has changes this Sealwatch does not know (${unknown.join(', ')}).`,
      'It was used by a newer Sealwatch: start that one, or restore a backup made before the update.',
    );
  }
  return known().filter((name) => !there.includes(name));
}

async function migrateOn(client: pg.PoolClient, log: StoreLog): Promise<string[]> {
  await pendingMigrations(client);
  const done = await runner({
    dbClient: client,
    dir: FOLDER,
    ignorePattern: '(?!.*\\.sql$).*',
    migrationsTable: TABLE,
    direction: 'up',
    checkOrder: true,
    singleTransaction: true,
    advisoryLockMode: 'wait',
    logger: { debug: () => undefined, info: () => undefined, warn: warn(log), error: warn(log) },
  });
  for (const { name } of done) log.info({ migration: name }, 'schema changed');
  return done.map(({ name }) => name);
}

function warn(log: StoreLog): (message: string) => void {
  return (message) => log.warn({}, message);
}
