// The generator's hold on the process under load.
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** As package.json starts the platform. */
const EXEC_ARGV = ['--max-semi-space-size=64'];

/** Starts a side and answers what `work` makes of it; the process is gone afterwards. */
export async function withSide(name, work, env = {}) {
  const options = { env: { ...process.env, ...env }, execArgv: EXEC_ARGV };
  const server = fork(new URL('./server.mjs', import.meta.url), [name], options);
  const failed = once(server, 'exit').then(() => Promise.reject(new Error(`${name} ended before its time`)));
  failed.catch(() => undefined);
  const hear = async () => (await Promise.race([once(server, 'message'), failed]))[0];
  const ask = async (question, about) => {
    server.send({ ask: question, about });
    return (await hear()).answer;
  };
  try {
    const { port, http } = await hear();
    return await work({ port, http, ask });
  } finally {
    if (server.exitCode === null && server.connected) {
      server.send({ ask: 'stop' });
      await failed.catch(() => undefined);
    }
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** p50, p99 and the greatest of some milliseconds. */
export function spread(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

export const told = ({ count, p50, p99, max }) =>
  `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(0)} ms (${count})`;

export async function drain(locks) {
  for (let i = 0; i < 300 && locks.some((lock) => lock.waiting > 0); i++) await sleep(100);
  const missing = locks.reduce((sum, lock) => sum + lock.waiting, 0);
  if (missing > 0) throw new Error(`${missing} publishes were not acknowledged`);
}

export const acknowledgedBy = (locks) => locks.reduce((sum, lock) => sum + lock.acknowledged, 0);

/** Figures of the side before and after some work, per acknowledged publish. */
export async function costOf(ask, locks, work) {
  const [before, count] = [await ask('figures'), acknowledgedBy(locks)];
  const generator = process.cpuUsage();
  const began = performance.now();
  const result = await work();
  const after = await ask('figures');
  const spent = process.cpuUsage(generator);
  const reports = acknowledgedBy(locks) - count;
  const each = (us) => `${(us / reports).toFixed(1)} µs`;
  const waited = (after.waitedUs - before.waitedUs) / (performance.now() - began) / 10;
  const text = `CPU per report: platform ${each(after.cpuUs - before.cpuUs)}, database ${each(after.databaseCpuUs - before.databaseCpuUs)}, generator ${each(spent.user + spent.system)}; the platform had no core for ${waited.toFixed(0)} % of the time`;
  return { result, text, after };
}
