import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { reportTopic } from '@sealwatch/schemas';
import { generate, parser } from 'mqtt-packet';
import { InterfaceError } from '../rest.ts';

/** A lock with nothing but a socket: the least that can publish, so that the fleet is never the bottleneck. */
export interface BareLock {
  readonly lockId: string;
  readonly open: boolean;
  /** how many publishes wait for their acknowledgement */
  readonly waiting: number;
  /** @param dueMs when it should have been sent, by `performance.now()` */
  publish(payload: string, dueMs: number): void;
  close(): void;
}

const CONNECT_TIMEOUT_MS = 30_000;
const MAX_MESSAGE_ID = 65_535;

/**
 * @param onAcknowledged called with the due time of the publish that was acknowledged
 * @throws InterfaceError where the broker refuses the lock or does not answer
 */
export async function openBareLock(
  url: string,
  lockId: string,
  secret: string,
  onAcknowledged: (dueMs: number) => void,
): Promise<BareLock> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port || 1_883), noDelay: true });
  const due = new Map<number, number>();
  const topic = reportTopic(lockId);
  let messageId = 0;
  let open = false;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    open = false;
  });
  const accepted = handshake(socket, url, lockId, (id) => {
    const dueMs = due.get(id);
    if (dueMs === undefined) return;
    due.delete(id);
    onAcknowledged(dueMs);
  });
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: lockId,
      keepalive: 0,
      username: lockId,
      password: Buffer.from(secret),
    }),
  );
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
    publish(payload, dueMs) {
      messageId = (messageId % MAX_MESSAGE_ID) + 1;
      due.set(messageId, dueMs);
      socket.write(generate({ cmd: 'publish', topic, payload, qos: 1, messageId, dup: false, retain: false }));
    },
    close: () => socket.destroy(),
  };
}

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
  const gone = once(socket, 'close', { signal: limit }).then(
    () => -1,
    () => -2,
  );
  const code = await Promise.race([connack, gone]);
  if (code === 0) return;
  socket.destroy();
  const why = code === -1 ? 'the connection was closed' : code === -2 ? 'no CONNACK in time' : `CONNACK ${code}`;
  throw new InterfaceError(called, why, Math.max(code, 0));
}
