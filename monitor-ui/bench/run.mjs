// What the wall costs the machine it hangs on: `npm run bench:wall`. 50,000 locks, 10,000 changes a second, in a headless
// Chromium that draws in software; figures of the main thread and of the heap are those of a wall with a graphics card,
// figures of the GPU process are not. LOCKS, TRIPS, CHANGES, SECONDS, COMPRESSED_S, WIDTH, HEIGHT change the run.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, createServer } from 'vite';

const LOCKS = Number(process.env.LOCKS ?? 50_000);
const TRIPS = Number(process.env.TRIPS ?? 5_000);
const CHANGES_PER_S = Number(process.env.CHANGES ?? 10_000);
const SECONDS = Number(process.env.SECONDS ?? 15);
/** Time that passes 20 times as fast as the clock; 90 s are half an hour. */
const COMPRESSED_S = Number(process.env.COMPRESSED_S ?? 30);
const PACE = 20;
const REDS = Number(process.env.REDS ?? 10);
const SIZE = { width: Number(process.env.WIDTH ?? 1280), height: Number(process.env.HEIGHT ?? 720) };
const ROOM = join(import.meta.dirname, '..');
/** Open sea: no other truck is there to cover or to be red. */
const SEA = { lon: 124.6, lat: 31.2 };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const percentile = (values, p) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
};
const say = (what, value, limit) =>
  console.log(`${what.padEnd(58)}${String(value).padStart(12)}${limit ? `   limit ${limit}` : ''}`);
const gzipped = (path) => gzipSync(readFileSync(path)).length;

/** Runs in the page before anything else of it: how long each frame takes, and when the first red pixel stands. */
function probe() {
  window.framesMs = [];
  window.reds = [];
  const { set, get } = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
  Object.defineProperty(WebSocket.prototype, 'onmessage', {
    get,
    set(handler) {
      set.call(this, (event) => {
        const beganMs = performance.now();
        handler.call(this, event);
        // The client library hands a message on in a microtask, which was queued before this one.
        if (typeof event.data !== 'string') queueMicrotask(() => window.framesMs.push(performance.now() - beganMs));
      });
    },
  });
  const draw = WebGL2RenderingContext.prototype.drawArraysInstanced;
  WebGL2RenderingContext.prototype.drawArraysInstanced = function (...args) {
    draw.apply(this, args);
    if (!window.redSinceMs) return;
    const { width, height } = this.canvas;
    const pixels = new Uint8Array(width * height * 4);
    this.readPixels(0, 0, width, height, this.RGBA, this.UNSIGNED_BYTE, pixels);
    for (let i = 0; i < pixels.length; i += 4) {
      if (pixels[i] < 200 || pixels[i + 1] > 90 || pixels[i + 3] < 250) continue;
      window.reds.push(Date.now() - window.redSinceMs);
      window.redSinceMs = 0;
      return;
    }
  };
}

async function open(browser, newView, url) {
  const page = await (await newView(browser, SIZE)).newPage();
  const scripts = new Set();
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (/\.m?js$/.test(pathname)) scripts.add(pathname);
  });
  await page.addInitScript(probe);
  await page.goto(`${url}/wall`);
  await page.waitForFunction(() => document.querySelector('[data-count="inTransit"] dd')?.textContent !== '–');
  await sleep(5_000);
  const cdp = await page.context().newCDPSession(page);
  // In CPU time of the thread, so that what else the machine does is not counted.
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const metrics = async () =>
    Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map(({ name, value }) => [name, value]));
  const heapMb = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    return (await metrics()).JSHeapUsedSize / 1e6;
  };
  return { page, scripts, metrics, heapMb };
}

/** The share of the time at which the main thread works, and what a frame of positions takes. */
async function live({ page, metrics }) {
  await page.evaluate(() => {
    window.framesMs = [];
  });
  const [before, fromMs] = [await metrics(), performance.now()];
  await sleep(SECONDS * 1_000);
  const after = await metrics();
  const share = (after.TaskDuration - before.TaskDuration) / ((performance.now() - fromMs) / 1_000);
  const framesMs = await page.evaluate(() => window.framesMs);
  say('main thread, CPU time', `${(share * 100).toFixed(1)} %`, '5 %');
  say(
    `a frame of ${CHANGES_PER_S / 2} changes, p50 / p95`,
    `${percentile(framesMs, 0.5).toFixed(1)} / ${percentile(framesMs, 0.95).toFixed(1)} ms`,
    '3 ms p95',
  );
}

async function redPixels({ page }, platform) {
  for (let i = 0; i < REDS; i++) {
    platform.send({ alarm: { ...SEA, red: false } });
    // At some other moment between two pictures each time.
    await sleep(600 + (i % 7) * 37);
    await page.evaluate(() => {
      window.redSinceMs = Date.now();
    });
    platform.send({ alarm: { ...SEA, red: true } });
    await page.waitForFunction((n) => window.reds.length > n, i, { timeout: 60_000, polling: 50 });
  }
  platform.send({ alarm: { ...SEA, red: false } });
  const reds = await page.evaluate(() => window.reds);
  say(
    `alarm sent to red pixel, p50 / p95 of ${REDS}`,
    `${percentile(reds, 0.5)} / ${percentile(reds, 0.95)} ms`,
    '300 ms p95',
  );
}

async function compressed({ page, heapMb }, platform) {
  const heaps = [await heapMb()];
  platform.send({ pace: PACE });
  for (let i = 0; i < 3; i++) {
    await sleep((COMPRESSED_S * 1_000) / 3);
    heaps.push(await heapMb());
  }
  platform.send({ pace: 1 });
  const minutes = Math.round((COMPRESSED_S * PACE) / 60);
  say(`heap over ${minutes} min of compressed time`, heaps.map((mb) => mb.toFixed(0)).join(' '), '150 MB, flat');
  say('elements in the document', await page.evaluate(() => document.querySelectorAll('*').length));
}

const dist = mkdtempSync(join(tmpdir(), 'sealwatch-bench-'));
await build({
  root: ROOM,
  configFile: join(ROOM, 'vite.config.ts'),
  logLevel: 'error',
  build: { outDir: dist, emptyOutDir: true },
});
const loader = await createServer({
  root: ROOM,
  configFile: false,
  server: { middlewareMode: true, ws: false },
  appType: 'custom',
  logLevel: 'error',
});
const { launchChromium, newView } = await loader.ssrLoadModule('/test/browser/chromium.ts');
const platform = fork(join(import.meta.dirname, 'platform.mjs'), [dist, LOCKS, TRIPS, CHANGES_PER_S].map(String));
const [{ url }] = await once(platform, 'message');
const browser = await launchChromium();
try {
  console.log(
    `${LOCKS} locks, ${TRIPS} trips, ${CHANGES_PER_S} changes/s, ${SIZE.width}×${SIZE.height}, ${cpus().length} cores, no GPU, load ${loadavg()[0].toFixed(1)}\n`,
  );
  const wall = await open(browser, newView, url);
  await live(wall);
  await redPixels(wall, platform);
  await compressed(wall, platform);
  const scripts = [...wall.scripts].reduce((sum, path) => sum + gzipped(join(dist, path)), 0);
  say('scripts of the first load, gzipped', `${(scripts / 1_000).toFixed(0)} kB`, '600 kB');
  const basemap = readdirSync(join(dist, 'basemap')).reduce(
    (sum, name) => sum + gzipped(join(dist, 'basemap', name)),
    0,
  );
  say('base map, gzipped', `${(basemap / 1e6).toFixed(2)} MB`, '1.5 MB');
} finally {
  await browser.close();
  await loader.close();
  if (platform.connected) platform.disconnect();
  rmSync(dist, { recursive: true, force: true });
}
