import type { Duplex } from 'node:stream';
import { type Command, commandTopic } from '@sealwatch/schemas';
import type { Client, PublishPacket } from 'aedes';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { networkOf } from '../attempts.ts';
import type { TrustProxy } from '../trust-proxy.ts';
import { AccessCache, type LoadLockAccess } from './access-cache.ts';
import { type Authentication, authenticate } from './authenticate.ts';
import { Budget } from './budget.ts';
import { ConnectFailures } from './connect-failures.ts';
import { CONNECTION_LIMITS } from './connection-limits.ts';
import { Connections } from './connections.ts';
import { FrameGuard } from './frame-guard.ts';
import { openListeners } from './listeners.ts';
import type { LockCertificate } from './lock-certificate.ts';
import { brokerMetrics } from './metrics.ts';
import { MuteAedes } from './mute.ts';
import { refreshAll, refreshLock } from './refresh.ts';
import { Takeovers } from './takeovers.ts';
import { type ClientCertificates, readTlsFiles, type TlsFiles } from './tls-files.ts';
import { mayRead, publishRule } from './topic-rules.ts';

/** Takes a publish of a lock. `done()` sends the PUBACK, so it is called only after the COMMIT (law 1); an error closes the connection. */
export type Receive = (lockId: string, payload: Buffer, done: (error?: Error) => void) => void;

export interface BrokerOptions {
  host: string;
  /** 0 chooses a free port. */
  port: number;
  tls?: TlsFiles & {
    port: number;
    /** Whether locks bring certificates here, and over WebSocket. Default `none`. */
    clients?: ClientCertificates | undefined;
    webSocketClients?: ClientCertificates | undefined;
    /** How often its files are looked at, ms. Default 5,000. */
    lookEveryMs?: number;
  };
  /** Port of MQTT over WebSocket, with `tls` over wss; absent: none. 0 chooses a free port. */
  webSocketPort?: number | undefined;
  /** Proxies before MQTT over WebSocket that are believed; absent: none. */
  trustProxy?: TrustProxy | undefined;
  lockAccess: LoadLockAccess;
  /** A lock has brought its new secret: to be stored before it is let in. @returns false: that is no longer the new one */
  confirmSecret?: (lockId: string, hash: Buffer) => Promise<boolean>;
  /** A lock is connected that has brought this certificate. */
  broughtCertificate?: (lockId: string, certificate: LockCertificate) => void;
  report: Receive;
  reply: Receive;
  /** A lock is connected since then, epoch ms. */
  connected?: (lockId: string, connectedMs: number) => void;
  /** Called when a lock has subscribed to its commands. */
  listening?: (lockId: string) => void;
  /** Bytes of unacknowledged publishes over all locks: see Budget. */
  softBytes?: number;
  hardBytes?: number;
  registry: Registry;
  log: Logger;
}

export interface Broker {
  port: number;
  tlsPort?: number;
  webSocketPort?: number;
  /** Whether the lock is connected and has subscribed to its commands. */
  listens(lockId: string): boolean;
  /** Writes a command to its lock. False if the lock is not connected or has not subscribed. */
  deliver(lockId: string, command: Command): Promise<boolean>;
  /**
   * To be called when a lock was retired or its access has changed. Once it resolves, no connection is open and none will be
   * let in whose secret or certificate is not good now.
   */
  refreshLock(lockId: string): Promise<void>;
  /**
   * Another gateway has taken the session of a lock over: its connection here is closed, if it is the older one.
   * @param isOlder says so of the time since when it is open, epoch ms
   */
  takenOver(lockId: string, isOlder: (connectedMs: number) => boolean): void;
  /** The same of all locks, e.g. after changes that were not announced; a store that cannot be read closes nothing. */
  refreshAll(): Promise<void>;
  /** Reads the files of TLS again, if they have changed. @returns whether what is in them is used now */
  reloadTls(): Promise<boolean>;
  close(): Promise<void>;
}

const CONNECT_WITHIN_MS = 10_000;
/** How often certificates that have expired, and changes that were not announced, are looked for, ms. */
const REFRESH_EVERY_MS = 60_000;
/** How often the files of TLS are looked at, ms. */
const FILES_EVERY_MS = 5_000;
const NOTHING = Buffer.alloc(0);

interface Session {
  client: Client;
  /** Since when, epoch ms. */
  connectedMs: number;
  listening: boolean;
}

interface BrokerContext extends Authentication {
  options: BrokerOptions;
  sessions: Map<string, Session>;
}

/**
 * Starts the MQTT listener(s) that locks connect to (contract §2). Throws what `listen` throws, e.g. EADDRINUSE.
 * @throws TlsFileError
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { tls: files, log } = options;
  let tls = files && (await readTlsFiles(files));
  const context: BrokerContext = {
    options,
    access: new AccessCache(options.lockAccess),
    trust: tls?.trust,
    connections: new Connections(),
    failures: new ConnectFailures(),
    metrics: brokerMetrics(options.registry),
    sessions: new Map(),
    takeovers: new Takeovers(),
  };
  const aedes = await openAedes(context);
  const budget = new Budget(options.softBytes ?? 8 * 2 ** 20, options.hardBytes ?? 128 * 2 ** 20);
  context.metrics.waitingBytes(() => budget.bytes);
  const streams = new Set<Duplex>();
  const listeners = await openListeners({
    ...{ host: options.host, port: options.port, tlsPort: files?.port ?? 0, tls },
    clients: files?.clients ?? 'none',
    webSocketClients: files?.webSocketClients ?? 'none',
    webSocketPort: options.webSocketPort,
    trustProxy: options.trustProxy,
    refused: (stage, reason) => context.metrics.refused(stage, reason),
    accept(stream, { address, certificate, certificateRequired }) {
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      const guard = new FrameGuard(stream, CONNECTION_LIMITS, budget, (why) => context.metrics.refused('wire', why));
      aedes.handle(Object.assign(guard, { network: networkOf(address), certificate, certificateRequired }));
    },
  }).catch(async (error) => {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    throw error;
  });
  const reloadTls = async (): Promise<boolean> => {
    if (files === undefined) return false;
    try {
      const read = await readTlsFiles(files);
      if (read.digest === tls?.digest) return true;
      tls = read;
    } catch (error) {
      log.error({ err: error }, 'the files of TLS cannot be used; those before them stay in use');
      return false;
    }
    listeners.setTls(tls);
    context.trust = tls.trust;
    log.info(
      { cas: tls.trust?.cas.length, revocationLists: tls.trust?.lists.length },
      'the files of TLS were read again',
    );
    await refreshAll(context);
    return true;
  };
  const timers = [
    setInterval(() => void refreshAll(context), REFRESH_EVERY_MS).unref(),
    ...(files === undefined ? [] : [setInterval(() => void reloadTls(), files.lookEveryMs ?? FILES_EVERY_MS).unref()]),
  ];
  const { setTls: _, close: closeListeners, ...ports } = listeners;
  return {
    ...ports,
    listens: (lockId) => listenerOf(context, lockId) !== undefined,
    deliver: (lockId, command) => deliver(context, lockId, command),
    refreshLock: (lockId) => refreshLock(context, lockId),
    takenOver: (lockId, isOlder) => takenOver(context, lockId, isOlder),
    refreshAll: () => refreshAll(context),
    reloadTls,
    async close() {
      for (const timer of timers) clearInterval(timer);
      const closed = closeListeners();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      for (const stream of streams) stream.destroy();
      await closed;
    },
  };
}

async function openAedes(context: BrokerContext): Promise<MuteAedes> {
  const { options, metrics, sessions } = context;
  const aedes = new MuteAedes({
    connectTimeout: CONNECT_WITHIN_MS,
    maxTopicLevels: 8,
    preConnect(client, packet, done) {
      // No MQTT session is kept: commands wait in the database, and a lock subscribes again (CONNACK: no session present).
      packet.clean = true;
      (client.conn as FrameGuard).keepAlive(packet.keepalive ?? 0);
      packet.keepalive = 0;
      // A will that may not be published is never due: the lock is let in without it.
      if (packet.will && !publishRule(packet.clientId, packet.will.topic).allowed) {
        metrics.refused('will', 'foreign-topic');
        delete packet.will;
      }
      done(null, true);
    },
    authenticate: (client, userName, password, done) => void authenticate(context, client, userName, password, done),
    authorizePublish: (client, packet, done) => authorizePublish(context, client, packet, done),
    authorizeSubscribe(client, subscription, done) {
      if (mayRead(client.id, subscription.topic)) return done(null, subscription);
      metrics.refused('subscribe', 'foreign-topic');
      options.log.warn({ lockId: client.id, filter: subscription.topic }, 'subscription refused');
      done(null, null);
    },
  });
  await aedes.listen();
  aedes.on('clientReady', (client) => {
    // Its access has ended while its CONNACK was written.
    if (client.closed) return;
    const { certificate } = client.conn as FrameGuard;
    if (certificate !== undefined && 'lockId' in certificate && certificate.lockId === client.id) {
      options.broughtCertificate?.(client.id, certificate);
    }
    const connectedMs = Date.now();
    sessions.set(client.id, { client, connectedMs, listening: false });
    options.connected?.(client.id, connectedMs);
    metrics.connected(sessions.size);
    (client.conn as FrameGuard).opened();
  });
  aedes.on('clientDisconnect', (client) => {
    if (sessions.get(client.id)?.client === client) sessions.delete(client.id);
    metrics.connected(sessions.size);
  });
  aedes.on('subscribe', (subscriptions, client) => {
    const session = sessions.get(client.id);
    const granted = subscriptions.some((entry) => entry.topic === commandTopic(client.id) && entry.qos <= 2);
    if (!granted || session?.client !== client) return;
    session.listening = true;
    options.listening?.(client.id);
  });
  aedes.on('clientError', (client, error) => options.log.debug({ lockId: client.id, reason: error.message }, 'closed'));
  aedes.on('connectionError', (_client, error) => options.log.debug({ reason: error.message }, 'closed'));
  return aedes;
}

function authorizePublish(
  context: BrokerContext,
  client: Client | null,
  packet: PublishPacket,
  done: (error?: Error | null) => void,
): void {
  if (!client) {
    done(new Error('the platform publishes through deliver only'));
    return;
  }
  // A will has no frame of its own, so it does not count against the limits.
  const guard = packet.cmd === 'publish' ? (client.conn as FrameGuard) : undefined;
  const bytes = packet.length ?? 0;
  if ((client.conn as FrameGuard).revoked) {
    // It was read before the access ended: it is not taken, and has no PUBACK.
    context.metrics.refused('publish', 'access-ended');
    guard?.release(bytes);
    done(new Error('access-ended'));
    return;
  }
  const rule = publishRule(client.id, packet.topic);
  if (!rule.allowed) {
    context.metrics.refused('publish', rule.reason);
    context.options.log.warn({ lockId: client.id, topic: packet.topic, reason: rule.reason }, 'publish refused');
    guard?.release(bytes);
    done(new Error(rule.reason));
    return;
  }
  const began = performance.now();
  const receive = rule.kind === 'report' ? context.options.report : context.options.reply;
  receive(client.id, packet.payload as Buffer, (error) => {
    if (!error) context.metrics.acknowledged(performance.now() - began);
    // aedes keeps a QoS 2 publish until its PUBREL; it is committed, so its number alone is needed.
    if (packet.qos === 2) packet.payload = NOTHING;
    done(error ?? null);
    guard?.release(bytes);
  });
}

function takenOver(context: BrokerContext, lockId: string, isOlder: (connectedMs: number) => boolean): void {
  const session = context.sessions.get(lockId);
  if (session === undefined || !isOlder(session.connectedMs)) return;
  context.takeovers.elsewhere(lockId, Date.now());
  context.metrics.refused('session', 'taken-over');
  session.client.close();
}

function listenerOf({ sessions }: BrokerContext, lockId: string): Client | undefined {
  const session = sessions.get(lockId);
  return session?.listening && !session.client.closed ? session.client : undefined;
}

function deliver(context: BrokerContext, lockId: string, command: Command): Promise<boolean> {
  const client = listenerOf(context, lockId);
  if (client === undefined) return Promise.resolve(false);
  const packet: PublishPacket = {
    cmd: 'publish',
    topic: commandTopic(lockId),
    payload: Buffer.from(JSON.stringify(command)),
    qos: 1,
    dup: false,
    retain: false,
  };
  return new Promise((resolve) => {
    client.publish(packet, () => resolve(!client.closed));
  });
}
