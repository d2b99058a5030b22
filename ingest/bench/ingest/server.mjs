// The side under load, in a process of its own: `bare` (aedes that stores nothing) or `sealwatch` (everything on).
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { Registry } from 'prom-client';
import { LOCKS, lockIdOf, ROAD, SECRET, START_MS } from './fleet.mjs';

const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const log = { info() {}, warn() {}, debug() {}, error: (fields, text) => console.error(text, fields?.err ?? fields) };

/** User and system time of this process since its side listened, µs. */
let cpuAtStart;
function cpuUs() {
  const { user, system } = process.cpuUsage(cpuAtStart);
  return user + system;
}

async function bare() {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, stop: async () => server.close(), figures: async () => ({ cpuUs: cpuUs() }) };
}

async function declare(pool) {
  const { hashSecret } = await dist('broker/secrets.js');
  const { insertLocks } = await dist('store/locks.js');
  const { putRoute } = await dist('store/routes.js');
  const { insertTrip } = await dist('store/trips.js');
  const secretHash = hashSecret(SECRET);
  const lockIds = Array.from({ length: LOCKS }, (_, i) => lockIdOf(i));
  await insertLocks(
    pool,
    lockIds.map((lockId) => ({ lockId, model: 'bench', secretHash })),
  );
  const { row } = await putRoute(pool, { routeId: 'bench', feature: ROAD, by: 'bench' });
  const at = new Date(START_MS).toISOString();
  for (const lockId of lockIds) {
    await insertTrip(pool, {
      tripId: randomUUID(),
      routeVersion: row.version,
      totalM: 96_000,
      status: 'in-transit',
      steps: [],
      declaration: {
        declarationNo: '292120260000000001',
        mode: 'road',
        originOffice: '2921',
        destinationOffice: '3104',
        routeId: 'bench',
        vehicle: { tractorPlate: '浙G12345' },
        units: [{ containerNo: 'MSKU9070323', lockId }],
        takeover: { sealedAt: at, departedAt: at },
      },
    });
  }
}

async function sealwatch() {
  const { openDatabase } = await dist('store/database.js');
  const { migrate } = await dist('store/migrate.js');
  const { startReportKeeper } = await dist('store/partitions.js');
  const { startIntake } = await dist('intake/intake.js');
  const { startBroker } = await dist('broker/broker.js');
  const { lockSecretHashes } = await dist('store/roster.js');
  const dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
  const database = await openDatabase({ dataDir, log });
  const { pool } = database;
  await migrate(pool, log);
  const keeper = await startReportKeeper(pool, { log, now: Date.now });
  await declare(pool);
  const registry = new Registry();
  const intake = await startIntake({ pool, registry, log });
  const broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    registry,
    log,
    secretHashes: (lockIds) => lockSecretHashes(pool, lockIds),
    report: (lockId, payload, done) => intake.receive(lockId, payload, done),
    reply: (_lockId, _payload, done) => done(),
  });
  return {
    port: broker.port,
    async figures() {
      const { rows } = await pool.query('SELECT count(*)::int AS stored FROM reports');
      const sums = {};
      for (const name of ['judge', 'commit']) {
        const { values } = await registry.getSingleMetric(`sealwatch_intake_${name}_seconds`).get();
        const of = (suffix) => values.find((value) => value.metricName?.endsWith(suffix))?.value ?? 0;
        sums[name] = `${(of('_sum')).toFixed(2)} s in ${of('_count')} batches`;
      }
      const quarantined = (await pool.query('SELECT reason, count(*)::int AS n FROM quarantine GROUP BY reason')).rows;
      return {
        stored: rows[0].stored,
        quarantined,
        ...sums,
        rssMb: Math.round(process.memoryUsage().rss / 2 ** 20),
        cpuUs: cpuUs(),
      };
    },
    async stop() {
      await intake.stop();
      await broker.close();
      await keeper.stop();
      await database.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const side = await (process.argv[2] === 'bare' ? bare() : sealwatch());
cpuAtStart = process.cpuUsage();
process.send({ port: side.port });
process.on('message', async (message) => {
  if (message === 'figures') process.send({ figures: await side.figures() });
  if (message !== 'stop') return;
  await side.stop();
  process.exit(0);
});
process.on('disconnect', () => side.stop().finally(() => process.exit(0)));
