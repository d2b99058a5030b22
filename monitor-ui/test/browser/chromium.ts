import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Not the package's own: its single-process mode does not survive a WebGL2 page. */
const ARGS = [
  '--no-sandbox',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
  // In software the map's own pictures are most of the work: pages are put together, and edges left, the cheap way.
  '--disable-gpu-compositing',
  '--webgl-antialiasing-mode=none',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--font-render-hinting=none',
  '--autoplay-policy=user-gesture-required',
];

const require = createRequire(import.meta.url);
const PACKAGE = require.resolve('@sparticuz/chromium').replace(/(@sparticuz.chromium).*$/, '$1');

/** Unpacks in its own process, because the package unpacks to the temporary directory of the process it runs in. */
const UNPACK = `
  const { default: chromium } = await import('@sparticuz/chromium');
  process.stdout.write(await chromium.executablePath());
`;

/**
 * The folder of the unpacked browser. It is unpacked once per machine and version: into a private folder first, which
 * then takes its place by a rename, so that processes starting at the same time never run a half-written file.
 */
function unpacked(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const folder = join(tmpdir(), `sealwatch-chromium-${version}-${process.getuid?.() ?? 0}`);
  if (existsSync(join(folder, 'chromium'))) return folder;
  mkdirSync(tmpdir(), { recursive: true });
  const making = mkdtempSync(`${folder}-`);
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', UNPACK], {
    cwd: import.meta.dirname,
    env: { ...process.env, TMPDIR: making, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`unpacking Chromium failed: ${stderr}`);
  writeFileSync(join(making, 'fonts', 'fonts.conf'), fontsConf(folder));
  try {
    renameSync(making, folder);
  } catch {
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(join(folder, 'chromium'))) throw new Error(`could not put Chromium in ${folder}`);
  }
  return folder;
}

/** The package's own names /tmp/fonts; without any font at all Chromium crashes before a page's fonts are there. */
const fontsConf = (folder: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, 'fonts', 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts', 'cache')}</cachedir>
</fontconfig>
`;

/** A headless Chromium with WebGL2 in software. It needs nothing of the machine: its libraries come with it. */
export function launchChromium(): Promise<Browser> {
  const folder = unpacked();
  const libraries = [join(folder, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: ARGS,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraries,
      FONTCONFIG_PATH: join(folder, 'fonts'),
      HOME: process.env.HOME ?? folder,
    },
  });
}

let running: Promise<Browser> | undefined;

/** One browser for all test files of a worker: each file closes the contexts that it opens; the browser ends with the worker. */
export function sharedChromium(): Promise<Browser> {
  running ??= launchChromium();
  return running;
}

/**
 * The languages in which a page is driven: the first, and in a deep run all of them. That a word stands in both is checked without
 * a browser (texts.test.ts).
 */
export const languages = <T>(all: readonly T[]): T[] => (process.env.SEALWATCH_DEEP ? [...all] : all.slice(0, 1));

export interface View {
  width?: number;
  height?: number;
  locale?: string;
  reducedMotion?: 'reduce' | 'no-preference';
}

/** Of a page of the tests, as on a machine that draws slowly: in software a map's frames are most of what a page costs. */
const FRAMES_PER_SECOND = 5;

function drawSeldom(framesPerSecond: number): void {
  const { requestAnimationFrame: request, cancelAnimationFrame: cancel } = window;
  const asked = new Map<number, number>();
  window.requestAnimationFrame = (draw) => {
    const id = window.setTimeout(() => {
      const frame = request((nowMs) => {
        asked.delete(id);
        draw(nowMs);
      });
      asked.set(id, frame);
    }, 1_000 / framesPerSecond);
    return id;
  };
  window.cancelAnimationFrame = (id) => {
    window.clearTimeout(id);
    cancel(asked.get(id) ?? -1);
    asked.delete(id);
  };
}

/** A viewer in Shanghai; the default locale of the package makes `Intl` throw, so a locale always stands. */
export async function newView(browser: Browser, view: View = {}): Promise<BrowserContext> {
  const context = await browser.newContext({
    locale: view.locale ?? 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    viewport: { width: view.width ?? 1280, height: view.height ?? 720 },
    reducedMotion: view.reducedMotion ?? 'no-preference',
  });
  context.setDefaultTimeout(180_000);
  if (!process.env.SEALWATCH_DEEP) await context.addInitScript(drawSeldom, FRAMES_PER_SECOND);
  return context;
}

/** Keeps how a page looks now as `.screenshots/NAME.png`, for people to look at after a run that asks for it. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  if (!process.env.SEALWATCH_PICTURES && !process.env.SEALWATCH_DEEP) return;
  await page.screenshot({ path: join(import.meta.dirname, '../../../.screenshots', `${name}.png`) });
}
