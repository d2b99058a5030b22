import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { type App, startApp } from '../ingest/src/app.ts';
import { readConfig } from '../ingest/src/config.ts';
import { createLog } from '../ingest/src/log.ts';
import { findTimescale } from '../ingest/src/postgres/timescale.ts';
import { freshDatabase } from '../ingest/test/database.ts';
import { ADMIN_KEY } from './platform.ts';
import { sealwatch } from './process.ts';

const ROUNDS = process.env.SEALWATCH_DEEP ? 10 : 1;

const configOf = (databaseUrl: string, dataDir: string) =>
  readConfig({
    SEALWATCH_HTTP_PORT: '0',
    SEALWATCH_MQTT_PORT: '0',
    SEALWATCH_DATA_DIR: dataDir,
    SEALWATCH_BOOTSTRAP_KEY: ADMIN_KEY,
    DATABASE_URL: databaseUrl,
  });
const log = createLog('silent', { pretty: false });

const ready = async (http: string) => {
  const answer = await fetch(`${http}/readyz`);
  return { status: answer.status, body: await answer.json() };
};

/** Starts platforms at the same moment on an empty database: one is active, the others stand by until it is their turn. */
async function startAtOnce(platforms: number): Promise<void> {
  const database = await freshDatabase({ schema: 'none' });
  const dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-test-'));
  const config = configOf(database.url, dataDir);
  const waiting = new Map<number, string>();
  const active: { app: App; of: number }[] = [];
  const stopping = new AbortController();
  const starts = Array.from({ length: platforms }, async (_, of) => {
    const app = await startApp(config, { log, signal: stopping.signal, onStandby: (http) => waiting.set(of, http) });
    waiting.delete(of);
    active.push({ app, of });
  });
  const ended = Promise.allSettled(starts);
  try {
    for (let turn = 1; turn <= platforms; turn++) {
      await expect.poll(() => [active.length, waiting.size]).toEqual([turn, platforms - turn]);
      expect(await ready(active.at(-1)?.app.http ?? '')).toMatchObject({ status: 200 });
      for (const http of waiting.values())
        expect(await ready(http)).toEqual({ status: 503, body: { ready: false, reasons: ['standby'] } });
      const { rows } = await database.pool.query<{ twice: number }>(
        'SELECT count(*) - count(DISTINCT name) AS twice FROM migrations',
      );
      expect(rows[0]?.twice).toBe(0);
      const found = await findTimescale(database.pool);
      if (inject('databaseServer').timescale) expect(found).toMatchObject({ reports: 'hypertable', policy: true });
      await active.at(-1)?.app.stop();
    }
  } finally {
    stopping.abort('over');
    await ended;
    for (const { app } of active) await app.stop();
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

it('of platforms that start at once on an empty database one becomes ready, and the others one after the other', async () => {
  for (let round = 0; round < ROUNDS; round++) await startAtOnce(3);
});

it('beside an active platform of a newer version an older one does not stand by, and says why', async () => {
  const database = await freshDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-test-'));
  const config = configOf(database.url, dataDir);
  const newer = await startApp(config, { log });
  try {
    await database.pool.query(`INSERT INTO migrations (name, run_on) VALUES ('9999_future', now())`);
    await expect(startApp(config, { log })).rejects.toMatchObject({ code: 'newer-schema' });
    const { rows } = await database.pool.query('SELECT active FROM members');
    expect(rows).toEqual([{ active: true }]);
  } finally {
    await newer.stop();
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

it('a platform that cannot prepare its database says why and ends', async () => {
  const database = await freshDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-test-'));
  try {
    // the queues of jobs are made when connections, workers and the queue's own timers are there already
    await (await startApp(configOf(database.url, dataDir), { log })).stop();
    await database.pool.query('DROP FUNCTION jobs.create_queue');
    const { ended, lines } = sealwatch(['serve'], { DATABASE_URL: database.url, SEALWATCH_DATA_DIR: dataDir });
    expect(await ended).toBe(1);
    expect(lines.join('\n')).toMatch(/"level":"fatal","msg":"function jobs.create_queue/);
  } finally {
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
