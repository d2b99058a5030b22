// Many bridged locks on this machine: `npm run bench:bridge`. LOCKS (2000) JT709 of JT/T 808 report every INTERVAL_S (30) for
// SECONDS (90) to a platform with its bridge inside, and an embedded database of its own. Stops by itself.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { decode, encodeFrame, Splitter, writeLocation } from '@sealwatch/bridge/codecs';

const LOCKS = Number(process.env.LOCKS ?? 2_000);
const INTERVAL_S = Number(process.env.INTERVAL_S ?? 30);
const SECONDS = Number(process.env.SECONDS ?? 90);
const CONNECTS_PER_S = 100;
const TICKS_PER_S = 100;
const MB = 1_048_576;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (sorted, p) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0).toFixed(1);

const dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
// The account of the embedded database has to enter it.
chmodSync(dataDir, 0o755);
const KEY = randomBytes(24).toString('hex');
const main = fileURLToPath(new URL('../bin/sealwatch.mjs', import.meta.url));
const platform = spawn(process.execPath, ['--max-semi-space-size=64', main, 'serve'], {
  env: {
    ...process.env,
    ...{ SEALWATCH_HTTP_PORT: '0', SEALWATCH_MQTT_PORT: '0', SEALWATCH_BRIDGE_PORT: '0', SEALWATCH_DATA_DIR: dataDir },
    ...{ SEALWATCH_BOOTSTRAP_KEY: KEY, SEALWATCH_LOG_LEVEL: 'info', DATABASE_URL: '' },
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.once('exit', () => platform.kill('SIGKILL'));

async function listening() {
  for await (const line of createInterface({ input: platform.stdout })) {
    const said = JSON.parse(line);
    if (said.msg === 'listening') return said;
  }
  throw new Error('the platform ended before it listened');
}

/** Clock ticks and resident bytes of the platform, and of the processes below it. */
function usage() {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, , , parent, ...rest] = readFileSync(`/proc/${pid}/stat`, 'latin1')
          .replace(/\(.*\)/, 'x')
          .split(' ');
        return [
          {
            pid: Number(pid),
            parent: Number(parent),
            ticks: Number(rest[9]) + Number(rest[10]),
            pages: Number(rest[19]),
          },
        ];
      } catch {
        return [];
      }
    });
  const own = all.find(({ pid }) => pid === platform.pid);
  const below = new Set([platform.pid]);
  for (let found = true; found; ) {
    found = false;
    for (const { pid, parent } of all) if (below.has(parent) && !below.has(pid)) found = below.add(pid) && true;
  }
  below.delete(platform.pid);
  const database = all.filter(({ pid }) => below.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0);
  return { ticks: own.ticks, bytes: own.pages * 4_096, database };
}

const { http, bridge } = await listening();
const wireIdOf = (i) => String(760_000_000_000 + i);
const call = async (path, body) => {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const answer = await fetch(`${http}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
};
const locks = Array.from({ length: LOCKS }, (_, i) => ({
  lockId: wireIdOf(i),
  profile: 'jointech-709',
  simulated: true,
}));
await call('/locks/import', { locks });
await sleep(2_000);
const before = usage();

const tookMs = [];
let closed = 0;
class Device {
  #serial = 0;
  #sent = new Map();
  constructor(i) {
    this.i = i;
    const splitter = new Splitter();
    this.socket = connect(Number(new URL(bridge).port), '127.0.0.1');
    this.socket
      .on('error', () => undefined)
      .on('close', () => closed++)
      .on('data', (chunk) => {
        for (const frame of splitter.push(chunk)) {
          const { message } = decode(frame);
          if (message?.type !== 'platform-reply' || !this.#sent.has(message.serial)) continue;
          tookMs.push(performance.now() - this.#sent.get(message.serial));
          this.#sent.delete(message.serial);
        }
      });
  }
  get waiting() {
    return this.#sent.size;
  }
  report() {
    const serial = this.#serial++;
    const time = new Date().toISOString().replace(/\D/g, '').slice(2, 14);
    const body = writeLocation({
      ...{ alarms: 0, status: 2, latE6: 29_306_200 + serial, lonE6: 120_075_400 + this.i, altitudeM: 9 },
      ...{ speedTenthKmh: 600, headingDeg: 90, time, tags: [{ id: 0xd4, value: Uint8Array.of(80) }] },
    });
    this.#sent.set(serial, performance.now());
    this.socket.write(encodeFrame({ id: 0x0200, flags: 0, shape: '2013', phone: wireIdOf(this.i), serial }, body));
  }
}

const devices = [];
for (let i = 0; i < LOCKS; i++) {
  const device = new Device(i);
  devices.push(device);
  device.report();
  if (i % (CONNECTS_PER_S / 10) === 0) await sleep(100);
}
for (let i = 0; i < 600 && devices.some(({ waiting }) => waiting > 0); i++) await sleep(100);
const connectedIn = tookMs.splice(0).length;
const connected = usage();

const began = performance.now();
let due = 0;
while (performance.now() - began < SECONDS * 1_000) {
  const now = Math.floor((((performance.now() - began) / 1_000) * LOCKS) / INTERVAL_S);
  for (; due < now; due++) devices[due % LOCKS].report();
  await sleep(1_000 / TICKS_PER_S);
}
const ended = usage();
for (let i = 0; i < 300 && devices.some(({ waiting }) => waiting > 0); i++) await sleep(100);
const lost = devices.reduce((sum, { waiting }) => sum + waiting, 0);
const sorted = Float64Array.from(tookMs).sort();
const share = (from, to) => `${((to - from) / SECONDS).toFixed(1)} %`;
console.log(`${LOCKS} locks, a report each every ${INTERVAL_S} s, for ${SECONDS} s`);
console.log(`connected      ${connectedIn} first reports acknowledged, ${closed} connections lost`);
console.log(`reports        ${due} sent, ${sorted.length} acknowledged on the wire, ${lost} not`);
console.log(
  `acknowledged   p50 ${percentile(sorted, 0.5)} ms, p99 ${percentile(sorted, 0.99)} ms, longest ${percentile(sorted, 1)} ms`,
);
console.log(
  `CPU            platform with its bridge ${share(connected.ticks, ended.ticks)} of a core, database ${share(connected.database, ended.database)}`,
);
console.log(
  `memory         ${(connected.bytes / MB).toFixed(0)} MB, ${((connected.bytes - before.bytes) / LOCKS / 1_024).toFixed(0)} KB a lock`,
);
for (const { socket } of devices) socket.destroy();
platform.kill('SIGTERM');
await once(platform, 'exit');
rmSync(dataDir, { recursive: true, force: true });
