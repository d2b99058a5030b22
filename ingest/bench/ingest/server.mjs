// The side under load, in a process of its own: `bare` (aedes that stores nothing) or `sealwatch` (everything on).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { cpuUs, databaseCpuUs, waitedUs } from './cpu.mjs';
import { declare, dist } from './declare.mjs';
import { KEY } from './fleet.mjs';

const quiet = { info() {}, warn() {}, debug() {}, trace() {}, fatal: console.error };
const log = {
  ...quiet,
  level: 'error',
  child: () => log,
  error: (fields, text) => console.error(text, fields?.err ?? fields),
};

const own = () => ({ cpuUs: cpuUs(), waitedUs: waitedUs(), rssBytes: process.memoryUsage().rss });

/** V8's CPU profile of this process between `start` and `stop`. */
const profiler = {
  session: new Session(),
  async start() {
    this.session.connect();
    await this.session.post('Profiler.enable');
    await this.session.post('Profiler.start');
  },
  async stop(path) {
    const { profile } = await this.session.post('Profiler.stop');
    this.session.disconnect();
    writeFileSync(path, JSON.stringify(profile));
  },
};

async function bare() {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    stop: async () => server.close(),
    figures: async () => ({ ...own(), databaseCpuUs: 0 }),
  };
}

/** Rows, indexes and what is kept aside, bytes of all reports. */
async function bytesOf(pool) {
  const { rows } = await pool.query(
    `SELECT sum(pg_total_relation_size(inhrelid)) AS bytes FROM pg_inherits WHERE inhparent = 'reports'::regclass`,
  );
  return rows[0].bytes;
}

/** The whole platform as `sealwatch serve` starts it: on the embedded database in a folder of its own, or on an empty given one. */
async function sealwatch() {
  const { startApp } = await dist('app.js');
  const { readConfig } = await dist('config.js');
  const { openDatabase } = await dist('postgres/database.js');
  const { migrate } = await dist('postgres/migrate.js');
  const dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
  const database = await openDatabase({ dataDir, databaseUrl: process.env.BENCH_DATABASE_URL, log });
  const { pool } = database;
  await migrate(pool, log);
  await declare(pool);
  const config = readConfig({
    SEALWATCH_HTTP_PORT: '0',
    SEALWATCH_MQTT_PORT: '0',
    SEALWATCH_DATA_DIR: dataDir,
    SEALWATCH_BOOTSTRAP_KEY: KEY,
    DATABASE_URL: database.url,
  });
  const app = await startApp(config, { log });
  return {
    port: Number(new URL(app.mqtt).port),
    http: app.http,
    async figures() {
      const { rows } = await pool.query(`SELECT (SELECT count(*)::int FROM reports) AS stored,
        (SELECT count(*)::int FROM quarantine) AS refused`);
      return { ...rows[0], ...own(), reportBytes: await bytesOf(pool), databaseCpuUs: await databaseCpuUs(pool) };
    },
    async stop() {
      await app.stop();
      await database.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const side = await (process.argv[2] === 'bare' ? bare() : sealwatch());
process.send({ port: side.port, http: side.http });
const answers = {
  figures: () => side.figures(),
  profile: () => profiler.start(),
  profiled: (path) => profiler.stop(path),
};
process.on('message', async ({ ask, about }) => {
  if (ask !== 'stop') return process.send({ answer: await answers[ask](about) });
  await side.stop();
  process.exit(0);
});
process.on('disconnect', () => side.stop().finally(() => process.exit(0)));
