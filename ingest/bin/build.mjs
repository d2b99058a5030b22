#!/usr/bin/env node
// Builds what a checkout needs to run: the rooms' JavaScript and the wall's pages. Does nothing when both are fresh.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const STAMP = join(ROOT, 'ingest/dist/.built');
const require = createRequire(import.meta.url);

const ROOMS = ['schemas', 'geofence', 'bridge', 'ingest', 'simulator'];

const STEPS = [
  {
    name: 'server and simulator',
    inputs: ['tsconfig.base.json', 'ingest/bin/transpile.mjs', ...ROOMS.map((room) => `${room}/src`)],
    tool: 'typescript/package.json',
    program: 'ingest/bin/transpile.mjs',
    args: ROOMS,
    cwd: ROOT,
    output: 'ingest/dist/main.js',
  },
  {
    name: 'wall',
    inputs: [
      'schemas/src',
      'monitor-ui/src',
      'monitor-ui/public',
      'monitor-ui/index.html',
      'monitor-ui/vite.config.ts',
    ],
    tool: 'vite/package.json',
    bin: 'vite',
    args: ['build', '--logLevel', 'warn'],
    cwd: join(ROOT, 'monitor-ui'),
    output: 'monitor-ui/dist/index.html',
  },
];

/** The newest change below these paths, epoch ms. */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const stat = statSync(path);
    latest = Math.max(latest, stat.mtimeMs);
    if (stat.isDirectory()) latest = Math.max(latest, newest(readdirSync(path).map((name) => join(path, name))));
  }
  return latest;
}

/** The program of a step, ours or its tool's own. @throws where the tool is not installed */
function programOf({ tool, bin, program }) {
  const manifest = require.resolve(tool);
  if (program) return join(ROOT, program);
  return join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin[bin]);
}

/**
 * Where the tools are not installed (`npm prune --omit=dev`, as in the image), what was built there is what runs, whatever
 * has been touched since.
 * @throws where there is neither
 */
function canBuild(step) {
  try {
    programOf(step);
    return true;
  } catch (error) {
    if (existsSync(join(ROOT, step.output))) return false;
    const hint = 'Install the development packages (npm ci, without --omit=dev), or build before they are removed.';
    throw new Error(`the ${step.name} is not built, and cannot be built here. ${hint}`, { cause: error });
  }
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'));
  } catch {
    return {};
  }
}

/** @returns {Promise<void>} rejects with what the tool said */
async function run(step) {
  // whoever builds from a test or a development shell gets the same screens
  const env = { ...process.env, NODE_ENV: 'production' };
  const child = spawn(process.execPath, [programOf(step), ...step.args], { cwd: step.cwd, env });
  const [code, ...said] = await Promise.all([
    new Promise((resolve, reject) => child.once('error', reject).once('close', resolve)),
    text(child.stdout),
    text(child.stderr),
  ]);
  if (code !== 0) throw new Error(`building the ${step.name} failed:\n${said.join('')}`);
}

/**
 * @param {{ say?: (line: string) => void, force?: boolean }} [options] `say` is told of each step on a build
 * @returns {Promise<boolean>} whether anything was built
 */
export async function build({ say = (line) => process.stderr.write(`${line}\n`), force = false } = {}) {
  // an installed package ships what it runs and has no sources to be newer than it
  if (!existsSync(join(ROOT, 'tsconfig.json'))) return false;
  const stamp = readStamp();
  const stale = STEPS.map((step) => ({
    step,
    inputs: newest([...step.inputs, 'package-lock.json'].map((path) => join(ROOT, path))),
  })).filter(({ step, inputs }) => (force || stamp[step.name] !== inputs) && canBuild(step));
  // No step needs what another makes.
  const ends = await Promise.allSettled(
    stale.map(async ({ step, inputs }) => {
      const startMs = Date.now();
      say(`building the ${step.name} …`);
      await run(step);
      stamp[step.name] = inputs;
      say(`building the ${step.name}, done in ${((Date.now() - startMs) / 1000).toFixed(1)} s`);
    }),
  );
  if (stale.length > 0) {
    mkdirSync(dirname(STAMP), { recursive: true });
    writeFileSync(STAMP, JSON.stringify(stamp));
  }
  const failed = ends.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  return stale.length > 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    if (!(await build({ force: process.argv.includes('--force') })))
      process.stderr.write('everything is built already\n');
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
