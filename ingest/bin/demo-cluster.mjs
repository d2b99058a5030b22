#!/usr/bin/env node
// The demo's fleet on a cluster of this machine: 2 gateways, 2 workers, 2 API nodes, 2 nodes of RabbitMQ, one PostgreSQL.
//   npm run demo:cluster      then w kills a worker, g a gateway, a an API node, b a node of RabbitMQ; q ends
// The balancer of this process reads along: which records locks were told to be stored. It looks for each of them in the database.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import mqttPacket from 'mqtt-packet';
import { findRabbitmq, startRabbitmq } from '../../scripts/rabbitmq.mjs';
import { build } from './build.mjs';

const ROOMS = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOMS, 'ingest/bin/sealwatch.mjs');
const SIMULATOR = join(ROOMS, 'simulator/dist/main.js');
const HTTP_PORT = Number(process.env.SEALWATCH_HTTP_PORT || 8080);
const MQTT_PORT = Number(process.env.SEALWATCH_MQTT_PORT || 1883);
const CHECK_EVERY_MS = 10_000;
const BROKER_DOWN_MS = 3_000;

const isChinese = /^zh/i.test(process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || '');
const WORDS = {
  missing: [
    'The cluster needs RabbitMQ, which is neither installed nor in the cache. This command unpacks it into a private folder:\n  node scripts/rabbitmq.mjs true',
    '集群需要 RabbitMQ，本机与缓存中均未找到。执行下面的命令，可将其解压到私有目录：\n  node scripts/rabbitmq.mjs true',
  ],
  keys: [
    'w: kill a worker   g: a gateway   a: an API node   b: a node of RabbitMQ   q: end',
    'w：终止一个 worker   g：gateway   a：api   b：RabbitMQ 节点   q：退出',
  ],
  killed: ['killed', '已终止'],
  back: ['runs again', '已恢复'],
  acknowledged: ['records acknowledged', '条记录已应答'],
  lost: ['of them missing in the database', '条在数据库中缺失'],
  gap: ['longest time without an acknowledgement, ms', '最长无应答时间（毫秒）'],
  wall: ['wall', '大屏'],
  signIn: ['sign in once', '一次性登录链接'],
  ends: ['ends', '正在退出'],
};
const say = (line) => process.stdout.write(`${line}\n`);
const word = (name) => WORDS[name][isChinese ? 1 : 0];

if (findRabbitmq() === undefined) {
  process.stderr.write(`${word('missing')}\n`);
  process.exit(1);
}
await build();
const dist = (path) => import(join(ROOMS, 'ingest/dist', path));
const { createPool, urlOf } = await dist('postgres/database.js');
const { startEmbedded } = await dist('postgres/embedded/embedded.js');
const { signInLink } = await dist('people/sign-in.js');

const dataDir = resolve(process.env.SEALWATCH_DATA_DIR || 'data', 'cluster');
mkdirSync(dataDir, { recursive: true });
const silent = { info() {}, warn() {}, error: (fields, text) => say(`${text} ${fields.err ?? ''}`) };
const postgres = await startEmbedded({
  dataDir,
  log: silent,
  onProgress: say,
  // Each member has up to 21 connections.
  settings: { max_connections: '200' },
});
const url = urlOf(postgres, postgres.user, postgres.database);
const rabbit = await startRabbitmq({ nodes: 2 });
const key = randomBytes(24).toString('hex');
const env = {
  ...process.env,
  DATABASE_URL: url,
  AMQP_URL: rabbit.url,
  SEALWATCH_DATA_DIR: dataDir,
  SEALWATCH_HTTP_PORT: '0',
  SEALWATCH_MQTT_PORT: '0',
  SEALWATCH_BOOTSTRAP_KEY: key,
  SEALWATCH_WEBHOOK_KEY: Buffer.alloc(32, key).toString('base64'),
};
let isEnding = false;

/** A member that is started again whenever it ends, as a supervisor does. */
class Node {
  constructor(role, name) {
    Object.assign(this, { role, name, ready: false, killed: false });
    this.start();
  }
  start() {
    this.at = undefined;
    this.child = spawn(process.execPath, [PROGRAM, this.role], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      if (line.includes('"msg":"listening"')) this.at = JSON.parse(line);
    });
    this.child.once('exit', () => {
      this.ready = false;
      this.at = undefined;
      if (!isEnding) setTimeout(() => isEnding || this.start(), 100);
    });
    void this.watch(this.child);
  }
  async watch(child) {
    while (child.exitCode === null && child.signalCode === null && !isEnding) {
      const answer = this.at && (await fetch(`${this.at.http}/readyz`).catch(() => undefined));
      this.ready = answer?.status === 200;
      if (this.ready && this.killed) {
        this.killed = false;
        say(`${this.name} ${word('back')}`);
      }
      await sleep(200);
    }
  }
}

const two = (role) => [1, 2].map((n) => new Node(role, `${role} ${n}`));
const nodes = { worker: two('worker'), gateway: two('gateway'), api: two('api') };
const all = Object.values(nodes).flat();
while (!all.every(({ ready }) => ready)) await sleep(200);

// What locks were told, by what went over their lines.
let [told, unchecked, missing, lastMs, longestMs] = [0, [], 0, performance.now(), 0];
function readAlong(lock, gateway) {
  const sent = new Map();
  let lockId;
  const [up, down] = [mqttPacket.parser(), mqttPacket.parser()];
  up.on('packet', (packet) => {
    if (packet.cmd === 'connect') lockId = packet.clientId;
    if (packet.cmd === 'publish' && packet.topic.endsWith('/report')) sent.set(packet.messageId, packet.payload);
  });
  down.on('packet', ({ cmd, messageId }) => {
    if (cmd !== 'puback' || !sent.has(messageId)) return;
    const records = [JSON.parse(sent.get(messageId).toString())].flat();
    sent.delete(messageId);
    told += records.length;
    for (const { boot, seq } of records) unchecked.push([lockId, boot, seq]);
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  });
  for (const parser of [up, down]) parser.on('error', () => undefined);
  lock.on('data', (data) => up.parse(data));
  gateway.on('data', (data) => down.parse(data));
}

/** @param choose the nodes to ask, best first */
function balance(port, choose, addressOf, tap = () => undefined) {
  const server = createServer((client) => {
    const [node] = choose().filter(({ ready }) => ready);
    client.on('error', () => undefined);
    if (node === undefined) return client.destroy();
    const upstream = connect(Number(new URL(addressOf(node)).port), '127.0.0.1');
    upstream.on('error', () => undefined);
    tap(client, upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(port, '127.0.0.1');
  return server;
}
let turn = 0;
const http = balance(
  HTTP_PORT,
  () => nodes.api,
  ({ at }) => at.http,
);
const mqtt = balance(
  MQTT_PORT,
  () => (turn++ % 2 ? nodes.gateway : [...nodes.gateway].reverse()),
  ({ at }) => at.mqtt,
  readAlong,
);

const pool = createPool({ connectionString: url }, silent, { max: 2 });
async function check() {
  const some = unchecked.splice(0);
  const columns = [0, 1, 2].map((i) => some.map((record) => record[i]));
  const { rows } = await pool
    .query(
      `SELECT count(*)::int AS n FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS x(lock_id, boot, seq)
     WHERE NOT EXISTS (SELECT FROM all_reports r JOIN locks l USING (lock_no)
       WHERE l.lock_id = x.lock_id AND r.boot = x.boot AND r.number_seq = x.seq)`,
      columns,
    )
    .catch((error) => {
      unchecked.unshift(...some);
      throw error;
    });
  missing += rows[0].n;
  say(`${told} ${word('acknowledged')}, ${missing} ${word('lost')}; ${word('gap')}: ${Math.round(longestMs)}`);
  longestMs = 0;
}

const at = `http://127.0.0.1:${HTTP_PORT}`;
say(
  `\n  ${word('wall')}: ${at}/wall\n  ${word('signIn')}: ${at}${await signInLink(pool, { name: 'demo', role: 'admin' })}\n`,
);
say(`  ${word('keys')}\n`);
const fleetArgs = ['demo', '--http', at, '--mqtt', `mqtt://127.0.0.1:${MQTT_PORT}`, '--state', join(dataDir, 'demo')];
const fleet = spawn(process.execPath, [SIMULATOR, 'simulate', ...fleetArgs], {
  env: { ...process.env, SEALWATCH_KEY: key },
  stdio: ['pipe', 'ignore', 'inherit'],
});
const timer = setInterval(() => void check().catch((error) => say(String(error))), CHECK_EVERY_MS);

function kill(role) {
  const running = nodes[role].filter(({ ready }) => ready);
  const node = running[Math.floor(Math.random() * running.length)];
  if (node === undefined) return;
  node.killed = true;
  node.ready = false;
  node.child.kill('SIGKILL');
  say(`${node.name} ${word('killed')}`);
}
let brokerTurn = 0;
async function killBroker() {
  const number = brokerTurn++ % rabbit.nodes.length;
  const node = rabbit.nodes[number];
  await node.kill();
  say(`RabbitMQ ${number + 1} ${word('killed')}`);
  await sleep(BROKER_DOWN_MS);
  await node.start();
  say(`RabbitMQ ${number + 1} ${word('back')}`);
}
async function end() {
  if (isEnding) return;
  isEnding = true;
  say(word('ends'));
  clearInterval(timer);
  fleet.kill('SIGTERM');
  for (const { child } of all) child.kill('SIGTERM');
  await Promise.all(
    all.map(({ child }) => child.exitCode ?? child.signalCode ?? new Promise((done) => child.once('exit', done))),
  );
  for (const server of [http, mqtt]) server.close();
  await check().catch((error) => say(String(error)));
  await rabbit.stop();
  await pool.end();
  await postgres.stop();
  process.exit(missing + unchecked.length > 0 ? 1 : 0);
}
const KEYS = {
  w: () => kill('worker'),
  g: () => kill('gateway'),
  a: () => kill('api'),
  b: () => void killBroker(),
  q: end,
};
if (process.stdin.isTTY) process.stdin.setRawMode(true);
process.stdin.on('data', (data) => {
  for (const letter of data.toString())
    (letter === '\u0003' ? end : Object.hasOwn(KEYS, letter) ? KEYS[letter] : () => undefined)();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void end());
fleet.once('exit', () => void end());
