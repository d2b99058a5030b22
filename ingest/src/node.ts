import { collectDefaultMetrics, Registry } from 'prom-client';
import { serveBasemap } from './basemap/served.ts';
import { bridgedOf } from './bridged.ts';
import type { Bus } from './bus/bus.ts';
import { type ApiPart, startApiPart } from './compose/api.ts';
import { startBridgePart } from './compose/bridge.ts';
import { showDoor, showWorker } from './compose/cluster-metrics.ts';
import { type Gateway, startGateway } from './compose/gateway.ts';
import { type HealthPort, startHealthPort } from './compose/health-port.ts';
import { StoredJudging } from './compose/judging.ts';
import { joinBus, type NodeRole, openRemoteDoor, startSharingWorker } from './compose/member.ts';
import { joinPair, standsByFor, waitsFor } from './compose/pair.ts';
import type { Base } from './compose/part.ts';
import { keepReports, openStore, startStore } from './compose/store.ts';
import { type Config, ConfigError, FIRST_PERSON, versionOf, WALL_DIR } from './config.ts';
import { BridgeDesk } from './locks/bridge-desk.ts';
import type { Logger } from './log.ts';
import { signInLink } from './people/sign-in.ts';
import type { ReportDoor } from './ports.ts';
import type { Fenced, Membership } from './postgres/membership.ts';
import { sealingKeyOf } from './sealing-key.ts';
import { secretBox, subkeyOf } from './secret-box.ts';
import { hasPeopleBeside } from './store/people/people.ts';
import { afterCommandEnded } from './trips/command-ended.ts';

export type { NodeRole } from './compose/member.ts';

export interface NodeDeps {
  log: Logger;
  onProgress?: (line: string) => void;
  /** Connects to the bus of the cluster as that member. */
  connectBus: (memberId: number) => Promise<Bus>;
  wallDir?: string;
  nowMs?: () => number;
  /** After so long without an answer a publish is sent again, ms. Default 5,000. */
  answerWithinMs?: number;
  /** Ends the wait of a node that stands by for a platform that is alone; `startNode` then throws its reason. */
  signal?: AbortSignal;
  /** Others have ended its membership: nothing of this node counts any more, and the process is to end. Absent: it stops. */
  onFenced?: (why: Fenced) => void;
}

/** A member of a cluster. */
export interface ClusterNode extends Partial<Gateway> {
  memberId: number;
  roles: readonly NodeRole[];
  /** Health at least, and of an API everything. */
  http: string;
  bridge?: string;
  /** It has an API, and nobody can sign in yet. */
  isNew(): Promise<boolean>;
  /** See `App`. */
  signInLink(name: string, role: Parameters<typeof signInLink>[1]['role']): Promise<string>;
  /** Hands over what it has; commits and acknowledges what is in hand. Safe to call twice. */
  stop(): Promise<void>;
}

type Undo = Base['undo'];

/**
 * Starts a member of a cluster, with one or more roles. Resolves once it does what it is for, which waits for the bus, and for a
 * platform that is alone on the database.
 * @throws DatabaseStartError, ListenError, ConfigError: each with what to do
 */
export async function startNode(config: Config, roles: readonly NodeRole[], deps: NodeDeps): Promise<ClusterNode> {
  const { log } = deps;
  const undo: Undo = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse())
      await step().catch((error) => log.error({ err: error }, 'while stopping'));
  };
  const onFenced = (why: Fenced) => {
    log.error({ why }, 'this node was found dead by the others, and may do nothing any more');
    if (deps.onFenced === undefined) void stop();
    else deps.onFenced(why);
  };
  try {
    return { ...(await compose(config, roles, { ...deps, onFenced }, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type ComposeDeps = NodeDeps & Required<Pick<NodeDeps, 'onFenced'>>;

async function compose(
  config: Config,
  roles: readonly NodeRole[],
  deps: ComposeDeps,
  undo: Undo,
): Promise<Omit<ClusterNode, 'stop'>> {
  const { log, nowMs = Date.now } = deps;
  const joined = await join(config, roles, deps, undo);
  const { base, bus, membership, reasons, health, database, storeDeps } = joined;
  const has = (role: NodeRole) => roles.includes(role);
  const state: { warnings: () => string[] } = { warnings: () => [] };
  if (has('worker')) {
    const isTurn = () =>
      !membership
        .others()
        .some((other) => other.active && other.member_id < membership.memberId && isOrMayBeWorker(other.roles));
    await keepReports(database, config, storeDeps, isTurn);
    const worker = await startSharingWorker(base, { bus, membership, nowMs });
    reasons.push(() => worker.ready());
    state.warnings = () => worker.warnings();
    showWorker(base.registry, worker);
  }
  const outside = has('gateway') || has('api') ? await startOutside(joined, roles, deps, state.warnings) : undefined;
  membership.present(roles);
  reasons.splice(0, 1);
  const { addresses, reloadTls } = outside ?? {};
  const http = addresses?.http ?? health.http;
  log.info({ roles, memberId: membership.memberId, ...addresses, http }, 'listening');
  return {
    ...addresses,
    ...(reloadTls === undefined ? {} : { reloadTls }),
    http,
    memberId: membership.memberId,
    roles,
    isNew: async () =>
      has('api') && config.bootstrapKey === undefined && !(await hasPeopleBeside(base.pool, FIRST_PERSON)),
    signInLink: async (name, role) => http + (await signInLink(base.pool, { name, role })),
  };
}

/** One that has not told its roles yet may be a worker. */
const isOrMayBeWorker = (roles: readonly string[]) => roles.length === 0 || roles.includes('worker');

interface Joined {
  base: Base;
  bus: Bus;
  membership: Membership;
  /** Why it is not ready; each says its own. The first one stands for the start. */
  reasons: (() => string[])[];
  health: HealthPort;
  database: Awaited<ReturnType<typeof openStore>>;
  storeDeps: Parameters<typeof startStore>[1];
}

/** From nothing to a member that is active and hears the others. Its health can be asked for from the beginning. */
async function join(config: Config, roles: readonly NodeRole[], deps: ComposeDeps, undo: Undo): Promise<Joined> {
  const { log, onProgress = () => undefined } = deps;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const storeDeps = { log, onProgress, registry, undo };
  const database = await openStore(config, storeDeps);
  const known: { membership?: Membership } = {};
  const starting = () => (known.membership === undefined ? ['starting'] : waitsFor(known.membership));
  const reasons = [starting];
  const health = await startHealthPort(config, {
    registry,
    reasons: () => reasons.flatMap((one) => one()),
    refusal: () =>
      known.membership?.isActive === false
        ? standsByFor(known.membership)
        : { code: 'no-api', detail: `this node of the cluster is ${roles.join(', ')}; ask one with the role api` },
  });
  undo.push(() => health.close());
  const { membership } = await joinPair(database, config, {
    ...storeDeps,
    version: versionOf(),
    signal: deps.signal ?? new AbortController().signal,
    onStandby: () => undefined,
    onFenced: deps.onFenced,
    shares: true,
    port: health,
    onJoined: (joined) => {
      known.membership = joined;
    },
  });
  const store = await startStore(database, storeDeps);
  reasons.push(() => store.reasons());
  const bus = await deps.connectBus(membership.memberId);
  // Gates and people are answered without the bus; screens and what follows from reports are late then.
  const needsBus = roles.some((role) => role !== 'api');
  if (needsBus) reasons.push(() => bus.ready());
  const { pool, gatePool } = database;
  const { hints, live } = await joinBus(bus, { log, undo });
  const sealing = sealingKeyOf(config);
  const boxes = { secretBox: secretBox(sealing), factorBox: secretBox(subkeyOf(sealing, 'second factors')) };
  const shared = { log, onProgress, registry, pool, gatePool, databaseUrl: database.url, hints, live, undo };
  const base: Base = {
    config: { ...config, httpPort: health.port },
    ...shared,
    ...boxes,
    bridged: bridgedOf(sealing),
    // It leaves at the end of the stop: its slots are others' by then.
    handOver: async () => undefined,
  };
  return { base, bus, membership, reasons, health, database, storeDeps };
}

/** What locks, people and gates connect to. */
async function startOutside(
  { base, bus, membership, reasons, health }: Joined,
  roles: readonly NodeRole[],
  { nowMs = Date.now, wallDir = WALL_DIR, answerWithinMs }: ComposeDeps,
  warnings: () => string[],
) {
  const { config, pool, hints, log, undo, registry } = base;
  const remote = await openRemoteDoor(bus, base, { nowMs, answerWithinMs });
  showDoor(registry, remote.door, () => remote.directory.unowned().length);
  const ready = () => reasons.flatMap((one) => one());
  const isApiAlone = roles.every((role) => role === 'api');
  const told = () => [...warnings(), ...(isApiAlone ? bus.ready() : [])];
  const door: ReportDoor = { receive: remote.door.receive, ready, warnings: told };
  const judging = new StoredJudging(base);
  const desk = new BridgeDesk();
  let api: ApiPart | undefined;
  if (roles.includes('api')) {
    const basemap = await serveBasemap(config.basemap).catch((error) => {
      throw new ConfigError(`SEALWATCH_BASEMAP: ${error.message}`);
    });
    api = await startApiPart(base, { judging, door, desk, simulations: undefined, basemap, wallDir });
  }
  let gateway: Partial<Gateway> & { bridge?: string } = {};
  if (roles.includes('gateway')) {
    const onCommandEnded = afterCommandEnded({ pool, hints, judging, log });
    const started = await startGateway(base, { door, onCommandEnded, memberId: membership.memberId });
    const bridge = await startBridgePart(base, { desk, judging, mqtt: started.mqtt });
    if (bridge !== undefined) reasons.push(() => bridge.reasons());
    gateway = { ...started, ...(bridge === undefined ? {} : { bridge: bridge.address }) };
  }
  // What is on its way is stored and acknowledged while the locks are still connected.
  undo.push(() => remote.drain());
  if (api !== undefined) await health.close();
  const http = api === undefined ? health.http : await api.listen();
  const { reloadTls, ...addresses } = gateway;
  return { addresses: { ...addresses, http }, reloadTls };
}
