import type { Role } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { type ServedBasemap, serveBasemap } from './basemap/served.ts';
import { bridgedOf } from './bridged.ts';
import { startApiPart } from './compose/api.ts';
import { startBridgePart } from './compose/bridge.ts';
import { type Gateway, startGateway } from './compose/gateway.ts';
import { StoredJudging } from './compose/judging.ts';
import { LocalHints } from './compose/local-hints.ts';
import { LocalLive } from './compose/local-live.ts';
import { joinPair } from './compose/pair.ts';
import type { Base } from './compose/part.ts';
import { keepReports, openStore, startStore } from './compose/store.ts';
import { startWorker } from './compose/worker.ts';
import { type Config, ConfigError, FIRST_PERSON, versionOf, WALL_DIR } from './config.ts';
import { BridgeDesk } from './locks/bridge-desk.ts';
import type { Logger } from './log.ts';
import { forgetKeys } from './people/principal.ts';
import { hashSecret, newApiKey } from './people/secret.ts';
import { signInLink } from './people/sign-in.ts';
import { ClaimedSlots } from './postgres/claimed-slots.ts';
import type { Fenced } from './postgres/membership.ts';
import { sealingKeyOf } from './sealing-key.ts';
import { secretBox, subkeyOf } from './secret-box.ts';
import { type Simulations, type SimulationsDeps, startSimulations } from './simulations.ts';
import { insertKey, revokeKey } from './store/people/keys.ts';
import { hasPeopleBeside } from './store/people/people.ts';
import { afterCommandEnded } from './trips/command-ended.ts';

export interface App extends Gateway {
  /** e.g. `http://127.0.0.1:8080` */
  http: string;
  /** Where locks with protocols of their own connect, e.g. `tcp://127.0.0.1:7018`; absent: nowhere. */
  bridge?: string;
  /** Nobody can sign in yet. */
  isNew(): Promise<boolean>;
  /** An address that signs one browser in, once; a person of this name is made if there is none. */
  signInLink(name: string, role: Role): Promise<string>;
  /** Where they are switched on. */
  simulations: Simulations | undefined;
  /** Stops accepting, commits what is in hand and releases everything in reverse order. Safe to call twice. */
  stop(): Promise<void>;
}

export interface AppDeps {
  log: Logger;
  /** Told in plain words what is being done, for a person who waits. */
  onProgress?: (line: string) => void;
  /** The simulator's program, if it is installed. */
  simulatorPath?: string | undefined;
  /** The built screens, where they are not in their usual place. */
  wallDir?: string;
  /** The clock by which reports are received, epoch ms; absent: the machine's. */
  nowMs?: () => number;
  /** Ends the wait of a platform that stands by; `startApp` then throws the signal's reason. */
  signal?: AbortSignal;
  /** Another platform is active on this database; this one answers for its health at `http` and waits. */
  onStandby?: (http: string) => void;
  /** Another platform has taken over: nothing of this one counts any more, and the process is to end. Absent: it stops. */
  onFenced?: (why: Fenced) => void;
}

/**
 * Composes the platform of one process: worker, API and gateway over local ports. Resolves once it accepts reports; while
 * another platform is active on the same database it stands by. What has started is stopped again if a later part cannot start.
 * @throws DatabaseStartError, ListenError: each with what to do
 */
export async function startApp(config: Config, deps: AppDeps): Promise<App> {
  const { log } = deps;
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse())
      await step().catch((error) => log.error({ err: error }, 'while stopping'));
  };
  const fenced = (why: Fenced) => {
    log.error({ why }, 'another platform has taken over');
    void stop();
  };
  try {
    return { ...(await compose(config, { onFenced: fenced, ...deps }, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(
  config: Config,
  deps: AppDeps & Required<Pick<AppDeps, 'onFenced'>>,
  undo: Base['undo'],
): Promise<Omit<App, 'stop'>> {
  const { log, onProgress = () => undefined, simulatorPath, wallDir = WALL_DIR, nowMs = Date.now } = deps;
  const basemap = await basemapOf(config);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const storeDeps = { log, onProgress, registry, undo };
  const database = await openStore(config, storeDeps);
  const { pool, gatePool } = database;
  const { membership, httpPort, freePort } = await joinPair(database, config, {
    ...storeDeps,
    version: versionOf(),
    signal: deps.signal ?? new AbortController().signal,
    onStandby: deps.onStandby ?? (() => undefined),
    onFenced: deps.onFenced,
  });
  const store = await startStore(database, storeDeps);
  await keepReports(database, config, storeDeps);
  const [hints, live] = [new LocalHints(), new LocalLive()];
  const handOver = () => membership.leave();
  const sealing = sealingKeyOf(config);
  const bridged = bridgedOf(sealing);
  const boxes = { secretBox: secretBox(sealing), factorBox: secretBox(subkeyOf(sealing, 'second factors')) };
  const shared = { log, onProgress, registry, pool, gatePool, databaseUrl: database.url, hints, live, handOver, undo };
  const base: Base = { config: { ...config, httpPort }, ...shared, ...boxes, bridged };

  const slots = await ClaimedSlots.claim({ pool, membership, log });
  undo.push(() => slots.stop());
  const worker = await startWorker(base, { slots, nowMs });
  let bridge: Awaited<ReturnType<typeof startBridgePart>>;
  const ready = () => {
    const reasons = worker.ready();
    return reasons.length > 0 ? reasons : [...store.reasons(), ...(bridge?.reasons() ?? [])];
  };
  const door = { receive: worker.receive, ready };
  let at = { http: '', mqtt: '' };
  const simulations = simulationsOf(config, simulatorPath, { log, pool, at: () => at });
  const [judging, desk] = [new StoredJudging(base), new BridgeDesk()];
  const api = await startApiPart(base, {
    judging,
    door,
    desk,
    simulations,
    basemap,
    wallDir,
  });
  const onCommandEnded = afterCommandEnded(api.useCases);
  const { reloadTls, ...gateway } = await startGateway(base, { door, onCommandEnded });
  // What is in hand is committed and acknowledged while the locks are still connected.
  undo.push(() => worker.drain());
  bridge = await startBridgePart(base, { desk, judging, mqtt: gateway.mqtt });
  await freePort();
  const own = bridge === undefined ? {} : { bridge: bridge.address };
  const addresses = { http: await api.listen(), ...gateway, ...own };
  at = addresses;
  // Simulated fleets end before their platform does.
  undo.push(async () => simulations?.close());
  log.info({ ...addresses, database: database.description }, 'listening');
  return {
    ...addresses,
    reloadTls,
    simulations,
    isNew: async () => !(await hasPeopleBeside(pool, FIRST_PERSON)) && config.bootstrapKey === undefined,
    signInLink: async (name, role) => addresses.http + (await signInLink(pool, { name, role })),
  };
}

/** @throws ConfigError naming the setting */
async function basemapOf(config: Config): Promise<ServedBasemap> {
  return serveBasemap(config.basemap).catch((error) => {
    throw new ConfigError(`SEALWATCH_BASEMAP: ${error.message}`);
  });
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
    const { key_id } = await insertKey(pool, { name, role: 'tester', keyHash: hashSecret(key), offices: null });
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
