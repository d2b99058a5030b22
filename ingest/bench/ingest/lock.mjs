// A lock as raw MQTT, so that the generator costs as little as it can: QoS 1, one report per publish.
import { once } from 'node:events';
import { connect } from 'node:net';
import { lockIdOf, reportOf, SECRET } from './fleet.mjs';

export class Lock {
  constructor(index) {
    this.lockId = lockIdOf(index);
    this.seq = 0;
    this.sentAt = new Float64Array(65_536);
    this.waiting = 0;
    this.latencies = [];
    this.acknowledged = 0;
  }

  async connect(port) {
    this.socket = connect(port, '127.0.0.1').setNoDelay(true);
    const fields = [this.lockId, this.lockId, SECRET].map((text) =>
      Buffer.from(`\0${String.fromCharCode(text.length)}${text}`),
    );
    const body = Buffer.concat([Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0xc2, 0, 0]), ...fields]);
    this.socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
    const [connack] = await once(this.socket, 'data');
    if (connack[3] !== 0) throw new Error(`${this.lockId}: CONNACK ${connack[3]}`);
    this.rest = Buffer.alloc(0);
    this.socket.on('data', (data) => this.read(data));
  }

  read(data) {
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, data]) : data;
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      this.latencies.push(performance.now() - this.sentAt[bytes.readUInt16BE(at + 2)]);
      this.acknowledged += 1;
      this.waiting -= 1;
    }
    this.rest = bytes.subarray(at);
    this.onRoom?.();
  }

  publish(count) {
    const frames = [];
    const topic = Buffer.from(`locks/${this.lockId}/report`);
    for (let i = 0; i < count; i++) {
      const id = (this.seq % 65_535) + 1;
      const payload = Buffer.from(reportOf(this.seq++));
      const length = 2 + topic.length + 2 + payload.length;
      frames.push(
        Buffer.from([0x32, (length & 127) | 128, length >> 7, 0, topic.length]),
        topic,
        Buffer.from([id >> 8, id & 255]),
        payload,
      );
      this.sentAt[id] = performance.now();
    }
    this.waiting += count;
    this.socket.write(Buffer.concat(frames));
  }
}
