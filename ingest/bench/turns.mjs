// The longest turn of the platform's event loop while it is sent bodies that cost much for their size, by a client in a process of
// its own. Prints each; sets exit code 1 beyond the budget. Run it on a machine that has nothing else to do.
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { dist } from './ingest/declare.mjs';

const BUDGET_MS = 100;
const ROUNDS = 3;
const RESOLUTION_MS = 2;

async function serve() {
  const { startApp } = await dist('app.js');
  const { readConfig } = await dist('config.js');
  const { createLog } = await dist('log.js');
  const app = await startApp(readConfig(process.env), { log: createLog('silent') });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  process.on('message', async (word) => {
    if (word === 'stop') {
      await app.stop();
      process.disconnect();
      return;
    }
    process.send({ longestMs: delay.max / 1e6 - RESOLUTION_MS });
    delay.reset();
  });
  process.send({ http: app.http });
}

const MB = 1024 * 1024;
const filled = (unit, bytes) => unit.repeat(Math.ceil(bytes / unit.length)).slice(0, bytes);
const attributes = (n) => Array.from({ length: n }, (_, i) => ` a${i}="1"`).join('');
const members = (n) => `{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join(',')}}`;
const JSON_TYPE = 'application/json';
const GPX = 'application/gpx+xml';
const BODIES = [
  ['GPX with 700,000 attributes', 'routes/check', GPX, `<gpx${attributes(700_000)}/>`],
  ['one attribute of 4 MB', 'routes/check', GPX, `<gpx a="${filled('x', 4 * MB)}"/>`],
  ['deep XML, 2 MB', 'routes/check', 'application/vnd.google-earth.kml+xml', filled('<a>', 2 * MB)],
  ['16 MB of [', 'routes/check', JSON_TYPE, filled('[', 16 * MB)],
  ['16 MB of [ as GeoJSON', 'routes/check', 'application/geo+json', filled('[', 16 * MB)],
  ['6 MB of empty objects', 'routes/check', JSON_TYPE, `[${filled('{},', 6 * MB)}{}]`],
  ['a million members', 'routes/check', JSON_TYPE, members(1_000_000)],
  ['8 MB of locks', 'locks/import', JSON_TYPE, `{"locks":[${filled('{},', 8 * MB - 100)}{}]}`],
  ['1 MB of [ as a trip', 'trips', JSON_TYPE, filled('[', MB)],
];

async function attack() {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-turns-'));
  const key = randomBytes(24).toString('hex');
  const env = { SEALWATCH_HTTP_PORT: '0', SEALWATCH_MQTT_PORT: '0', SEALWATCH_DATA_DIR: folder };
  const platform = fork(import.meta.filename, ['serve'], {
    env: { ...process.env, ...env, SEALWATCH_BOOTSTRAP_KEY: key },
    execArgv: ['--max-semi-space-size=64'],
  });
  const [{ http }] = await once(platform, 'message');
  const longest = async () => {
    platform.send('longest');
    return (await once(platform, 'message'))[0].longestMs;
  };
  const send = async ([, path, type, body]) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': type };
    const answer = await fetch(`${http}/api/v1/${path}`, { method: 'POST', headers, body });
    await answer.text();
    return answer.status;
  };
  let most = 0;
  const measure = async (name, work) => {
    await longest();
    const status = await work();
    const ms = await longest();
    most = Math.max(most, ms);
    console.log(`${name.padEnd(32)} ${String(status).padEnd(24)} longest turn ${ms.toFixed(1)} ms`);
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const body of BODIES) await measure(body[0], () => send(body));
  }
  await measure('six of 16 MB at once', async () =>
    (await Promise.all(Array.from({ length: 6 }, () => send(BODIES[3])))).join(' '),
  );
  console.log(`the longest turn of all: ${most.toFixed(1)} ms, budget ${BUDGET_MS} ms`);
  process.exitCode = most > BUDGET_MS ? 1 : 0;
  platform.send('stop');
  await once(platform, 'exit');
  rmSync(folder, { recursive: true, force: true });
}

await (process.argv[2] === 'serve' ? serve() : attack());
