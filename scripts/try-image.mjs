#!/usr/bin/env node
// Does what deploy/Dockerfile says, without an engine: its COPY and RUN instructions in a clean copy of this checkout, then
// its ENTRYPOINT against a database server until it is ready, its HEALTHCHECK, and the stop. Run by .ci/run.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from '../ingest/bin/build.mjs';

const ROOT = join(import.meta.dirname, '..');
const READY_WITHIN_MS = 120_000;

/** The instructions of each stage, continued lines joined, comments left out. */
function stagesOf(dockerfile) {
  const stages = [];
  const lines = dockerfile
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
  for (const line of lines.filter((text) => text.trim() !== '')) {
    const [, name, value] = /^(\w+)\s+(.*)$/.exec(line);
    if (name === 'FROM') stages.push([]);
    else stages.at(-1).push({ name, value });
  }
  return stages;
}

const valuesOf = (stage, wanted) => stage.filter(({ name }) => name === wanted).map(({ value }) => value);
const listOf = (stage, wanted) => JSON.parse(valuesOf(stage, wanted).at(-1) ?? '[]');

/** What a clone of this checkout holds, new files included: .dockerignore keeps out what git does not know. */
function copyCheckout(to) {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const file of list.toString().split('\0')) {
    if (file === '' || !existsSync(join(ROOT, file))) continue;
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(ROOT, file), join(to, file));
  }
}

function copy(value, context, at) {
  const paths = value.split(/\s+/);
  const target = join(at, paths.pop());
  for (const path of paths) {
    const source = join(context, path);
    const isFolder = statSync(source).isDirectory();
    cpSync(source, isFolder ? target : join(target, basename(path)), { recursive: true });
  }
}

/** @returns the folder that stands for the root of the image */
function buildImage(stage, folder) {
  const context = join(folder, 'context');
  copyCheckout(context);
  let at = join(folder, 'image');
  for (const { name, value } of stage) {
    process.stderr.write(`${name} ${value}\n`);
    if (name === 'WORKDIR') at = join(folder, 'image', value);
    mkdirSync(at, { recursive: true });
    if (name === 'COPY') copy(value, context, at);
    const env = { ...process.env, npm_config_fund: 'false', npm_config_audit: 'false' };
    if (name === 'RUN') execFileSync('sh', ['-c', value], { cwd: at, env, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return at;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function untilReady(url, child) {
  for (const giveUpMs = Date.now() + READY_WITHIN_MS; Date.now() < giveUpMs; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`the image's program ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error('the image’s program did not become ready');
}

async function runImage(stage, at, databaseUrl, folder) {
  const settings = valuesOf(stage, 'ENV').flatMap((value) => value.split(/\s+/).map((pair) => pair.split('=')));
  const httpPort = String(await freePort());
  const env = {
    PATH: process.env.PATH,
    ...Object.fromEntries(settings),
    SEALWATCH_HOST: '127.0.0.1',
    SEALWATCH_DATA_DIR: join(folder, 'data'),
    SEALWATCH_HTTP_PORT: httpPort,
    SEALWATCH_MQTT_PORT: '0',
    DATABASE_URL: databaseUrl,
  };
  const [command, ...args] = [...listOf(stage, 'ENTRYPOINT'), ...listOf(stage, 'CMD')];
  const child = spawn(command, args, { cwd: at, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    await untilReady(`http://127.0.0.1:${httpPort}/readyz`, child);
    const wall = await fetch(`http://127.0.0.1:${httpPort}/`);
    if (!wall.ok) throw new Error(`the image's wall answers ${wall.status}`);
    const check = JSON.parse(/CMD (\[.*\])$/.exec(valuesOf(stage, 'HEALTHCHECK')[0])[1]);
    execFileSync(check[0], check.slice(1), { cwd: at, env });
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
  if (child.exitCode !== 0) throw new Error(`the image's program stopped with ${child.exitCode ?? child.signalCode}`);
}

const quiet = { info: () => {}, warn: () => {}, error: (fields, message) => console.error(message, fields) };
const [stage, image] = stagesOf(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-image-'));
chmodSync(folder, 0o711);
let server;
try {
  const at = buildImage(stage, folder);
  await build();
  const { startEmbedded } = await import('../ingest/dist/postgres/embedded/embedded.js');
  const { urlOf } = await import('../ingest/dist/postgres/database.js');
  server = await startEmbedded({ dataDir: join(folder, 'server'), log: quiet });
  await runImage(image, at, urlOf(server, server.user, server.database), folder);
  process.stderr.write('what the image holds starts, is healthy and stops\n');
} finally {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
