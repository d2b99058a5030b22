import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { DatabaseStartError, errorCode } from '../database-error.ts';
import { findBinaries } from './binaries.ts';
import { claimDataFolder, inUse } from './claim.ts';
import {
  type ClusterPlace,
  checkMajor,
  clusterPassword,
  createCluster,
  placeCluster,
  SUPERVISOR_ROLE,
} from './cluster.ts';
import { CONNECT_PATIENCE_MS, connect, explainConnect, HOST, holder, LOCK_PATIENCE_MS, takeLock } from './lock.ts';
import { findRunning, type Running, stopPostmaster, untilReady } from './postmaster.ts';
import { DATABASE, ROLE, type StoreLog, Supervisor } from './supervisor.ts';

export type { StoreLog } from './supervisor.ts';

/** How long, in ms, a tool waits for the server of a platform that is starting. */
const JOIN_PATIENCE_MS = 120_000;

export interface EmbeddedOptions {
  dataDir: string;
  log: StoreLog;
  /** Told in plain words what is being done, for a person who waits. */
  onProgress?: (text: string) => void;
  /**
   * A tool beside the platform (key create, backup): uses the server that runs already instead of refusing, and starts
   * and stops one only where none runs.
   */
  beside?: boolean;
  /** Server settings over the usual ones. */
  settings?: Record<string, string>;
  /** Where root keeps what an unprivileged Postgres cannot reach otherwise. Default /var/lib/sealwatch. */
  stateFolder?: string;
}

export interface EmbeddedServer {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  /** e.g. `18.4` */
  version: string;
  /** The role that may create databases; for tests and repairs. */
  supervisor: string;
  pid: number;
  /** Folder of Postgres: the cluster and its log. */
  home: string;
  /** The data folder, where the cluster is not in it. */
  movedFrom?: string;
  /** False where a running server was joined (`beside`); stop() then leaves it alone. */
  owned: boolean;
  stop(): Promise<void>;
}

/** A server without a living platform is stopped, so that one start and one set of settings is all there is. */
async function stopLeftover(place: ClusterPlace, running: Running, password: string, log: StoreLog): Promise<void> {
  let client: pg.Client | undefined;
  try {
    if (!(await untilReady(place.cluster, running.pid))) return;
    const login = { port: running.port, user: SUPERVISOR_ROLE, password, database: DATABASE };
    client = await connect(login, CONNECT_PATIENCE_MS);
  } catch (error) {
    // killed before the database was created: nobody can be living on it
    if (errorCode(error) !== '3D000') throw explainConnect(error, place, running.pid);
  }
  try {
    if (client && !(await takeLock(client, LOCK_PATIENCE_MS))) throw inUse(place.dataDir, await holder(client));
    log.warn({ pid: running.pid }, 'a Postgres left over from a platform that was killed is being stopped');
    await stopPostmaster(running.pid);
  } finally {
    await client?.end().catch(() => undefined);
  }
}

const movedFrom = ({ movedTo, dataDir }: ClusterPlace) => (movedTo === undefined ? {} : { movedFrom: dataDir });

function joined(place: ClusterPlace, running: Running, password: string, version: string): EmbeddedServer {
  return {
    ...{ host: HOST, port: running.port, database: DATABASE, user: ROLE, password, version },
    ...{ supervisor: SUPERVISOR_ROLE, pid: running.pid, home: place.home, owned: false },
    ...movedFrom(place),
    stop: async () => undefined,
  };
}

function owned(supervisor: Supervisor, place: ClusterPlace, password: string, version: string): EmbeddedServer {
  return {
    ...{ host: HOST, port: supervisor.port, database: DATABASE, user: ROLE, password, version },
    ...{ supervisor: SUPERVISOR_ROLE, home: place.home, owned: true, stop: () => supervisor.stop() },
    ...movedFrom(place),
    get pid() {
      return supervisor.pid;
    },
  };
}

/**
 * For a tool: the server that runs, once it is ready, or a claim on the data folder if there is none. A platform that has
 * claimed the folder and is still starting its server, or starting it again, is waited for.
 */
async function joinOrClaim(place: ClusterPlace): Promise<Running | (() => void)> {
  for (const giveUpMs = performance.now() + JOIN_PATIENCE_MS; ; await sleep(200)) {
    const running = await findRunning(place.cluster);
    if (running && (await untilReady(place.cluster, running.pid))) return running;
    try {
      return await claimDataFolder(place.dataDir);
    } catch (error) {
      const passing = error instanceof DatabaseStartError && error.code === 'in-use';
      if (!passing || performance.now() > giveUpMs) throw error;
    }
  }
}

function reportMove({ movedTo, account, dataDir }: ClusterPlace, log: StoreLog): void {
  if (movedTo === undefined) return;
  log.info(
    { home: movedTo, account: account?.name },
    `running as root, and ${account?.name} cannot enter ${dataDir}: the database is kept in ${movedTo}`,
  );
}

/**
 * Starts the Postgres of a data folder, and creates it if the folder is new. While it is owned, a server that dies is started
 * again on the same port, so that pools find it.
 * @throws DatabaseStartError
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { log, onProgress = () => undefined } = options;
  const stateFolder = options.stateFolder ?? '/var/lib/sealwatch';
  const place = await placeCluster(options.dataDir, stateFolder);
  reportMove(place, log);
  const binaries = await findBinaries(place.account, stateFolder);
  const password = clusterPassword(place);
  const held = options.beside ? await joinOrClaim(place) : await claimDataFolder(place.dataDir);
  if (typeof held !== 'function') return joined(place, held, password, binaries.version);
  const release = held;
  try {
    const running = await findRunning(place.cluster);
    if (!existsSync(place.cluster)) onProgress(`setting up a new PostgreSQL ${binaries.version} in ${place.home}`);
    await createCluster(place, binaries, password);
    checkMajor(place, binaries);
    if (running) await stopLeftover(place, running, password, log);
    onProgress(`starting PostgreSQL ${binaries.version}`);
    const supervisor = new Supervisor(place, binaries, password, options);
    await supervisor.start(release);
    return owned(supervisor, place, password, binaries.version);
  } catch (error) {
    release();
    throw error;
  }
}
