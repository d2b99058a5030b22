import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import mqttPacket, { type Packet } from 'mqtt-packet';

/** A raw MQTT client: sends bytes as given and keeps every packet that comes back. */
export class Wiretap {
  readonly socket: Duplex;
  readonly packets: Packet[] = [];
  closed = false;

  /** @param socket where it is not a plain one to `port` */
  constructor(port: number, socket: Duplex = connect(port, '127.0.0.1')) {
    this.socket = socket;
    const parser = mqttPacket.parser();
    parser.on('packet', (packet) => this.packets.push(packet));
    this.socket.on('data', (data: Buffer) => parser.parse(data));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  send(...parts: (Buffer | Packet)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : mqttPacket.generate(part)))));
  }

  connectAs(lockId: string, secret: string, keepalive = 60): void {
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive,
      clientId: lockId,
      username: lockId,
      password: Buffer.from(secret),
    });
  }

  of(cmd: Packet['cmd']): Packet[] {
    return this.packets.filter((packet) => packet.cmd === cmd);
  }

  acknowledged(): number[] {
    return this.of('puback').map((packet) => packet.messageId ?? 0);
  }

  end(): void {
    this.socket.destroy();
  }
}

export function publishPacket(lockId: string, messageId: number, payload: string | Buffer): Packet {
  return { cmd: 'publish', topic: `locks/${lockId}/report`, payload, qos: 1, messageId, dup: false, retain: false };
}
