import { hostname } from 'node:os';
import { Gauge, type Registry } from 'prom-client';
import type { Config } from '../config.ts';
import type { Database } from '../postgres/database.ts';
import { hasMembers, listMembers } from '../postgres/members.ts';
import { type Fenced, Membership } from '../postgres/membership.ts';
import { migrate, pendingMigrations } from '../postgres/migrate.ts';
import { holdOn } from '../postgres/queryable.ts';
import { sealingKeyOf } from '../sealing-key.ts';
import { fingerprintOf } from '../secret-box.ts';
import { type HealthPort, startHealthPort } from './health-port.ts';
import type { StoreDeps } from './store.ts';

export interface PairDeps extends StoreDeps {
  version: string;
  /** Ends the wait of a platform that stands by. */
  signal: AbortSignal;
  onStandby: (http: string) => void;
  onFenced: (why: Fenced) => void;
  /** It is one of a cluster, and active beside the others; absent: it is active alone. */
  shares?: boolean;
  /** Where its health is asked for while it waits, and who answers there; absent: a port is opened for that. */
  port?: HealthPort;
  onJoined?: (membership: Membership) => void;
}

export interface Pair {
  membership: Membership;
  /** The HTTP port that it stood by on: the API takes the same. */
  httpPort: number;
  /** Closes that port; until then it answers for its health, also while the platform starts. */
  freePort(): Promise<void>;
}

/**
 * Resolves once this platform is active on its database: at once if none is, or where they share the fleet. From then on it begins each
 * transaction by holding its membership.
 * @throws DatabaseStartError, ListenError; the signal's reason, if it fires before
 */
export async function joinPair(database: Database, config: Config, deps: PairDeps): Promise<Pair> {
  const { log, registry, undo } = deps;
  const { pool, gatePool, url, connections, embedded } = database;
  // The first start of this version makes the table; later changes of the schema wait until this platform is active.
  if (!(await hasMembers(pool))) await migrate(pool, log);
  const shares = deps.shares ?? false;
  if (shares && !(await listMembers(pool)).some(({ active }) => active)) await migrate(pool, log);
  const pending = await pendingMigrations(pool);
  const self = {
    name: `${hostname()} ${process.pid}`,
    version: deps.version,
    connections,
    webhookKey: fingerprintOf(sealingKeyOf(config)),
  };
  const membership = await Membership.join({ url, log, self, alone: embedded, shares });
  undo.push(() => membership.leave());
  deps.onJoined?.(membership);
  showMembers(membership, registry);
  membership.onFenced(deps.onFenced);
  const stoodBy = membership.isActive ? undefined : await standBy(membership, pending, config, deps);
  for (const each of [pool, gatePool]) holdOn(each, membership.hold);
  return { membership, httpPort: stoodBy?.port ?? config.httpPort, freePort: async () => stoodBy?.close() };
}

async function standBy(membership: Membership, pending: string[], config: Config, deps: PairDeps): Promise<HealthPort> {
  const { log, registry, signal, undo, onStandby } = deps;
  const port =
    deps.port ??
    (await startHealthPort(config, {
      registry,
      reasons: () => waitsFor(membership),
      refusal: () => standsByFor(membership),
    }));
  if (deps.port === undefined) undo.push(() => port.close());
  const active = membership.others().find((other) => other.active);
  log.info({ http: port.http, active: active?.name, version: active?.version, pending }, 'standing by');
  onStandby(port.http);
  await membership.active(signal);
  log.warn({ from: active?.name }, 'taking over');
  return port;
}

/** Why a platform that is not started yet is not ready. */
export function waitsFor({ isActive, outage }: Membership): string[] {
  return [isActive ? 'starting' : 'standby', ...(outage === undefined ? [] : [`database: ${outage}`])];
}

export function standsByFor(membership: Membership): { code: string; detail: string } {
  const active = membership.others().find((other) => other.active);
  const detail = `this platform stands by${active ? ` for ${active.name}` : ''}; ask that one, or the balancer before both`;
  return { code: 'standby', detail };
}

function showMembers(membership: Membership, registry: Registry): void {
  new Gauge({
    name: 'sealwatch_members',
    help: 'Platforms of this database as this one sees them: active, and standing by',
    labelNames: ['role'],
    registers: [registry],
    collect() {
      const all = [membership.isActive, ...membership.others().map(({ active }) => active)];
      this.set({ role: 'active' }, all.filter((active) => active).length);
      this.set({ role: 'standby' }, all.filter((active) => !active).length);
    },
  });
}
