import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { reportTopic } from '@sealwatch/schemas';
import { generate, parser } from 'mqtt-packet';
import { InterfaceError } from '../rest.ts';

/** A lock that is only a socket: it costs little, so that the fleet is not the bottleneck. */
export interface BareLock {
  readonly lockId: string;
  readonly open: boolean;
  /** how many publishes wait for their acknowledgement */
  readonly waiting: number;
  /** when those that wait were due, by `performance.now()` */
  unanswered(): Iterable<number>;
  /** @param dueMs when it should have been sent, by `performance.now()` */
  publish(payload: string, dueMs: number): void;
  close(): void;
}

const CONNECT_TIMEOUT_MS = 30_000;
const MAX_MESSAGE_ID = 65_535;

/**
 * @param onAcknowledged called with the due time of the publish that was acknowledged
 * @throws InterfaceError if the broker refuses the lock or does not answer
 */
export async function openBareLock(
  url: string,
  lockId: string,
  secret: string,
  onAcknowledged: (dueMs: number) => void,
): Promise<BareLock> {
  const socket = dial(url);
  const due = new Map<number, number>();
  const topic = reportTopic(lockId);
  let messageId = 0;
  let open = false;
  socket.on('close', () => {
    open = false;
  });
  const accepted = handshake(socket, url, lockId, (id) => {
    const dueMs = due.get(id);
    if (dueMs === undefined) return;
    due.delete(id);
    onAcknowledged(dueMs);
  });
  socket.write(connectPacket(lockId, secret));
  await accepted;
  open = true;
  return {
    lockId,
    get open() {
      return open;
    },
    get waiting() {
      return due.size;
    },
    unanswered: () => due.values(),
    publish(payload, dueMs) {
      messageId = (messageId % MAX_MESSAGE_ID) + 1;
      due.set(messageId, dueMs);
      socket.write(generate({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false }));
    },
    close: () => socket.destroy(),
  };
}

function connectPacket(lockId: string, secret: string): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId: lockId,
    keepalive: 0,
    username: lockId,
    password: Buffer.from(secret),
  });
}

function dial(url: string): Socket {
  const { protocol, hostname, port } = new URL(url);
  if (protocol === 'mqtts:') return connectTls({ host: hostname, port: Number(port || 8_883), servername: hostname });
  return connect({ host: hostname, port: Number(port || 1_883), noDelay: true });
}

/** Meanings of CONNACK return codes (MQTT 3.1.1, 3.2.2.3). */
const REFUSALS: Record<number, string> = {
  4: 'the lock id or its secret is malformed',
  5: 'the lock is unknown, retired, or its secret is wrong',
};

async function handshake(socket: Socket, url: string, lockId: string, onPuback: (id: number) => void): Promise<void> {
  const called = `MQTT ${url}, lock ${lockId}`;
  const packets = parser();
  socket.on('data', (bytes: Buffer) => packets.parse(bytes));
  const limit = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  const connack = new Promise<number>((resolve) => {
    packets.on('packet', (packet) => {
      if (packet.cmd === 'puback' && packet.messageId !== undefined) onPuback(packet.messageId);
      else if (packet.cmd === 'connack') resolve(packet.returnCode ?? 0);
    });
  });
  let fault = 'the connection was closed';
  socket.on('error', (error) => {
    fault = error.message;
  });
  const gone = once(socket, 'close', { signal: limit }).then(
    () => fault,
    () => 'no CONNACK in time',
  );
  const answer = await Promise.race([connack, gone]);
  if (answer === 0) return;
  socket.destroy();
  if (typeof answer === 'string') throw new InterfaceError(called, answer);
  const meaning = REFUSALS[answer];
  throw new InterfaceError(called, `CONNACK ${answer}${meaning ? `: ${meaning}` : ''}`, answer);
}
