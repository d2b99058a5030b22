import type { Pool } from 'pg';
import { type Broker, startBroker } from '../broker/broker.ts';
import type { LockCertificate } from '../broker/lock-certificate.ts';
import { startCommands } from '../commands/commands.ts';
import type { Config } from '../config.ts';
import { ListenError } from '../listen.ts';
import type { Logger } from '../log.ts';
import type { ReportDoor } from '../ports.ts';
import { isoOf } from '../postgres/iso.ts';
import { listenTo } from '../postgres/notices.ts';
import { confirmSecret, lockAccess, noteCertificate } from '../store/locks/access.ts';
import type { Base } from './part.ts';
import { Sessions } from './sessions.ts';

export interface GatewayDeps {
  door: ReportDoor;
  /** After the COMMIT of a lock's reply that ended a command. */
  onCommandEnded(ended: { commandId: string; result: string }): void;
  /** Of a gateway among others, which take sessions over from each other; absent: it is the only one. */
  memberId?: number;
}

export interface Gateway {
  /** e.g. `mqtt://127.0.0.1:1883` */
  mqtt: string;
  mqtts?: string;
  mqttWebSocket?: string;
  /** Reads the files of TLS again. @returns whether what is in them is used now */
  reloadTls(): Promise<boolean>;
}

/** The part that locks connect to: MQTT in, commands out. @throws ListenError */
export async function startGateway(
  { config, log, registry, pool, hints, secretBox, databaseUrl, undo }: Base,
  { door, onCommandEnded, memberId }: GatewayDeps,
): Promise<Gateway> {
  const sessions = memberId === undefined ? undefined : new Sessions(hints, memberId, log);
  const commands = startCommands({ pool, secretBox, log });
  undo.push(() => commands.stop());
  commands.onEnded(onCommandEnded);
  const broker = await startBroker({
    host: config.host,
    port: config.mqttPort,
    ...(config.tls ? { tls: { port: config.mqttsPort, ...config.tls } } : {}),
    webSocketPort: config.mqttWebSocketPort,
    trustProxy: config.trustProxy,
    lockAccess: (lockIds) => lockAccess(pool, lockIds),
    confirmSecret: (lockId, hash) => confirmSecret(pool, lockId, hash),
    report: (lockId, payload, done) => door.receive(lockId, payload, done),
    reply: (lockId, payload, done) => commands.receiveReply(lockId, payload, done),
    connected: (lockId, connectedMs) => sessions?.connected(lockId, connectedMs),
    listening: (lockId) => void commands.reconnected(lockId),
    broughtCertificate: (lockId, certificate) => void noted(pool, log, lockId, certificate),
    registry,
    log,
  }).catch((error: { port?: number }) => {
    throw listenError(error, config);
  });
  undo.push(() => broker.close());
  commands.connect(broker);
  sessions?.connect(broker);
  const listener = listenTo(databaseUrl, 'sealwatch_lock_access', log, {
    heard: (lockId) => void broker.refreshLock(lockId),
    // What was said meanwhile nobody has heard.
    opened: () => void broker.refreshAll(),
  });
  undo.push(() => listener.stop());
  const deliver = ({ lockIds }: { lockIds: string[] }) => {
    for (const lockId of lockIds) void commands.deliverDue(lockId);
  };
  hints.on('commands', deliver);
  hints.on('judged', deliver);
  // Who has ended the access of a lock is answered when its connections are closed.
  hints.on('locks', async ({ lockIds }) => {
    await Promise.all(lockIds.map((lockId) => broker.refreshLock(lockId)));
  });
  return { ...addressesOf(broker, config), reloadTls: () => broker.reloadTls() };
}

async function noted(pool: Pool, log: Logger, lockId: string, certificate: LockCertificate): Promise<void> {
  const { serial, sha256, spkiSha256, notBeforeMs, notAfterMs } = certificate;
  const [notBefore, notAfter] = [isoOf(new Date(notBeforeMs)), isoOf(new Date(notAfterMs))];
  await noteCertificate(pool, lockId, { serial, sha256, spkiSha256, notBefore, notAfter }).catch((error) =>
    log.warn({ err: error, lockId }, 'the certificate of a lock could not be noted'),
  );
}

function addressesOf({ port, tlsPort, webSocketPort }: Broker, { host, tls }: Config): Omit<Gateway, 'reloadTls'> {
  return {
    mqtt: `mqtt://${host}:${port}`,
    ...(tlsPort === undefined ? {} : { mqtts: `mqtts://${host}:${tlsPort}` }),
    ...(webSocketPort === undefined ? {} : { mqttWebSocket: `${tls ? 'wss' : 'ws'}://${host}:${webSocketPort}` }),
  };
}

/** Names the setting of the port that could not be opened. */
function listenError(error: { port?: number }, config: Config): unknown {
  const settings = new Map([
    [config.mqttsPort, 'SEALWATCH_MQTTS_PORT'],
    [config.mqttWebSocketPort, 'SEALWATCH_MQTT_WS_PORT'],
  ]);
  const port = error.port ?? config.mqttPort;
  return ListenError.from(error, 'MQTT', port, settings.get(port) ?? 'SEALWATCH_MQTT_PORT');
}
