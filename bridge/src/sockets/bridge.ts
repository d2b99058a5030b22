import { createServer, type Server, type Socket } from 'node:net';
import type { BridgedLock } from '@sealwatch/schemas';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { ConnectedLock, type LockDeps, type Speaking } from './bridged-lock.ts';
import { Connection, type ConnectionDeps } from './connection.ts';
import { Ledger } from './ledger.ts';
import { LIMITS, type Limits } from './limits.ts';
import { type Exchange, Register } from './locks.ts';
import { bridgeMetrics } from './metrics.ts';
import type { Wire } from './wire.ts';

export interface BridgeOptions {
  host: string;
  /** 0 chooses a free port. */
  port: number;
  /** Of the platform, e.g. `mqtt://127.0.0.1:1883`. */
  mqttUrl: string;
  /** By which the platform knows this bridge. */
  name: string;
  exchange: Exchange;
  /** How often the platform is told what is new, ms. Default 5,000. */
  exchangeEveryMs?: number;
  /** File of what has to survive a kill; absent: nothing does. */
  ledgerPath?: string | undefined;
  wire: Wire;
  registry: Registry;
  log: Logger;
  limits?: Partial<Limits>;
  answerWithinMs?: number | undefined;
  nowMs?: () => number;
}

export interface Bridge {
  port: number;
  /** Why devices are not served now; empty: they are. */
  reasons(): string[];
  /** Asks the platform for the locks anew; never rejects. */
  refresh(): Promise<void>;
  /** Stops accepting, has what was read stored and acknowledged, and ends. */
  stop(): Promise<void>;
}

const EXCHANGE_EVERY_MS = 5_000;
/** A connection that a newer one has replaced may show for so long that it lives, ms. */
const SHOW_LIFE_MS = 10_000;
const DRAIN_WITHIN_MS = 5_000;
/** The MQTT connection of a lock stays for so long after its device has gone, ms. */
const LINGER_MS = 30_000;

/** Starts the listener that locks with protocols of their own connect to. @throws what `listen` throws, e.g. EADDRINUSE */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const bridge = new RunningBridge(options);
  await bridge.listen(options);
  return bridge;
}

class RunningBridge implements Bridge {
  port = 0;
  readonly #deps: ConnectionDeps;
  readonly #lockDeps: LockDeps;
  readonly #register: Register;
  readonly #ledger: Ledger;
  readonly #limits: Limits;
  readonly #server: Server;
  readonly #locks = new Map<string, ConnectedLock>();
  readonly #lingering = new Map<ConnectedLock, NodeJS.Timeout>();
  readonly #connections = new Set<Connection>();
  readonly #ofAddress = new Map<string, number>();
  readonly #log: Logger;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #unheard: string | undefined;

  constructor({ wire, registry, log, mqttUrl, nowMs = Date.now, ...options }: BridgeOptions) {
    this.#limits = { ...LIMITS, ...options.limits };
    this.#log = log;
    this.#nowMs = nowMs;
    this.#ledger = new Ledger(options.ledgerPath);
    this.#register = new Register(options.name, options.exchange, log);
    const metrics = bridgeMetrics(registry);
    metrics.connected(() => this.#connected());
    this.#register.connected = () => this.#connected();
    this.#lockDeps = {
      ...{ wire, metrics, log, nowMs, mqttUrl },
      ledger: this.#ledger,
      listed: (lockId) => this.#register.listed(lockId),
      refresh: () => this.#register.refresh(),
      behind: (wireId) => this.#behind(wireId),
      gone: (lock) => this.#forget(lock),
      answerWithinMs: options.answerWithinMs,
    };
    this.#deps = {
      ...{ wire, metrics, log, nowMs },
      limits: this.#limits,
      admit: (connection, wireId, protocol) => this.#admit(connection, wireId, protocol),
      frame: (lockId, frame, atMs) => this.#register.frame(lockId, frame, atMs),
      closed: (connection) => this.#closed(connection),
    };
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  async listen({ host, port, exchangeEveryMs }: BridgeOptions): Promise<void> {
    await this.#tell();
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : port;
    this.#timer = setInterval(() => void this.#tell(), exchangeEveryMs ?? EXCHANGE_EVERY_MS).unref();
  }

  refresh(): Promise<void> {
    return this.#tell();
  }

  reasons(): string[] {
    return this.#register.isKnown ? [] : [`bridge: the platform has not told the locks: ${this.#unheard ?? 'not yet'}`];
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#connections].map((connection) => connection.drain(DRAIN_WITHIN_MS)));
    const locks = [...new Set([...this.#locks.values(), ...this.#lingering.keys()])];
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    await Promise.race([
      Promise.all(locks.map((lock) => lock.close(true))),
      new Promise((resolve) => setTimeout(resolve, DRAIN_WITHIN_MS).unref()),
    ]);
    await closed;
    await this.#tell();
    this.#ledger.close();
  }

  #connected(): number {
    let count = 0;
    for (const { connection } of this.#locks.values()) if (connection?.isOpen) count++;
    return count;
  }

  async #tell(): Promise<void> {
    try {
      await this.#register.refresh();
      this.#unheard = undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (this.#unheard === undefined) this.#log.warn({ why }, 'the platform cannot be told, nor asked for locks');
      this.#unheard = why;
    }
    for (const { connection, bound } of this.#locks.values()) {
      if (this.#register.isKnown && !this.#isSame(bound)) connection?.end('not-listed');
    }
  }

  /** Whether a lock is still listed as it was when it connected. */
  #isSame({ lockId, wireId, profile }: { lockId: string; wireId: string; profile: string }): boolean {
    const listed = this.#register.listed(lockId);
    return listed?.wireId === wireId && listed.profile === profile;
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const ofAddress = this.#ofAddress.get(address) ?? 0;
    const { connections, connectionsOfAddress } = this.#limits;
    if (this.#connections.size >= connections || ofAddress >= connectionsOfAddress) {
      this.#deps.metrics.refused(ofAddress >= connectionsOfAddress ? 'connections-of-address' : 'connections');
      socket.destroy();
      return;
    }
    this.#ofAddress.set(address, ofAddress + 1);
    this.#connections.add(new Connection(socket, this.#deps));
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    const left = (this.#ofAddress.get(connection.address) ?? 1) - 1;
    if (left > 0) this.#ofAddress.set(connection.address, left);
    else this.#ofAddress.delete(connection.address);
    const { lock } = connection;
    if (lock === undefined || lock.connection !== connection) return;
    lock.connection = undefined;
    lock.downlink.attach(undefined);
    // What it has sent may still wait for its PUBACK; and most come back at once.
    this.#linger(lock, LINGER_MS);
  }

  #linger(lock: ConnectedLock, forMs: number): void {
    clearTimeout(this.#lingering.get(lock));
    this.#lingering.set(lock, setTimeout(() => this.#forget(lock), forMs).unref());
  }

  /** A lock whose records come through the connection of its hub. */
  #behind(wireId: string): ConnectedLock | undefined {
    const listed = this.#register.ofWire(wireId);
    if (listed === undefined) return undefined;
    const lock = this.#lockOf(listed);
    lock.isBehindHub = true;
    if (lock.connection === undefined) this.#linger(lock, this.#limits.idleMs);
    return lock;
  }

  #forget(lock: ConnectedLock): void {
    this.#lingering.delete(lock);
    if (lock.connection !== undefined) return;
    if (this.#locks.get(lock.bound.lockId) === lock) this.#locks.delete(lock.bound.lockId);
    void lock.close(true);
  }

  /** The lock that a connection speaks for; undefined: it is turned away, without a word. */
  async #admit(connection: Connection, wireId: string, protocol: string): Promise<ConnectedLock | undefined> {
    const listed = await this.#register.find(wireId, this.#nowMs());
    // While the platform cannot say which locks there are, nobody is a stranger; a device comes again.
    if (!connection.isOpen || !this.#register.isKnown) return undefined;
    const why =
      listed === undefined ? 'unknown' : this.#register.mayComeFrom(listed, connection.address) ? undefined : 'network';
    if (listed === undefined || why !== undefined) {
      this.#deps.metrics.refused(why ?? 'unknown');
      this.#register.stranger({
        ...{ wireId, protocol, network: connection.network, why: why ?? 'unknown' },
        at: new Date(this.#nowMs()).toISOString(),
      });
      this.#log.warn({ wireId: wireId.slice(0, 40), network: connection.network, why }, 'a device was turned away');
      return undefined;
    }
    const lock = this.#lockOf(listed);
    const before = lock.connection;
    lock.connection = connection;
    clearTimeout(this.#lingering.get(lock));
    this.#lingering.delete(lock);
    if (before?.isOpen) this.#replace(lock, before, connection);
    lock.downlink.attach(connection.lineOf(lock.bound));
    return lock;
  }

  #lockOf(listed: BridgedLock): ConnectedLock {
    const known = this.#locks.get(listed.lockId);
    if (known !== undefined && known.bound.wireId === listed.wireId && known.bound.profile === listed.profile)
      return known;
    if (known !== undefined) void known.close(true);
    const lock = new ConnectedLock(listed, this.#lockDeps);
    this.#locks.set(listed.lockId, lock);
    return lock;
  }

  /** The newer connection is kept; if the one before it lives, there are two devices. */
  #replace({ bound }: ConnectedLock, before: Speaking, connection: Connection): void {
    const { lockId } = bound;
    const at = new Date(this.#nowMs()).toISOString();
    before.supersede(SHOW_LIFE_MS, () => {
      this.#deps.metrics.refused('second-connection');
      this.#log.warn({ lockId, was: before.network, came: connection.network }, 'two devices connect under one id');
      this.#register.secondConnection({ lockId, at, was: before.network, came: connection.network });
      void this.#tell();
    });
  }
}
