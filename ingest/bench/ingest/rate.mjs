import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { KEY, LOCKS } from './fleet.mjs';
import { connectAll, Lock } from './lock.mjs';
import { summarise } from './profile.mjs';
import { acknowledgedBy, costOf, drain, sleep, spread, told, withSide } from './side.mjs';

const SECONDS = Number(process.env.SECONDS ?? 8);
/** Publishes of a lock without PUBACK while the rate is looked for; the platform allows 64. */
const WINDOW = Number(process.env.WINDOW ?? 32);
const WARM_UP_S = 3;
/** Reports per second at which latencies are measured; half of the highest rate unless given. */
const AT = process.env.AT === undefined ? undefined : Number(process.env.AT);

/** As fast as the window allows; acknowledged per second. */
async function findRate(locks, seconds) {
  for (const lock of locks) {
    lock.onRoom = () => lock.waiting <= WINDOW / 2 && lock.publish(WINDOW - lock.waiting);
    lock.onRoom();
  }
  const [before, began] = [acknowledgedBy(locks), performance.now()];
  await sleep(seconds * 1_000);
  const rate = ((acknowledgedBy(locks) - before) / (performance.now() - began)) * 1_000;
  for (const lock of locks) lock.onRoom = undefined;
  await drain(locks);
  return rate;
}

/** At a rate of its own, whatever comes back (open loop). @param stray told which lock leaves the road, some times a second */
async function openLoop(locks, rate, seconds, stray) {
  for (const lock of locks) lock.latencies = [];
  const began = performance.now();
  const astray = new Set();
  let sent = 0;
  while (performance.now() - began < seconds * 1_000) {
    const elapsedS = (performance.now() - began) / 1_000;
    for (; sent < Math.floor(elapsedS * rate); sent++) {
      const lock = locks[sent % locks.length];
      if (stray !== undefined && astray.size < elapsedS * STRAYS_PER_S && !astray.has(lock)) {
        astray.add(lock);
        stray(lock.lockId);
      }
      // It stays off the road: one fix there and back again within a batch would be no more than an error of the receiver.
      lock.publish(1, astray.has(lock) ? OFF_ROAD : undefined);
    }
    await sleep(2);
  }
  await drain(locks);
  return spread(locks.flatMap((lock) => lock.latencies));
}

const STRAYS_PER_S = 20;
const OFF_ROAD = 30.004;

/** A screen on the live feed: from PUBLISH of the first fix off the road to its alarm here, ms. */
async function screen(http) {
  const left = new Map();
  const latencies = [];
  const socket = io(`${http}/live`, { transports: ['websocket'], auth: { key: KEY } });
  await new Promise((resolve, reject) => {
    socket.once('snapshot', resolve);
    socket.once('connect_error', reject);
  });
  socket.on('alarm', ({ alarm }) => {
    const leftAt = alarm.active && alarm.rule === 'route.deviation' ? left.get(alarm.lockId) : undefined;
    if (leftAt === undefined) return;
    latencies.push(performance.now() - leftAt);
    left.delete(alarm.lockId);
  });
  return {
    latencies,
    missing: () => left.size,
    stray: (lockId) => left.set(lockId, performance.now()),
    close: () => socket.close(),
  };
}

async function alarms(http, locks, rate, at) {
  const watching = await screen(http);
  await openLoop(locks, rate, SECONDS / 2, watching.stray);
  for (let i = 0; i < 20 && watching.missing() > 0; i++) await sleep(100);
  watching.close();
  const lost = watching.missing() > 0 ? `; ${watching.missing()} never came` : '';
  console.log(`  PUBLISH → alarm on the feed at ${at}: ${told(spread(watching.latencies))}${lost}`);
}

/** @param at a word for the rate of the work */
async function profile(ask, at, work) {
  const path = `${process.env.PROFILE ?? join(tmpdir(), `sealwatch-bench-${process.pid}`)}-${at.replace(/\W/g, '-')}.cpuprofile`;
  await ask('profile');
  await work();
  await ask('profiled', path);
  const { parts, functions } = summarise(path);
  if (!process.env.PROFILE) rmSync(path);
  const line = ([name, share]) => `    ${share.toFixed(1).padStart(5)} %  ${name}`;
  console.log(`  where the platform's time goes at ${at}, by part:\n${parts.map(line).join('\n')}`);
  console.log(`  and by function (self time):\n${functions.map(line).join('\n')}`);
}

/** @param databaseUrl of an empty database; undefined: the embedded one */
const measure = (side, databaseUrl) =>
  withSide(
    side,
    (started) => measured(started, databaseUrl === undefined ? side : `${side} on DATABASE_URL`),
    databaseUrl === undefined ? {} : { BENCH_DATABASE_URL: databaseUrl },
  );

async function measured({ port, http, ask }, side) {
  const locks = Array.from({ length: LOCKS }, (_, i) => new Lock(i));
  await connectAll(locks, port);
  await findRate(locks, WARM_UP_S);
  const { result: rate, text } = await costOf(ask, locks, () => findRate(locks, SECONDS));
  console.log(`${side}: ${Math.round(rate)} reports/s\n  ${text}`);
  const steady = AT ?? rate / 2;
  const at = AT === undefined ? 'half that rate' : `${AT}/s`;
  const open = await costOf(ask, locks, () => openLoop(locks, steady, SECONDS));
  console.log(`  PUBACK at ${at}: ${told(open.result)}\n  ${open.text}`);
  if (side !== 'bare') {
    await alarms(http, locks, steady, at);
    await profile(ask, 'the highest rate', () => findRate(locks, SECONDS / 2));
    await profile(ask, at, () => openLoop(locks, steady, SECONDS / 2));
    const { stored, refused, reportBytes } = await ask('figures');
    console.log(`  ${(reportBytes / stored).toFixed(0)} bytes a report, with its indexes and what is kept aside`);
    console.log(`  acknowledged ${acknowledgedBy(locks)}, stored ${stored}, refused ${refused}`);
    if (stored !== acknowledgedBy(locks)) process.exitCode = 1;
  }
  for (const lock of locks) lock.socket.destroy();
  return rate;
}

const bareRate = process.env.BARE === '0' ? Number.NaN : await measure('bare');
const rate = await measure('sealwatch');
const given = process.env.DATABASE_URL ? await measure('sealwatch', process.env.DATABASE_URL) : undefined;
if (given !== undefined)
  console.log(`embedded ${Math.round(rate)}/s, DATABASE_URL ${Math.round(given)}/s: ${(given / rate).toFixed(2)}`);
console.log(`ratio ${(rate / bareRate).toFixed(2)} (${LOCKS} locks on trips, one report per publish, QoS 1)`);
