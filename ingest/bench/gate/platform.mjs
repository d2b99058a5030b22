// The platform under load, in a process of its own: everything on, the embedded database in a folder of its own.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LOCKS, lockIdOf, ROAD, SECRET, START_MS } from '../ingest/fleet.mjs';
import { boxOf, GATE, GATE_ID, gateLockOf, KEY, plateOf } from './trucks.mjs';

/** Another build of the platform can be measured with the same load. */
const DIST = process.env.INGEST_DIST ?? new URL('../../dist/', import.meta.url).pathname;
const dist = (path) => import(pathToFileURL(join(DIST, path)).href);

const quiet = {
  info() {},
  warn() {},
  debug() {},
  trace() {},
  fatal: console.error,
  error: (f, t) => console.error(t, f),
};
const log = { ...quiet, level: 'error', child: () => log };

const { startApp } = await dist('app.js');
const { readConfig } = await dist('config.js');
const { hashSecret } = await dist('broker/lock-access.js');
const { insertLocks } = await dist('store/locks/locks.js');
const { putRoute } = await dist('store/roads/routes.js');
const { insertTrip } = await dist('store/trips/changes.js');
const { openDatabase } = await dist('postgres/database.js');
const { migrate } = await dist('postgres/migrate.js');

const dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
const trucks = Number(process.argv[2]);

/** The judged fleet of `bench:ingest`, and a sealed truck for every passage. */
async function fill() {
  const database = await openDatabase({ dataDir, log });
  const { pool } = database;
  await migrate(pool, log);
  const secretHash = hashSecret(SECRET);
  const { row } = await putRoute(pool, { routeId: 'bench', feature: ROAD, by: 'bench' });
  const at = new Date(START_MS).toISOString();
  const declare = async (lockIds, vehicleOf, boxNo) => {
    await insertLocks(
      pool,
      lockIds.map((lockId) => ({ lockId, model: 'bench', simulated: true, secretHash })),
    );
    for (const [i, lockId] of lockIds.entries()) {
      await insertTrip(pool, {
        tripId: randomUUID(),
        routeVersion: row.version,
        totalM: 96_000,
        status: 'in-transit',
        steps: ['hang', 'seal', 'transit', 'verify', 'unlock'].map((step) => ({ step, state: 'pending', checks: [] })),
        declaration: {
          declarationNo: '292120260000000001',
          mode: 'road',
          originOffice: '2921',
          destinationOffice: '3104',
          routeId: 'bench',
          vehicle: { tractorPlate: vehicleOf(i) },
          units: [{ containerNo: boxNo(i), lockId }],
          takeover: { sealedAt: at, departedAt: at },
        },
      });
    }
  };
  const fleet = Array.from({ length: LOCKS }, (_, i) => lockIdOf(i));
  await declare(
    fleet,
    (i) => `浙B${String(10_000 + i)}`,
    (i) => boxOf(500_000 + i),
  );
  const passing = Array.from({ length: trucks }, (_, i) => gateLockOf(i));
  await declare(passing, plateOf, boxOf);
  await database.stop();
}

/** Every truck's lock has just reported: sealed, at the gate. */
const SEALED = `UPDATE locks SET last_time = now() + interval '1 minute', last_received = now(), last_report = r,
    last_fix_time = now() + interval '1 minute'
  FROM (SELECT '{"v":1,"mode":"sealed","position":{"lon":121,"lat":30,"source":"gnss"},
    "seal":{"rope":"inserted","motor":"locked","cover":"closed"},"battery":{"percent":86}}'::json AS r) x
  WHERE lock_id LIKE 'GATE%'`;

await fill();
const config = readConfig({
  SEALWATCH_HTTP_PORT: '0',
  SEALWATCH_MQTT_PORT: '0',
  SEALWATCH_DATA_DIR: dataDir,
  SEALWATCH_BOOTSTRAP_KEY: KEY,
});
const app = await startApp(config, { log });
const beside = await openDatabase({ dataDir, log, beside: true, pool: { max: 1 } });
await beside.pool.query(SEALED);
const gate = await fetch(`${app.http}/api/v1/places/${GATE_ID}`, {
  method: 'PUT',
  headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
  body: JSON.stringify(GATE),
});
if (!gate.ok) throw new Error(await gate.text());
const key = await fetch(`${app.http}/api/v1/keys`, {
  method: 'POST',
  headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
  body: JSON.stringify({ name: 'bench gate', role: 'gate' }),
});
if (!key.ok) throw new Error(await key.text());
process.send({ http: app.http, mqtt: app.mqtt, key: (await key.json()).key });

async function figures() {
  const { rows } = await beside.pool.query(`SELECT
    (SELECT count(*)::int FROM reports) AS reports, (SELECT count(*)::int FROM passages) AS passages,
    (SELECT count(*)::int FROM trips WHERE written_off_at IS NOT NULL) AS "writtenOff",
    (SELECT count(*)::int FROM commands WHERE type = 'unlock') AS unlocks`);
  return { ...rows[0], rssMb: Math.round(process.memoryUsage().rss / 2 ** 20) };
}

async function stop() {
  await beside.stop();
  await app.stop();
  rmSync(dataDir, { recursive: true, force: true });
  process.exit(0);
}
process.on('message', async (message) => {
  if (message === 'cpu') process.send({ cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1_000 });
  if (message === 'figures') process.send({ figures: await figures() });
  if (message === 'stop') await stop();
});
process.on('disconnect', stop);
