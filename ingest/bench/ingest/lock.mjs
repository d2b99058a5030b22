// A lock as raw MQTT, so that the generator costs as little as it can: QoS 1, one report per publish.
import { once } from 'node:events';
import { connect } from 'node:net';
import { lockIdOf, reportAt, SECRET } from './fleet.mjs';

const NOTHING = Buffer.alloc(0);

export class Lock {
  constructor(index) {
    this.lockId = lockIdOf(index);
    this.topic = Buffer.from(`locks/${this.lockId}/report`);
    this.seq = 0;
    this.packetId = 0;
    this.sentAt = new Map();
    this.waiting = 0;
    this.latencies = [];
    this.acknowledged = 0;
  }

  async connect(port, keepAliveS = 0) {
    this.socket = connect(port, '127.0.0.1').setNoDelay(true);
    const fields = [this.lockId, this.lockId, SECRET].map((text) =>
      Buffer.from(`\0${String.fromCharCode(text.length)}${text}`),
    );
    const body = Buffer.concat([Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0xc2, 0, keepAliveS]), ...fields]);
    this.socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
    const [connack] = await once(this.socket, 'data');
    if (connack[3] !== 0) throw new Error(`${this.lockId}: CONNACK ${connack[3]}`);
    this.rest = NOTHING;
    this.socket.on('data', (data) => this.read(data));
    this.socket.on('error', (error) => console.error(this.lockId, error.message));
  }

  read(data) {
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, data]) : data;
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      const id = bytes.readUInt16BE(at + 2);
      this.latencies.push(performance.now() - this.sentAt.get(id));
      this.sentAt.delete(id);
      this.acknowledged += 1;
      this.waiting -= 1;
    }
    this.rest = at === bytes.length ? NOTHING : bytes.subarray(at);
    this.onRoom?.();
  }

  /** Sends the next records of the lock, made now, each in a publish of its own. */
  publish(count, lat) {
    const atMs = Date.now();
    const more = lat === undefined ? {} : { lat };
    this.send(Array.from({ length: count }, () => reportAt({ seq: this.seq++, atMs, ...more })));
  }

  /** Sends payloads at once, each in a publish of its own. */
  send(payloads) {
    const frames = [];
    for (const text of payloads) {
      const payload = Buffer.from(text);
      this.packetId = (this.packetId % 65_535) + 1;
      const length = 2 + this.topic.length + 2 + payload.length;
      const header = [0x32, (length & 127) | 128];
      if (length < 16_384) header.push(length >> 7);
      else header.push(((length >> 7) & 127) | 128, length >> 14);
      frames.push(
        Buffer.from([...header, 0, this.topic.length]),
        this.topic,
        Buffer.from([this.packetId >> 8, this.packetId & 255]),
        payload,
      );
      this.sentAt.set(this.packetId, performance.now());
    }
    this.waiting += payloads.length;
    this.socket.write(Buffer.concat(frames));
  }
}

/** Connects many, some at a time. */
export async function connectAll(locks, port, keepAliveS) {
  let next = 0;
  const worker = async () => {
    while (next < locks.length) await locks[next++].connect(port, keepAliveS);
  };
  await Promise.all(Array.from({ length: 64 }, worker));
}
