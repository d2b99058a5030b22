import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { type Command, commandTopic } from '@sealwatch/schemas';
import type { Client, PublishPacket } from 'aedes';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { networkOf } from '../attempts.ts';
import { clientAddress, type TrustProxy } from '../trust-proxy.ts';
import { type Authentication, authenticate } from './authenticate.ts';
import { Budget } from './budget.ts';
import { ConnectFailures } from './connect-failures.ts';
import { CONNECTION_LIMITS } from './connection-limits.ts';
import { FrameGuard } from './frame-guard.ts';
import { brokerMetrics } from './metrics.ts';
import { MuteAedes } from './mute.ts';
import { type LoadSecretHashes, lockSecrets } from './secrets.ts';
import { Takeovers } from './takeovers.ts';
import { mayRead, publishRule } from './topic-rules.ts';
import { webSocketServer } from './websocket.ts';

/** Takes a publish of a lock. `done()` sends the PUBACK, so it is called only after the COMMIT (law 1); an error closes the connection. */
export type Receive = (lockId: string, payload: Buffer, done: (error?: Error) => void) => void;

export interface BrokerOptions {
  host: string;
  /** 0 chooses a free port. */
  port: number;
  tls?: { port: number; certPath: string; keyPath: string };
  /** Port of MQTT over WebSocket, with `tls` over wss; absent: none. 0 chooses a free port. */
  webSocketPort?: number | undefined;
  /** Proxies before MQTT over WebSocket that are believed; absent: none. */
  trustProxy?: TrustProxy | undefined;
  secretHashes: LoadSecretHashes;
  report: Receive;
  reply: Receive;
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
  /** To be called when a lock was retired or got another secret: forgets the old one and closes its connection. */
  refreshLock(lockId: string): void;
  close(): Promise<void>;
}

const CONNECT_WITHIN_MS = 10_000;
const NOTHING = Buffer.alloc(0);

interface Session {
  client: Client;
  listening: boolean;
}

interface BrokerContext extends Authentication {
  options: BrokerOptions;
  sessions: Map<string, Session>;
}

/** Starts the MQTT listener(s) that locks connect to (contract §2). Throws what `listen` throws, e.g. EADDRINUSE. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const context: BrokerContext = {
    options,
    secrets: lockSecrets(options.secretHashes),
    failures: new ConnectFailures(),
    metrics: brokerMetrics(options.registry),
    sessions: new Map(),
    takeovers: new Takeovers(),
  };
  const aedes = await openAedes(context);
  const budget = new Budget(options.softBytes ?? 8 * 2 ** 20, options.hardBytes ?? 128 * 2 ** 20);
  context.metrics.waitingBytes(() => budget.bytes);
  const streams = new Set<Duplex>();
  const refused = (reason: string) => context.metrics.refused('wire', reason);
  const accept = (stream: Duplex, address: string | undefined) => {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    const guard = new FrameGuard(stream, CONNECTION_LIMITS, budget, refused);
    guard.network = networkOf(address);
    aedes.handle(guard);
  };
  const acceptSocket = (socket: Socket) => accept(socket.setNoDelay(true), socket.remoteAddress);
  const pair = options.tls && readPair(options.tls);
  const plain = createServer(acceptSocket);
  const secure = pair && createTlsServer(pair, acceptSocket);
  const web =
    options.webSocketPort === undefined
      ? undefined
      : webSocketServer({
          tls: pair,
          accept: (stream, request) => accept(stream, clientAddress(request, options.trustProxy)),
          refused,
        });
  const close = async () => {
    const servers = [plain, secure, web].filter((server) => server?.listening);
    const closed = servers.map((server) => new Promise<void>((resolve) => server?.close(() => resolve())));
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    for (const stream of streams) stream.destroy();
    web?.closeAllConnections();
    await Promise.all(closed);
  };
  try {
    const port = await listen(plain, options.host, options.port);
    const tlsPort = options.tls && secure ? await listen(secure, options.host, options.tls.port) : undefined;
    const webSocketPort = web && (await listen(web, options.host, options.webSocketPort ?? 0));
    return {
      port,
      ...(tlsPort === undefined ? {} : { tlsPort }),
      ...(webSocketPort === undefined ? {} : { webSocketPort }),
      listens: (lockId) => listenerOf(context, lockId) !== undefined,
      deliver: (lockId, command) => deliver(context, lockId, command),
      refreshLock(lockId) {
        context.secrets.forget(lockId);
        context.sessions.get(lockId)?.client.close();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function readPair(tls: { certPath: string; keyPath: string }) {
  return { cert: readFileSync(tls.certPath), key: readFileSync(tls.keyPath) };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
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
    sessions.set(client.id, { client, listening: false });
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
