// Rate and latency of the whole way of a report against a bare aedes broker, in one run: `npm run bench:ingest`.
// Both sides run in their own process; this one is the generator: raw MQTT, QoS 1, one report per publish.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { LOCKS } from './fleet.mjs';
import { Lock } from './lock.mjs';

const SECONDS = Number(process.env.SECONDS ?? 8);
/** Publishes of a lock without PUBACK while the rate is looked for; the platform allows 64. */
const WINDOW = Number(process.env.WINDOW ?? 32);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (sorted, p) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0).toFixed(1);

/** As fast as the window allows; acknowledged per second after one second of warming up. */
async function findRate(locks, seconds) {
  for (const lock of locks) {
    lock.onRoom = () => lock.waiting <= WINDOW / 2 && lock.publish(WINDOW - lock.waiting);
    lock.publish(WINDOW);
  }
  await sleep(1_000);
  const count = () => locks.reduce((sum, lock) => sum + lock.acknowledged, 0);
  const [before, began] = [count(), performance.now()];
  await sleep(seconds * 1_000);
  const rate = ((count() - before) / (performance.now() - began)) * 1_000;
  for (const lock of locks) lock.onRoom = undefined;
  return rate;
}

/** At a rate of its own, whatever comes back (open loop); latency of every PUBACK. */
async function measureLatency(locks, rate, seconds) {
  for (const lock of locks) lock.latencies = [];
  const began = performance.now();
  for (let sent = 0; performance.now() - began < seconds * 1_000; ) {
    const due = Math.floor(((performance.now() - began) / 1_000) * rate);
    for (; sent < due; sent++) locks[sent % locks.length].publish(1);
    await sleep(5);
  }
  await drain(locks);
  const all = Float64Array.from(locks.flatMap((lock) => lock.latencies)).sort();
  return { count: all.length, p50: percentile(all, 0.5), p99: percentile(all, 0.99), max: percentile(all, 1) };
}

async function drain(locks) {
  for (let i = 0; i < 300 && locks.some((lock) => lock.waiting > 0); i++) await sleep(100);
  const missing = locks.reduce((sum, lock) => sum + lock.waiting, 0);
  if (missing > 0) throw new Error(`${missing} publishes were not acknowledged`);
}

async function measure(side) {
  const execArgv =
    process.env.PROFILE && side !== 'bare' ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`] : [];
  const server = fork(new URL('./server.mjs', import.meta.url), [side], { execArgv });
  try {
    const [{ port }] = await once(server, 'message');
    const locks = Array.from({ length: LOCKS }, (_, i) => new Lock(i));
    await Promise.all(locks.map((lock) => lock.connect(port)));
    const rate = await findRate(locks, SECONDS);
    await drain(locks);
    const latency = await measureLatency(locks, rate / 2, SECONDS);
    server.send('figures');
    const [{ figures }] = await once(server, 'message');
    const acknowledged = locks.reduce((sum, lock) => sum + lock.acknowledged, 0);
    console.log(
      `${side}: ${Math.round(rate)} reports/s; at half that rate PUBACK p50 ${latency.p50} ms, p99 ${latency.p99} ms, max ${latency.max} ms`,
    );
    console.log(`  ${(figures.cpuUs / acknowledged).toFixed(1)} µs of this process's CPU time per report`);
    if (figures.stored !== undefined)
      console.log(`  acknowledged ${acknowledged}, stored ${figures.stored}; ${JSON.stringify(figures)}`);
    if (figures.stored !== undefined && figures.stored !== acknowledged) process.exitCode = 1;
    for (const lock of locks) lock.socket.destroy();
    return rate;
  } finally {
    const gone = once(server, 'exit');
    server.send('stop');
    await gone;
  }
}

const bareRate = await measure('bare');
const rate = await measure('sealwatch');
console.log(`ratio ${(rate / bareRate).toFixed(2)} (${LOCKS} locks, one report per publish, QoS 1)`);
