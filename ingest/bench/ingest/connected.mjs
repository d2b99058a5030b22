// Memory of connected locks, each on a trip and reporting every 30 s.
import { connectAll, Lock } from './lock.mjs';
import { acknowledgedBy, costOf, drain, sleep, spread, told, withSide } from './side.mjs';

// A process may open so many files as the machine lets it (`ulimit -Hn`; Node raises itself to it): some are for the database.
const WANTED = Number(process.env.LOCKS ?? 20_000);
const OWN_FILES = 200;
const most = Number(process.report.getReport().userLimits.open_files.hard) || Number.POSITIVE_INFINITY;
const LOCKS = Math.min(WANTED, most - OWN_FILES);
if (LOCKS < WANTED)
  console.log(`${LOCKS} instead of ${WANTED} locks: no more than ${most} open files are allowed (ulimit -Hn)`);

const EVERY_S = 30;
const ROUNDS = 2;

/** Each lock once in `seconds`, evenly. */
async function round(locks, seconds) {
  const began = performance.now();
  for (let sent = 0; sent < locks.length; ) {
    const due = Math.min(locks.length, ((performance.now() - began) / 1_000 / seconds) * locks.length);
    for (; sent < due; sent++) locks[sent].publish(1);
    await sleep(5);
  }
}

await withSide(
  'sealwatch',
  async ({ port, ask }) => {
    const before = await ask('figures');
    const locks = Array.from({ length: LOCKS }, (_, i) => new Lock(i));
    const began = performance.now();
    await connectAll(locks, port, 120);
    console.log(`connected: ${locks.length} locks in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    const { rssBytes: connected } = await ask('figures');
    const { text, after } = await costOf(ask, locks, async () => {
      for (let i = 0; i < ROUNDS; i++) await round(locks, EVERY_S);
      await drain(locks);
    });
    const kib = (bytes) => ((bytes - before.rssBytes) / 1_024 / locks.length).toFixed(1);
    console.log(
      `  resident memory of the platform for each lock, KiB: ${kib(connected)} connected, ${kib(after.rssBytes)} reporting`,
    );
    console.log(
      `  (before: ${Math.round(before.rssBytes / 2 ** 20)} MiB with their trips in memory; now ${Math.round(after.rssBytes / 2 ** 20)} MiB)`,
    );
    console.log(
      `  ${Math.round(locks.length / EVERY_S)} reports/s; PUBACK ${told(spread(locks.flatMap((lock) => lock.latencies)))}\n  ${text}`,
    );
    if (after.stored !== acknowledgedBy(locks)) process.exitCode = 1;
    for (const lock of locks) lock.socket.destroy();
  },
  { LOCKS: String(LOCKS) },
);
