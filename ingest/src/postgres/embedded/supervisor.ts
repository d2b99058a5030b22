import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Binaries } from './binaries.ts';
import { inUse } from './claim.ts';
import { type ClusterPlace, SUPERVISOR_ROLE } from './cluster.ts';
import { CONNECT_PATIENCE_MS, connect, explainConnect, holder, LOCK_PATIENCE_MS, takeLock } from './lock.ts';
import { type Postmaster, startPostmaster, stopPostmaster } from './postmaster.ts';

export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const DATABASE = 'sealwatch';
export const ROLE = 'sealwatch';

/** The platform's own role and database; the role can neither create databases nor run programs. */
async function ensureDatabase(port: number, password: string): Promise<void> {
  const client = await connect({ port, user: SUPERVISOR_ROLE, password, database: 'postgres' }, CONNECT_PATIENCE_MS);
  try {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS role,
              EXISTS (SELECT FROM pg_database WHERE datname = $2) AS database`,
      [ROLE, DATABASE],
    );
    if (!rows[0]?.role) await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
    if (!rows[0]?.database) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
  } finally {
    await client.end();
  }
}

/**
 * Keeps one server alive on its port until it gets the message to stop.
 * ```
 * starting ──ready, lock taken──► running ──exit──► restarting ──ready──► running
 *                                    └──stop()──► stopping ──exit──► stopped
 * ```
 */
export class Supervisor {
  readonly #place: ClusterPlace;
  readonly #binaries: Binaries;
  readonly #password: string;
  readonly #settings: Record<string, string>;
  readonly #log: StoreLog;
  #current: Postmaster | undefined;
  #lock: pg.Client | undefined;
  #restarting: Promise<void> = Promise.resolve();
  #stopping = false;
  #release: () => void = () => undefined;

  constructor(
    place: ClusterPlace,
    binaries: Binaries,
    password: string,
    options: { settings?: Record<string, string>; log: StoreLog },
  ) {
    this.#place = place;
    this.#binaries = binaries;
    this.#password = password;
    this.#settings = options.settings ?? {};
    this.#log = options.log;
  }

  get pid(): number {
    return this.#current?.pid ?? 0;
  }

  get port(): number {
    return this.#current?.port ?? 0;
  }

  /** @param release gives the claim on the data folder back; called when the server has stopped. */
  async start(release: () => void): Promise<void> {
    this.#release = release;
    this.#watch(await startPostmaster(this.#place, this.#binaries, this.#settings));
    process.once('exit', this.#endWithProcess);
    try {
      await ensureDatabase(this.port, this.#password);
      await this.#holdLock(CONNECT_PATIENCE_MS);
    } catch (error) {
      const { pid } = this;
      await this.stop();
      throw explainConnect(error, this.#place, pid);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    process.off('exit', this.#endWithProcess);
    await this.#lock?.end().catch(() => undefined);
    await stopPostmaster(this.pid);
    await this.#restarting;
    // the one that a restart had under way
    await stopPostmaster(this.pid);
    this.#release();
  }

  /** A platform that ends without stop() still takes its server with it. */
  readonly #endWithProcess = (): void => {
    this.#current?.child.kill('SIGINT');
    this.#release();
  };

  #watch(postmaster: Postmaster): void {
    this.#current = postmaster;
    const child: ChildProcess = postmaster.child;
    child.unref();
    child.once('exit', (code, signal) => {
      if (this.#stopping) return;
      this.#log.error({ code, signal }, 'Postgres ended by itself; starting it again');
      this.#restarting = this.#restart(postmaster.port);
    });
  }

  async #restart(port: number): Promise<void> {
    for (let waitMs = 100; !this.#stopping; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        this.#watch(await startPostmaster(this.#place, this.#binaries, this.#settings, port));
        this.#log.warn({ pid: this.pid }, 'Postgres is running again');
        return;
      } catch (error) {
        this.#log.error({ err: error }, 'Postgres could not be started again');
        await sleep(waitMs, undefined, { ref: false });
      }
    }
  }

  async #holdLock(patienceMs = 0): Promise<void> {
    const login = { port: this.port, user: SUPERVISOR_ROLE, password: this.#password, database: DATABASE };
    const client = await connect(login, patienceMs);
    if (!(await takeLock(client, LOCK_PATIENCE_MS))) {
      const by = await holder(client);
      await client.end();
      throw inUse(this.#place.dataDir, by);
    }
    this.#lock = client;
    client.on('end', () => void this.#retakeLock());
  }

  /** The server ends every connection when one of its processes crashes; the platform still lives. */
  async #retakeLock(): Promise<void> {
    while (!this.#stopping) {
      await sleep(500, undefined, { ref: false });
      if (this.#stopping) return;
      const held = await this.#holdLock().then(
        () => true,
        () => false,
      );
      if (held) return;
    }
  }
}
