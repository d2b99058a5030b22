import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { createPool, type StoreLog } from '../src/postgres/database.ts';
import { withDatabase } from './embedded.setup.ts';

/** A log for tests: silent but for errors. */
export const testLog: StoreLog = {
  info: () => undefined,
  warn: () => undefined,
  error: (fields, message) => console.error(message, fields),
};

export interface TestDatabase {
  pool: pg.Pool;
  url: string;
  /** Ends the pool and drops the database, unless SEALWATCH_KEEP is set. */
  drop(): Promise<void>;
}

async function asAdmin(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: inject('databaseServer').url });
  await admin.connect();
  try {
    await admin.query(statement);
  } finally {
    await admin.end();
  }
}

export interface FreshOptions {
  /** Most connections of the pool. Default 10. */
  max?: number;
  /** For tests of the daily partitions themselves: without TimescaleDB, even where the server has it. */
  storage?: 'plain';
}

/**
 * A database of its own for a test file, with the whole schema and no rows: a copy of the run's template. On a server
 * with TimescaleDB (TEST_DATABASE_URL) reports become a hypertable at the first round of keeping.
 */
export async function freshDatabase(options: FreshOptions = {}): Promise<TestDatabase> {
  const { url: serverUrl, template, timescale } = inject('databaseServer');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  const url = withDatabase(serverUrl, name);
  const pool = createPool({ connectionString: url }, testLog, { max: options.max ?? 10 });
  // in the copy, not in the template: the extension's workers would hold the template open
  if (timescale && options.storage !== 'plain') await pool.query('CREATE EXTENSION IF NOT EXISTS timescaledb');
  return {
    pool,
    url,
    drop: async () => {
      await pool.end();
      if (process.env.SEALWATCH_KEEP) console.error(`kept: database ${name}`);
      else await asAdmin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}
