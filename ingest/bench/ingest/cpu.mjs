// What processes cost, by the kernel's own accounting: on a machine that others use too, wall time says little.
import { readdirSync, readFileSync } from 'node:fs';

/** A tick of the kernel's process accounting, µs. */
const TICK_US = 10_000;

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Fields of /proc/PID/stat from the parent's id on; undefined where the process has gone. */
const statOf = (pid) =>
  textOf(`/proc/${pid}/stat`)
    ?.replace(/^.*\) . /s, '')
    .split(' ');

/** User and system time of every process of a database server, µs; 0 where it runs elsewhere or without /proc. */
export async function databaseCpuUs(pool) {
  const backend = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
  const postmaster = statOf(backend)?.[0];
  if (postmaster === undefined) return 0;
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(statOf);
  const own = stats.filter((fields) => fields?.[0] === postmaster);
  return own.reduce((ticks, fields) => ticks + Number(fields[10]) + Number(fields[11]), 0) * TICK_US;
}

/** How long this process's main thread was ready to run and had no core, µs; 0 without /proc. */
export function waitedUs() {
  return Number(textOf('/proc/self/schedstat')?.split(' ')[1] ?? 0) / 1_000;
}

export function cpuUs() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
