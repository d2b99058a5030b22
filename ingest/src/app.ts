import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { startEscalation } from './alarms/escalation.ts';
import { startApi } from './api/server.ts';
import { signInLink } from './api/session.ts';
import { serveBasemap } from './basemap/served.ts';
import { type Broker, startBroker } from './broker/broker.ts';
import { startCommands } from './commands/commands.ts';
import { type Config, ConfigError, WALL_DIR } from './config.ts';
import { startFeed } from './feed/feed.ts';
import { startIntake } from './intake/intake.ts';
import { ListenError } from './listen.ts';
import type { Logger } from './log.ts';
import { forgetKeys } from './people/principal.ts';
import { hashSecret, newApiKey } from './people/secret.ts';
import { openDatabase } from './postgres/database.ts';
import { migrate } from './postgres/migrate.ts';
import { startReportKeeper } from './postgres/partitions.ts';
import { showPools } from './postgres/pool-gauge.ts';
import { startPulse } from './postgres/pulse.ts';
import { type Simulations, type SimulationsDeps, startSimulations } from './simulations.ts';
import { insertKey, revokeKey } from './store/people/keys.ts';
import { hasPeople } from './store/people/people.ts';
import { lockSecretHashes } from './store/reports/roster.ts';
import { RULES } from './tracker/index.ts';
import { addressRule } from './webhooks/address.ts';
import { keyOfFile, secretBox } from './webhooks/secret-box.ts';
import { startWebhooks } from './webhooks/webhooks.ts';

/** Changes with every build of the wall, so that a screen left from another one reloads itself. */
function wallBuild(wallDir: string): string {
  const page = join(wallDir, 'index.html');
  return existsSync(page) ? createHash('sha256').update(readFileSync(page)).digest('hex').slice(0, 12) : 'none';
}

export interface App {
  /** e.g. `http://127.0.0.1:8080` */
  http: string;
  mqtt: string;
  mqtts?: string;
  mqttWebSocket?: string;
  /** Nobody can sign in yet. */
  isNew(): Promise<boolean>;
  /** An address that signs one browser in, once. */
  signInLink(name: string, role: Role): Promise<string>;
  /** Where they are switched on. */
  simulations: Simulations | undefined;
  /** Stops accepting, commits what is in hand, lets go of everything in reverse. Safe to call twice. */
  stop(): Promise<void>;
}

export interface AppDeps {
  log: Logger;
  /** Told in plain words what is being done, for a person who waits. */
  onProgress?: (line: string) => void;
  /** The simulator's program, where it is installed. */
  simulatorPath?: string | undefined;
  /** The built screens, where they are not in their usual place. */
  wallDir?: string;
}

/**
 * Composes the platform, in the order in which a report flows. What has started is stopped again where a later part
 * cannot start.
 * @throws DatabaseStartError, ListenError: each with what to do
 */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const { log } = deps;
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse())
      await step().catch((error) => log.error({ err: error }, 'while stopping'));
  };
  try {
    return { ...(await compose(config, deps, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(
  config: Config,
  { log, onProgress = () => undefined, simulatorPath, wallDir = WALL_DIR }: AppDeps,
  undo: (() => Promise<unknown>)[],
): Promise<Omit<App, 'stop'>> {
  const basemap = await serveBasemap(config.basemap).catch((error) => {
    throw new ConfigError(`SEALWATCH_BASEMAP: ${error.message}`);
  });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const database = await openDatabase({ ...config, log, onProgress });
  undo.push(() => database.stop());
  const { pool, gatePool } = database;
  showPools({ main: pool, gate: gatePool }, registry);
  onProgress(`database: ${database.description}`);
  const migrations = await migrate(pool, log);
  if (migrations.length > 0) onProgress(`schema: ${migrations.length} migrations applied`);
  const { retentionDays } = config;
  const keeping = { log, now: Date.now, ...(retentionDays === undefined ? {} : { retentionDays }) };
  const keeper = await startReportKeeper(pool, keeping);
  undo.push(() => keeper.stop());

  const intake = await startIntake({ pool, registry, log, onProgress });
  const pulse = startPulse(database.url, log);
  undo.push(() => pulse.stop());
  const ready = () => {
    const reasons = intake.ready();
    return reasons.length > 0 ? reasons : pulse.reasons();
  };

  // Commands are written by the broker, and locks' replies come back through it: it is bound once both exist.
  let broker: Broker | undefined;
  const commands = startCommands({
    pool,
    log,
    listens: (lockId) => broker?.listens(lockId) ?? false,
    deliver: async (lockId, command) => (await broker?.deliver(lockId, command)) ?? false,
  });
  undo.push(() => commands.stop());

  const build = wallBuild(wallDir);
  const feed = await startFeed({ pool, intake: { ready }, log, config: { bootstrapKey: config.bootstrapKey, build } });
  intake.onCommitted((committed) => feed.committed(committed));

  const escalation = await startEscalation({ pool, log, feed, times: config.calls, registry });
  undo.push(() => escalation.stop());
  feed.onAlarm((alarm) => escalation.watchAlarm(alarm));

  const webhooks = startWebhooks({
    pool,
    log,
    secrets: secretBox(keyOfFile(join(config.dataDir, 'webhooks.key'))),
    rule: addressRule(config.webhookNetworks),
    registry,
  });
  undo.push(() => webhooks.stop());

  let at = { http: '', mqtt: '' };
  const simulations = simulationsOf(config, simulatorPath, { log, pool, at: () => at });

  const api = await startApi({
    pool,
    gatePool,
    simulations,
    intake: {
      ready,
      receive: (lockId, payload, done) => intake.receive(lockId, payload, done),
      refreshTrips: (tripIds) => intake.refreshTrips(tripIds),
      refreshPlaces: () => intake.refreshPlaces(),
      refreshLock: async (lockId) => {
        await intake.refreshLock(lockId);
        broker?.refreshLock(lockId);
      },
    },
    feed,
    commands: { wake: (lockId) => void commands.deliverDue(lockId), onEnded: (listener) => commands.onEnded(listener) },
    config: { bootstrapKey: config.bootstrapKey, wallDir, basemap },
    log,
    registry,
    webhooks,
    escalation,
    ruleText: (rule) => RULES.find((known) => known.rule === rule)?.text,
  });
  feed.attach(api.server);
  // The live feed's sockets end first: while one is open, the server does not close.
  undo.push(() => api.close());
  undo.push(() => feed.close());

  broker = await startBroker({
    host: config.host,
    port: config.mqttPort,
    ...(config.tls ? { tls: { port: config.mqttsPort, ...config.tls } } : {}),
    webSocketPort: config.mqttWebSocketPort,
    secretHashes: (lockIds) => lockSecretHashes(pool, lockIds),
    report: (lockId, payload, done) => intake.receive(lockId, payload, done),
    reply: (lockId, payload, done) => commands.receiveReply(lockId, payload, done),
    listening: (lockId) => void commands.reconnected(lockId),
    registry,
    log,
  }).catch((error: { port?: number }) => {
    const others = new Map([
      [config.mqttsPort, 'SEALWATCH_MQTTS_PORT'],
      [config.mqttWebSocketPort, 'SEALWATCH_MQTT_WS_PORT'],
    ]);
    const port = error.port ?? config.mqttPort;
    throw ListenError.from(error, 'MQTT', port, others.get(port) ?? 'SEALWATCH_MQTT_PORT');
  });
  // What is in hand is committed and acknowledged while the locks are still connected.
  undo.push(() => (broker as Broker).close());
  undo.push(() => intake.stop());

  const http = await api.listen({ host: config.host, port: config.httpPort }).catch((error) => {
    throw ListenError.from(error, 'HTTP', config.httpPort, 'SEALWATCH_HTTP_PORT');
  });
  const addresses = {
    http,
    mqtt: `mqtt://${config.host}:${broker.port}`,
    ...(broker.tlsPort === undefined ? {} : { mqtts: `mqtts://${config.host}:${broker.tlsPort}` }),
    ...(broker.webSocketPort === undefined
      ? {}
      : { mqttWebSocket: `${config.tls ? 'wss' : 'ws'}://${config.host}:${broker.webSocketPort}` }),
  };
  at = addresses;
  // Fleets leave before their platform does.
  undo.push(async () => simulations?.close());
  log.info({ ...addresses, database: database.description }, 'listening');
  return {
    ...addresses,
    simulations,
    isNew: async () => !(await hasPeople(pool)) && config.bootstrapKey === undefined,
    signInLink: async (name, role) => http + (await signInLink(pool, { name, role })),
  };
}

/** @throws ConfigError where the simulator is switched on and not installed */
function simulationsOf(
  config: Config,
  path: string | undefined,
  { pool, ...deps }: Pick<SimulationsDeps, 'log' | 'at'> & { pool: Pool },
): Simulations | undefined {
  if (!config.simulator) return undefined;
  if (path === undefined) throw new ConfigError('SEALWATCH_SIMULATOR: the simulator is not installed here');
  const lendKey = async (name: string) => {
    const key = newApiKey();
    const { key_id } = await insertKey(pool, { name, role: 'tester', keyHash: hashSecret(key), offices: [] });
    return {
      key,
      end: async () => {
        await revokeKey(pool, key_id);
        forgetKeys(pool);
      },
    };
  };
  return startSimulations({ ...deps, path, lendKey });
}
