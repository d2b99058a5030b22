import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newView, sharedChromium } from '../monitor-ui/test/browser/chromium.ts';
import { ROOT, type Running, sealwatch } from './process.ts';

interface Listening {
  http: string;
  mqtt: string;
}

/** A browser without a graphics card draws a map on every core there is, and the map costs by its size. */
const SIZE = { width: 640, height: 360 };

let dataDir: string;
let demo: Running;
let at: Listening;
let page: Page;
const faults: string[] = [];
const abroad: string[] = [];

async function start(): Promise<void> {
  demo = sealwatch(['demo'], { SEALWATCH_DATA_DIR: dataDir });
  at = await demo.line<Listening>('listening', 180_000);
}

async function stop(): Promise<number | null> {
  demo.child.kill('SIGINT');
  return demo.ended;
}

const signInLink = async () => (await demo.line<{ signIn: string }>('sign-in')).signIn;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-demo-'));
  // Where the tests run as root, the database's own account has to reach its files.
  await chmod(dataDir, 0o711);
  await start();
  page = await (await newView(await sharedChromium(), SIZE)).newPage();
  page.on(
    'console',
    (message) => message.type() === 'error' && faults.push(`${message.text()} ${message.location().url}`),
  );
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') abroad.push(request.url());
  });
});

afterAll(async () => {
  await page?.context().close();
  await stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('the demo, as a new user meets it', () => {
  it('signs a person in by the link that it prints, once', async () => {
    const link = await signInLink();
    await page.goto(link);
    expect(new URL(page.url()).pathname).toBe('/wall');
    const again = await fetch(link, { redirect: 'manual' });
    expect(again.status).toBeGreaterThanOrEqual(400);
  });

  it('shows forty trucks on the wall', async () => {
    const inTransit = page.locator('[data-count="inTransit"] dd');
    await expect
      .poll(async () => Number(await inTransit.textContent()), { timeout: 180_000 })
      .toBeGreaterThanOrEqual(38);
    const locks = await page.evaluate(
      async () => (await (await fetch('/api/v1/locks?limit=500')).json()) as { items: unknown[] },
    );
    expect(locks.items).toHaveLength(40);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    // The commands below need no screen, and a wall without a graphics card costs most of a core.
    await page.goto('about:blank');
  });
});

/** Commands whose running is what this whole test run is. */
const RUN_ELSEWHERE = ['npm ci && npm run demo', 'npm ci && npm test', 'npm start'];

const commandsOf = async (file: string) =>
  [...(await readFile(join(ROOT, file), 'utf8')).matchAll(/```sh\n([\s\S]*?)```/g)].map(
    (block) => block[1]?.trim() ?? '',
  );

/** Runs a block of the README as it stands, but for the addresses of this demo. */
async function asUser(block: string): Promise<{ code: number | null; output: string }> {
  const script = block.replaceAll('http://127.0.0.1:8080', at.http).replaceAll('mqtt://127.0.0.1:1883', at.mqtt);
  const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: { ...process.env, SEALWATCH_DATA_DIR: dataDir, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once('close', resolve)));
  return { code, output: out + err };
}

describe('the commands of the README', () => {
  it('are the same in both languages', async () => {
    expect(await commandsOf('README.zh-CN.md')).toEqual(await commandsOf('README.md'));
  });

  it('start what this test started', async () => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts.demo).toBe('node --max-semi-space-size=64 ingest/bin/sealwatch.mjs demo');
    expect(scripts.start).toBe('node --max-semi-space-size=64 ingest/bin/sealwatch.mjs serve');
  });

  it('work, every one, against the demo', async () => {
    const blocks = (await commandsOf('README.md')).filter((block) => !RUN_ELSEWHERE.includes(block));
    expect(blocks.length).toBeGreaterThanOrEqual(3);
    for (const block of blocks) {
      const { code, output } = await asUser(block);
      expect(code, `${block}\n${output}`).toBe(0);
      if (block.includes('/passages')) expect(output).toContain('"verdict"');
    }
  });
});

describe('within two minutes of its start, the demo', () => {
  it('turns a truck red on the screen, by itself', async () => {
    await page.goto(`${at.http}/wall`);
    await demo.line('truck leaves the motorway by a ramp');
    await page.locator('[data-rule="route.deviation"][data-state="open"]').first().waitFor({ timeout: 180_000 });
  });

  it('releases the clean truck at the gate and sends the red one to inspection', async () => {
    await page.locator('[data-verdict="release"]').first().waitFor({ timeout: 180_000 });
    await page.locator('[data-verdict="alarm"]').first().waitFor({ timeout: 180_000 });
  });

  it('asks nothing of any other machine and writes no error to the console', () => {
    expect(abroad).toEqual([]);
    expect(faults).toEqual([]);
  });
});

describe('stopping and starting again', () => {
  it('ends with exit code 0 on Ctrl-C', async () => {
    expect(await stop()).toBe(0);
  });

  it('goes on with the same locks and trips', async () => {
    await start();
    const line = await demo.line<{ locks: number }>('locks continue from the earlier run');
    expect(line.locks).toBe(40);
  });

  it('refuses a second platform on the same data, and says what to do', async () => {
    const second = sealwatch(['serve'], { SEALWATCH_DATA_DIR: dataDir });
    expect(await second.ended).not.toBe(0);
    expect(second.lines.join('\n')).toContain('SEALWATCH_DATA_DIR');
  });

  it('says which port is taken, and what to do', async () => {
    const other = await mkdtemp(join(tmpdir(), 'sealwatch-second-'));
    await chmod(other, 0o711);
    const second = sealwatch(['serve'], { SEALWATCH_DATA_DIR: other, SEALWATCH_HTTP_PORT: new URL(at.http).port });
    expect(await second.ended).not.toBe(0);
    expect(second.lines.join('\n')).toContain('SEALWATCH_HTTP_PORT');
    await rm(other, { recursive: true, force: true });
  });
});
