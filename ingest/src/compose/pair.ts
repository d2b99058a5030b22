import { hostname } from 'node:os';
import { Gauge, type Registry } from 'prom-client';
import type { Config } from '../config.ts';
import type { Database } from '../postgres/database.ts';
import { hasMembers } from '../postgres/members.ts';
import { type Fenced, Membership } from '../postgres/membership.ts';
import { migrate, pendingMigrations } from '../postgres/migrate.ts';
import { holdOn } from '../postgres/queryable.ts';
import { sealingKeyOf } from '../sealing-key.ts';
import { fingerprintOf } from '../secret-box.ts';
import { type StandBy, startStandBy } from './stand-by.ts';
import type { StoreDeps } from './store.ts';

export interface PairDeps extends StoreDeps {
  version: string;
  /** Ends the wait of a platform that stands by. */
  signal: AbortSignal;
  onStandby: (http: string) => void;
  onFenced: (why: Fenced) => void;
}

export interface Pair {
  membership: Membership;
  /** The HTTP port that it stood by on: the API takes the same. */
  httpPort: number;
  /** Closes that port; until then it answers for its health, also while the platform starts. */
  freePort(): Promise<void>;
}

/**
 * Resolves once this platform is the active one of its database: at once if there is none. From then on it begins each
 * transaction by holding its membership.
 * @throws DatabaseStartError, ListenError; the signal's reason, if it fires before
 */
export async function joinPair(database: Database, config: Config, deps: PairDeps): Promise<Pair> {
  const { log, registry, undo } = deps;
  const { pool, gatePool, url, connections, embedded } = database;
  // The first start of this version makes the table; later changes of the schema wait until this platform is active.
  if (!(await hasMembers(pool))) await migrate(pool, log);
  const pending = await pendingMigrations(pool);
  const self = {
    name: `${hostname()} ${process.pid}`,
    version: deps.version,
    connections,
    webhookKey: fingerprintOf(sealingKeyOf(config)),
  };
  const membership = await Membership.join({ url, log, self, alone: embedded });
  undo.push(() => membership.leave());
  showMembers(membership, registry);
  membership.onFenced(deps.onFenced);
  const stoodBy = membership.isActive ? undefined : await standBy(membership, pending, config, deps);
  for (const each of [pool, gatePool]) holdOn(each, membership.hold);
  return { membership, httpPort: stoodBy?.port ?? config.httpPort, freePort: async () => stoodBy?.close() };
}

async function standBy(membership: Membership, pending: string[], config: Config, deps: PairDeps): Promise<StandBy> {
  const { log, registry, signal, undo, onStandby } = deps;
  const port = await startStandBy(config, { membership, registry });
  undo.push(() => port.close());
  const active = membership.others().find((other) => other.active);
  log.info({ http: port.http, active: active?.name, version: active?.version, pending }, 'standing by');
  onStandby(port.http);
  await membership.active(signal);
  log.warn({ from: active?.name }, 'taking over');
  return port;
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
