import { type Broker, startBroker } from '../broker/broker.ts';
import { startCommands } from '../commands/commands.ts';
import type { Config } from '../config.ts';
import { ListenError } from '../listen.ts';
import type { ReportDoor } from '../ports.ts';
import { lockSecretHashes } from '../store/reports/roster.ts';
import type { Base } from './part.ts';

export interface GatewayDeps {
  door: ReportDoor;
  /** After the COMMIT of a lock's reply that ended a command. */
  onCommandEnded(ended: { commandId: string; result: string }): void;
}

export interface Gateway {
  /** e.g. `mqtt://127.0.0.1:1883` */
  mqtt: string;
  mqtts?: string;
  mqttWebSocket?: string;
}

/** The part that locks connect to: MQTT in, commands out. @throws ListenError */
export async function startGateway(
  { config, log, registry, pool, hints, undo }: Base,
  { door, onCommandEnded }: GatewayDeps,
): Promise<Gateway> {
  const commands = startCommands({ pool, log });
  undo.push(() => commands.stop());
  commands.onEnded(onCommandEnded);
  const broker = await startBroker({
    host: config.host,
    port: config.mqttPort,
    ...(config.tls ? { tls: { port: config.mqttsPort, ...config.tls } } : {}),
    webSocketPort: config.mqttWebSocketPort,
    trustProxy: config.trustProxy,
    secretHashes: (lockIds) => lockSecretHashes(pool, lockIds),
    report: (lockId, payload, done) => door.receive(lockId, payload, done),
    reply: (lockId, payload, done) => commands.receiveReply(lockId, payload, done),
    listening: (lockId) => void commands.reconnected(lockId),
    registry,
    log,
  }).catch((error: { port?: number }) => {
    throw listenError(error, config);
  });
  undo.push(() => broker.close());
  commands.connect(broker);
  hints.on('commands', ({ lockIds }) => {
    for (const lockId of lockIds) void commands.deliverDue(lockId);
  });
  hints.on('locks', ({ lockIds }) => {
    for (const lockId of lockIds) broker.refreshLock(lockId);
  });
  return addressesOf(broker, config);
}

function addressesOf({ port, tlsPort, webSocketPort }: Broker, { host, tls }: Config): Gateway {
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
