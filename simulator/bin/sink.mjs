// A broker that only says yes: every CONNECT and QoS 1 PUBLISH is acknowledged, nothing is looked at or kept. What a
// sender reaches against it is the sender's own ceiling. Runs as a worker of its own, so that it takes no time from it.
import { createServer } from 'node:net';
import { parentPort } from 'node:worker_threads';

const CONNECT = 1;
const PUBLISH = 3;
const CONNACK = Buffer.from([0x20, 2, 0, 0]);

/** Length of the packet at `at` and where its body begins; undefined while it is not all here (MQTT 3.1.1, 2.2.3). */
function packetAt(bytes, at) {
  let length = 0;
  for (let i = 1, shift = 0; i <= 4; i++, shift += 7) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    length |= (byte & 127) << shift;
    if (byte < 128) {
      const body = at + 1 + i;
      return body + length <= bytes.length ? { body, end: body + length } : undefined;
    }
  }
  throw new Error('a packet’s length takes more than four bytes');
}

function answer(socket) {
  let rest = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const answers = [];
    let at = 0;
    for (let packet = packetAt(bytes, at); packet; packet = packetAt(bytes, at)) {
      const type = bytes[at] >> 4;
      if (type === CONNECT) answers.push(CONNACK);
      if (type === PUBLISH) {
        const id = packet.body + 2 + bytes.readUInt16BE(packet.body);
        answers.push(Buffer.from([0x40, 2, bytes[id], bytes[id + 1]]));
      }
      at = packet.end;
    }
    rest = bytes.subarray(at);
    if (answers.length > 0) socket.write(Buffer.concat(answers));
  });
}

const server = createServer({ noDelay: true }, answer);
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
