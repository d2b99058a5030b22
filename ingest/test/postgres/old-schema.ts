import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';

const MIGRATIONS = fileURLToPath(new URL('../../src/postgres/migrations/', import.meta.url));

/** How many migrations come before one. */
export const before = (migration: string): number => readdirSync(MIGRATIONS).filter((name) => name < migration).length;

/** Replaces the schema of a database by that of the first `count` migrations. */
export async function withOldSchema(pool: pg.Pool, count: number): Promise<void> {
  await pool.query('DROP SCHEMA public CASCADE');
  await pool.query('CREATE SCHEMA public');
  const client = await pool.connect();
  try {
    await runner({
      dbClient: client,
      dir: MIGRATIONS,
      ignorePattern: '(?!.*\\.sql$).*',
      migrationsTable: 'migrations',
      direction: 'up',
      count,
      log: () => undefined,
    });
  } finally {
    client.release();
  }
}
