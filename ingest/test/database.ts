import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { inject } from 'vitest';
import { createPool, type StoreLog } from '../src/postgres/database.ts';
import { errorCode } from '../src/postgres/database-error.ts';
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

/**
 * 55006: a worker of TimescaleDB, which looks into every database of the server, is in this one for a moment.
 * 42501: a role that is no superuser may not end it.
 */
const PASSING = ['55006', '42501'];
const PATIENCE_MS = 60_000;

async function asAdmin(statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: inject('databaseServer').url });
  await admin.connect();
  try {
    for (const giveUpMs = Date.now() + PATIENCE_MS; ; await sleep(100)) {
      try {
        await admin.query(statement);
        return;
      } catch (error) {
        if (!PASSING.includes(errorCode(error)) || Date.now() > giveUpMs) throw error;
      }
    }
  } finally {
    await admin.end();
  }
}

export interface FreshOptions {
  /** Most connections of the pool. Default 10. */
  max?: number;
  /** For tests of the daily partitions themselves: without TimescaleDB, even where the server has it. */
  storage?: 'plain';
  /** For tests of the first start: without tables, and without TimescaleDB if `storage` is plain. */
  schema?: 'none';
}

/**
 * A database of its own for a test file, with the whole schema and no rows: a copy of the run's template. On a server
 * with TimescaleDB (TEST_DATABASE_URL) reports become a hypertable at the first round of keeping.
 */
export async function freshDatabase(options: FreshOptions = {}): Promise<TestDatabase> {
  const { url: serverUrl, template, timescale } = inject('databaseServer');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const from = options.schema === 'none' ? `template0 ENCODING 'UTF8'` : `${template} STRATEGY file_copy`;
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE ${from}`);
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
