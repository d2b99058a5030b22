import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { createPool, urlOf } from '../src/postgres/database.ts';
import { startEmbedded } from '../src/postgres/embedded/embedded.ts';
import { migrate } from '../src/postgres/migrate.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a role that may create databases, and of a database that holds the whole schema and no rows. */
    databaseServer: { url: string; template: string; timescale: boolean };
  }
}

const quiet = {
  info: () => undefined,
  warn: () => undefined,
  error: (fields: object, message: string) => console.error(message, fields),
};

/** Signing in by SCRAM costs both ends some milliseconds of hashing by design; the tests do it thousands of times. */
async function signInCheaply(url: string): Promise<void> {
  const { username, password } = new URL(url);
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query('SET scram_iterations = 1');
  await admin.query(
    `ALTER ROLE ${admin.escapeIdentifier(username)} PASSWORD ${admin.escapeLiteral(decodeURIComponent(password))}`,
  );
  await admin.end();
}

async function makeTemplate(url: string, template: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(`DROP DATABASE IF EXISTS ${template}`);
  await admin.query(`CREATE DATABASE ${template} TEMPLATE template0 ENCODING 'UTF8'`);
  await admin.end();
  const pool = createPool({ connectionString: withDatabase(url, template), max: 2 }, quiet);
  await migrate(pool);
  await pool.end();
}

/** Whether the given server offers TimescaleDB: then a fresh database uses it, unless it asks for plain partitions. */
async function offersTimescale(url: string): Promise<boolean> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  const { rows } = await admin.query(`SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'`);
  await admin.end();
  return rows.length > 0;
}

const MEMORY = '/dev/shm';
/** More than the data of a run at its largest (some 200 MB) and a full log (max_wal_size) take. */
const ROOM_BYTES = 2 * 1024 ** 3;

/**
 * Where the server's data is kept: in memory where the system offers a folder there with room to spare, because each
 * database of a test is a copy of hundreds of small files; else with all temporary files.
 */
function dataRoot(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    if (Math.min(bavail * bsize, freemem()) >= ROOM_BYTES) return MEMORY;
  } catch {
    // no such folder here
  }
  return tmpdir();
}

export function withDatabase(url: string, database: string): string {
  const address = new URL(url);
  address.pathname = `/${database}`;
  return address.toString();
}

/** vitest globalSetup: one server for the whole run, without fsync (its data is thrown away), and one migrated template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const template = `sealwatch_template_${process.pid}`;
  const given = process.env.TEST_DATABASE_URL;
  if (given) {
    await makeTemplate(given, template);
    project.provide('databaseServer', { url: given, template, timescale: await offersTimescale(given) });
    return async () => {
      const admin = new pg.Client({ connectionString: given });
      await admin.connect();
      await admin.query(`DROP DATABASE IF EXISTS ${template}`);
      await admin.end();
    };
  }
  const folder = mkdtempSync(join(dataRoot(), 'sealwatch-test-'));
  // as root the server runs under another account, which must be able to pass
  chmodSync(folder, 0o711);
  const server = await startEmbedded({
    dataDir: folder,
    log: quiet,
    settings: {
      fsync: 'off',
      full_page_writes: 'off',
      max_connections: '200',
      shared_buffers: '64MB',
      max_wal_size: '1GB',
    },
  });
  const url = urlOf(server, server.supervisor, 'postgres');
  await signInCheaply(url);
  await makeTemplate(url, template);
  project.provide('databaseServer', { url, template, timescale: false });
  return async () => {
    if (process.env.SEALWATCH_KEEP) {
      console.error(`the test server's data is kept in ${folder}`);
      await server.stop();
      return;
    }
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
