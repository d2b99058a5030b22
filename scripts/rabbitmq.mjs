#!/usr/bin/env node
// RabbitMQ for tests: nodes on loopback ports, with a cookie and folders of their own. Nothing is installed and no service is
// started; the nodes end with the process that started them, however it ends.
//
//   node scripts/rabbitmq.mjs [--nodes 3] [command…]   runs the command with TEST_AMQP_URL set; without one, until Ctrl-C
//
// The server is taken from SEALWATCH_RABBITMQ_HOME, from where Debian or the PATH has it, or from the cache; where there is
// none, this command unpacks Debian's packages into the cache. Tests take what is there and download nothing.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const UP_WITHIN_MS = 120_000;
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sealwatch-rabbitmq');
const ERLANG =
  'asn1 base crypto eldap ftp inets mnesia os-mon parsetools public-key runtime-tools snmp ssl syntax-tools tftp tools xmerl';
const PACKAGES = ['rabbitmq-server', ...ERLANG.split(' ').map((name) => `erlang-${name}`)];

const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));

/** The script that runs a server in the foreground; Debian's command of that name wants to be its service. */
function scriptIn(root) {
  const folder = join(root, 'usr/lib/rabbitmq/lib');
  const [version] = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('rabbitmq_server-')) : [];
  return version === undefined ? undefined : join(folder, version, 'sbin/rabbitmq-server');
}

/** @returns what to start and with which Erlang; undefined: it cannot be had without a download */
export function findRabbitmq() {
  const home = process.env.SEALWATCH_RABBITMQ_HOME;
  if (home) return { script: join(home, 'sbin/rabbitmq-server'), path: process.env.PATH ?? '' };
  const found = onPath('rabbitmq-server');
  const script = scriptIn('/') ?? (found && realpathSync(found));
  if (script !== undefined && onPath('erl') !== undefined) return { script, path: process.env.PATH ?? '' };
  const cached = scriptIn(CACHE);
  if (cached === undefined) return undefined;
  return { script: cached, path: [join(CACHE, 'usr/lib/erlang/bin'), process.env.PATH].join(delimiter) };
}

/** Unpacks Debian's packages into the cache, and lets Erlang know where it is. @throws where they cannot be had */
function unpack() {
  mkdirSync(dirname(CACHE), { recursive: true });
  const folder = mkdtempSync(`${CACHE}-`);
  const run = (command, args, cwd = folder) =>
    execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], timeout: UP_WITHIN_MS });
  try {
    const packages = join(folder, 'packages');
    mkdirSync(packages);
    try {
      run('apt-get', ['download', ...PACKAGES], packages);
    } catch {
      run('apt-get', ['update']);
      run('apt-get', ['download', ...PACKAGES], packages);
    }
    for (const name of readdirSync(packages)) run('dpkg-deb', ['-x', join(packages, name), folder]);
    rmSync(packages, { recursive: true });
    const bin = join(folder, 'usr/lib/erlang');
    const scripts = ['bin/erl', ...readdirSync(bin).map((name) => `${name}/bin/erl`)];
    for (const script of scripts.map((name) => join(bin, name)).filter((file) => existsSync(file))) {
      const text = readFileSync(script, 'utf8');
      writeFileSync(script, text.replaceAll(/^(\s*ROOTDIR=).*$/gm, `$1${CACHE}/usr/lib/erlang`));
    }
    rmSync(CACHE, { recursive: true, force: true });
    renameSync(folder, CACHE);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Runs a program whose whole process group ends with this process: the shell waits for the end of its standard input. */
function spawnBound(program, args, env) {
  const script = '"$0" "$@" <&- & while read -r _; do :; done; kill -9 -$$';
  const child = spawn('sh', ['-c', script, program, ...args], {
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  child.stdin.unref();
  const gone = once(child, 'exit');
  return {
    signal: (name) => process.kill(-child.pid, name),
    async kill() {
      child.ref();
      child.stdin.end();
      await gone;
    },
  };
}

const answers = (port, address) =>
  new Promise((resolve) => {
    const socket = connect(port, address, () => socket.destroy());
    socket.once('error', () => resolve(false));
    socket.once('close', (hadError) => resolve(!hadError));
  });

/** Whether a client could speak to it; an open port alone is not yet a node that has booted. */
async function untilUp(port, address, logs) {
  for (const giveUpMs = Date.now() + UP_WITHIN_MS; Date.now() < giveUpMs; await sleep(100)) {
    if (await answers(port, address)) return;
  }
  throw new Error(`RabbitMQ did not answer in time; its log is in ${logs}`);
}

/**
 * Starts a server of 1 node, or a cluster; with definitions (a file) it has their users, and no guest;
 * with a certificate and its key (files) it takes connections over TLS alone; with network spaces each node is in one of its own.
 * @returns `url`: of all nodes, as AMQP_URL takes it; `nodes`: each can be killed, frozen and started again
 */
export async function startRabbitmq({
  nodes: count = 1,
  definitions = undefined,
  tls = undefined,
  spaces = undefined,
} = {}) {
  const server = findRabbitmq();
  if (server === undefined) throw new Error('rabbitmq-server cannot be had here');
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-rabbitmq-'));
  writeFileSync(join(folder, '.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 });
  writeFileSync(join(folder, 'plugins'), '[].\n');
  const [epmdPort, ...ports] = await freePorts(1 + 2 * count);
  const addresses = Array.from({ length: count }, (_, i) => spaces?.addresses[i] ?? '127.0.0.1');
  const names = addresses.map((address, i) => `sealwatch${i}-${epmdPort}@${spaces ? address : 'localhost'}`);
  const config = join(folder, 'rabbitmq.conf');
  writeFileSync(
    config,
    [
      ...(count === 1
        ? []
        : [
            'cluster_formation.peer_discovery_backend = classic_config',
            ...names.map((name, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${name}`),
            'cluster_partition_handling = pause_minority',
            // A node that is cut off or frozen is given up after about so many seconds.
            'net_ticktime = 8',
          ]),
      ...(tls === undefined ? [] : [`ssl_options.certfile = ${tls.cert}`, `ssl_options.keyfile = ${tls.key}`]),
      ...(spaces === undefined ? [] : ['loopback_users = none']),
      ...(definitions === undefined ? [] : [`load_definitions = ${definitions}`]),
      '',
    ].join('\n'),
  );
  const scheme = tls === undefined ? 'amqp' : 'amqps';
  const shared = {
    PATH: server.path,
    LANG: 'C.UTF-8',
    HOME: folder,
    ERL_EPMD_PORT: String(epmdPort),
    ...(spaces ? { RABBITMQ_USE_LONGNAME: 'true' } : { ERL_EPMD_ADDRESS: '127.0.0.1' }),
  };
  const spawnAt = (i, program, env) => {
    const [command, ...args] = [...(spaces?.enter(i) ?? []), program];
    return spawnBound(command, args, env);
  };
  const epmds = (spaces ? names : [0]).map((_, i) => spawnAt(i, 'epmd', shared));
  const nodes = names.map((name, i) => {
    const [port, distributionPort, address] = [ports[2 * i], ports[2 * i + 1], addresses[i]];
    const home = join(folder, String(i));
    const own = join(home, 'rabbitmq.conf');
    mkdirSync(home);
    // A port for TLS is set in the file alone.
    const listeners = tls === undefined ? [] : ['listeners.tcp = none', `listeners.ssl.1 = ${address}:${port}`, ''];
    writeFileSync(own, readFileSync(config, 'utf8') + listeners.join('\n'));
    const env = {
      ...shared,
      RABBITMQ_NODENAME: name,
      ...(tls === undefined ? { RABBITMQ_NODE_IP_ADDRESS: address, RABBITMQ_NODE_PORT: String(port) } : {}),
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
      RABBITMQ_LOG_BASE: join(home, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_CONFIG_FILE: own,
      RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
      RABBITMQ_PID_FILE: join(home, 'pid'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `+S 1:1 +sbwt none -kernel inet_dist_use_interface {${address.replaceAll('.', ',')}}`,
    };
    let running;
    return {
      url: `${scheme}://guest:guest@${address}:${port}`,
      port,
      async start() {
        running = spawnAt(i, server.script, env);
        await untilUp(port, address, join(home, 'log'));
      },
      freeze: () => running?.signal('SIGSTOP'),
      thaw: () => running?.signal('SIGCONT'),
      async kill() {
        running?.signal('SIGCONT');
        await running?.kill();
        running = undefined;
      },
    };
  });
  const stop = async () => {
    await Promise.all([...nodes.map((node) => node.kill()), ...epmds.map((epmd) => epmd.kill())]);
    // Helpers of Erlang in sessions of their own may live, and write, a moment longer.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  try {
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: nodes.map(({ url }) => url).join(','), nodes, stop };
}

async function run(args) {
  const given = args[0] === '--nodes' ? args.splice(0, 2) : [];
  if (findRabbitmq() === undefined) {
    try {
      unpack();
    } catch (error) {
      process.stderr.write(`over RabbitMQ: skipped, rabbitmq-server cannot be had here (${error.message})\n`);
    }
  }
  const cluster = findRabbitmq() && (await startRabbitmq({ nodes: Number(given[1] ?? 1) }));
  if (cluster) process.stderr.write(`RabbitMQ: ${cluster.url}\n`);
  try {
    if (args.length === 0) await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    else {
      const [command, ...rest] = args;
      const env = cluster ? { ...process.env, TEST_AMQP_URL: cluster.url } : process.env;
      const [code] = await once(spawn(command, rest, { env, stdio: 'inherit' }), 'exit');
      process.exitCode = code ?? 1;
    }
  } finally {
    await cluster?.stop();
  }
}

if (process.argv[1] === import.meta.filename) await run(process.argv.slice(2));
