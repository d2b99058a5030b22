// What the fence costs: the same intake on the same database in turns with it and without it, without MQTT around it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuUs, databaseCpuUs } from './cpu.mjs';
import { declare, dist } from './declare.mjs';
import { LOCKS, lockIdOf, reportAt } from './fleet.mjs';
import { sleep } from './side.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 10);
const TURN_MS = Number(process.env.TURN_MS ?? 1_500);
/** Publishes of a lock that wait for their commit. */
const WINDOW = Number(process.env.WINDOW ?? 16);
const silent = { info() {}, warn() {}, debug() {}, trace() {}, error: console.error, fatal: console.error };

const { pino } = await import('pino');
const { Registry } = await import('prom-client');
const { startIntake } = await dist('intake/intake.js');
const { openDatabase } = await dist('postgres/database.js');
const { ClaimedSlots } = await dist('postgres/claimed-slots.js');
const { Membership } = await dist('postgres/membership.js');
const { migrate } = await dist('postgres/migrate.js');
const { holdOn } = await dist('postgres/queryable.js');

const dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
const database = await openDatabase({ dataDir, log: silent });
const { pool, url, connections } = database;
await migrate(pool, silent);
await declare(pool);
const self = { name: 'bench', version: 'bench', connections, webhookKey: 'bench' };
const membership = await Membership.join({ url, log: silent, self, alone: true });
const slots = await ClaimedSlots.claim({ pool, membership, log: silent });
const intake = await startIntake({ pool, registry: new Registry(), log: pino({ level: 'error' }), slots });

let [committed, going] = [0, true];
const locks = Array.from({ length: LOCKS }, (_, i) => ({ lockId: lockIdOf(i), seq: 0 }));
function publish(lock) {
  if (!going) return;
  intake.receive(lock.lockId, Buffer.from(reportAt({ seq: lock.seq++, atMs: Date.now() })), (error) => {
    if (error) throw error;
    committed += 1;
    publish(lock);
  });
}
for (const lock of locks) for (let i = 0; i < WINDOW; i++) publish(lock);

async function turn(fenced) {
  holdOn(pool, fenced ? membership.hold : async () => undefined);
  await sleep(100);
  const before = { committed, own: cpuUs(), database: await databaseCpuUs(pool), ms: performance.now() };
  await sleep(TURN_MS);
  const [own, databaseUs] = [cpuUs() - before.own, (await databaseCpuUs(pool)) - before.database];
  return { reports: committed - before.committed, ms: performance.now() - before.ms, own, database: databaseUs };
}

await sleep(3_000);
const turns = { with: [], without: [] };
for (let round = 0; round < ROUNDS; round++) {
  // Both orders, so that whatever grows or warms up during the run falls on both.
  for (const which of round % 2 === 0 ? ['with', 'without'] : ['without', 'with'])
    turns[which].push(await turn(which === 'with'));
}
going = false;
const sum = (which, what) => turns[which].reduce((total, one) => total + one[what], 0);
const cost = (which) => (sum(which, 'own') + sum(which, 'database')) / sum(which, 'reports');
const rate = (which) => (sum(which, 'reports') / sum(which, 'ms')) * 1_000;
for (const which of ['without', 'with'])
  console.log(
    `${which} the fence: ${Math.round(rate(which))} reports/s, ${cost(which).toFixed(2)} µs of processors a report`,
  );
console.log(
  `ratio of the rates ${(rate('with') / rate('without')).toFixed(4)}, of the costs ${(cost('with') / cost('without')).toFixed(4)}`,
);
await intake.stop();
await slots.stop();
await membership.leave();
await database.stop();
rmSync(dataDir, { recursive: true, force: true });
process.exit();
