// An hour's backlog of 2,000 locks, arriving at once beside the live reports of 2,000 others (law 8: live before late).
import { reportAt } from './fleet.mjs';
import { connectAll, Lock } from './lock.mjs';
import { acknowledgedBy, sleep, spread, told, withSide } from './side.mjs';

const LOCKS = Number(process.env.LOCKS ?? 2_000);
const ALONE_S = 10;
const MOST_S = 45;
/** An hour of records half a minute apart, 40 in a publish. */
const RECORDS = 120;
const EVERY_MS = 30_000;
const IN_A_PUBLISH = 40;

const DEPARTED_MS = Date.now() - RECORDS * EVERY_MS - 10_000;

/** Every lock once a second, until told to stop; latencies of each publish. */
async function live(locks, goesOn) {
  for (const lock of locks) lock.latencies = [];
  const began = performance.now();
  for (let sent = 0; goesOn((performance.now() - began) / 1_000); ) {
    const due = Math.floor(((performance.now() - began) / 1_000) * locks.length);
    for (; sent < due; sent++) {
      const lock = locks[sent % locks.length];
      lock.send([reportAt({ seq: lock.seq, atMs: Date.now(), lon: 120.02 + lock.seq++ * 0.0002 })]);
    }
    await sleep(2);
  }
  return spread(locks.flatMap((lock) => lock.latencies));
}

/** The publishes that a lock has kept back. */
function backlogOf(lock) {
  const records = Array.from({ length: RECORDS }, () => {
    const seq = lock.seq++;
    return reportAt({ seq, atMs: DEPARTED_MS + 5_000 + seq * EVERY_MS, lon: 120.02 + seq * 0.006, kind: 'backfill' });
  });
  const payloads = [];
  for (let i = 0; i < RECORDS; i += IN_A_PUBLISH) payloads.push(`[${records.slice(i, i + IN_A_PUBLISH).join(',')}]`);
  return payloads;
}

/** All within some two seconds: 80 MB then come at 320 Mbit/s, more than radio cells carry. */
async function sendAll(locks, backlogs) {
  for (const [i, lock] of locks.entries()) {
    lock.send(backlogs[i]);
    if (i % 2 === 1) await sleep(2);
  }
}

await withSide(
  'sealwatch',
  async ({ port, ask }) => {
    const all = Array.from({ length: 2 * LOCKS }, (_, i) => new Lock(i));
    const [reporting, late] = [all.slice(0, LOCKS), all.slice(LOCKS)];
    await connectAll(all, port);
    const backlogs = late.map(backlogOf);
    await live(reporting, (s) => s < 3);
    const alone = await live(reporting, (s) => s < ALONE_S);
    console.log(`${LOCKS} live reports/s alone: PUBACK ${told(alone)}`);
    const sending = sendAll(late, backlogs);
    let tookS = Number.NaN;
    const beside = await live(reporting, (s) => {
      tookS = s;
      return s < MOST_S && late.some((lock) => lock.waiting > 0 || lock.acknowledged === 0);
    });
    await sending;
    const left = late.filter((lock) => lock.waiting > 0).length;
    console.log(
      `beside a backlog of ${LOCKS * RECORDS} records, taken in ${tookS.toFixed(1)} s: PUBACK ${told(beside)}`,
    );
    if (left > 0) console.log(`  ${left} locks still waited after ${MOST_S} s`);
    console.log(`  live p99 ${(beside.p99 / alone.p99).toFixed(2)} times that without`);
    for (let i = 0; i < 100 && reporting.some((lock) => lock.waiting > 0); i++) await sleep(100);
    const { stored, refused, rssBytes } = await ask('figures');
    const wanted = acknowledgedBy(reporting) + acknowledgedBy(late) * IN_A_PUBLISH;
    console.log(
      `  acknowledged ${wanted} records, stored ${stored}, refused ${refused}; ${Math.round(rssBytes / 2 ** 20)} MiB`,
    );
    if (left === 0 && stored !== wanted) process.exitCode = 1;
    for (const lock of all) lock.socket.destroy();
  },
  { LOCKS: String(2 * LOCKS), BENCH_START_MS: String(DEPARTED_MS) },
);
