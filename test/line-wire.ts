import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Report } from '@sealwatch/schemas';
import type { Message, Wire } from '../bridge/src/sockets/wire.ts';

/** What a device of the tests says: one JSON object a line. */
export interface Said {
  id?: string;
  /** `hello` is answered at once; `records` when they are stored; `answer` to a command; the others as they are called. */
  what: 'hello' | 'records' | 'answer' | 'damaged' | 'opened' | 'bye';
  n?: number;
  records?: object[];
  to?: number;
  result?: 'done' | 'failed';
}

const line = (value: object) => Buffer.from(`${JSON.stringify(value)}\n`);

/** A record as a bridge numbers it. */
export function recordOf(body: object & { time: string; kind?: string }): Report {
  const { kind, ...hashed } = body;
  const hash = createHash('sha256').update(JSON.stringify(hashed)).digest().readUInt32BE(0) >>> 4;
  return {
    v: 1,
    boot: Math.floor(Date.parse(body.time) / 1_000),
    seq: hash,
    ...hashed,
    ...(kind === undefined ? {} : { kind }),
  } as Report;
}

/** A protocol as simple as can be, so that the tests of the sockets are about sockets. */
export const lineWire: Wire = {
  splitter() {
    let rest = Buffer.alloc(0);
    return {
      skippedBytes: 0,
      push(chunk) {
        const all = Buffer.concat([rest, chunk]);
        const frames: Buffer[] = [];
        let from = 0;
        for (let at = all.indexOf(10); at >= 0; at = all.indexOf(10, from)) {
          frames.push(all.subarray(from, at));
          from = at + 1;
        }
        rest = all.subarray(from);
        return frames;
      },
    };
  },
  wireIdOf: (frame) => ({ protocol: 'lines', wireId: (JSON.parse(frame.toString()) as Said).id }),
  read(frame): Message {
    const said = JSON.parse(frame.toString()) as Said;
    const ack = line({ ack: said.n });
    const base: Message = { protocol: 'lines', wireId: said.id, answers: [] };
    if (said.what === 'hello') return { ...base, answers: [line({ hello: said.n })] };
    if (said.what === 'bye') return { ...base, closes: true };
    if (said.what === 'damaged') return { ...base, unreadable: { why: 'checksum', ack, isDamaged: true } };
    if (said.what === 'opened') return { ...base, opened: true };
    if (said.what === 'answer') {
      return { ...base, reply: { key: String(said.to), result: said.result ?? 'done', intervalS: 30 } };
    }
    const items = (said.records ?? []).map((body) => recordOf(body as { time: string }));
    return { ...base, records: { items, ack } };
  },
  write({ type, intervalS }, _bound, serial) {
    if (type === 'reboot') return { refused: 'this lock cannot be started again from afar' };
    const bytes = [line({ do: type, serial, ...(intervalS === undefined ? {} : { intervalS }) })];
    return { bytes, key: String(serial), isPhysical: type === 'unlock' || type === 'seal' };
  },
};

/** A device on a socket of its own. */
export class Device {
  readonly socket: Socket;
  readonly heard: { ack?: number; hello?: number; do?: string; serial?: number }[] = [];
  readonly id: string;
  isClosed = false;
  #rest = '';

  constructor(port: number, id: string) {
    this.id = id;
    this.socket = connect(port, '127.0.0.1');
    this.socket
      .on('error', () => undefined)
      .on('close', () => {
        this.isClosed = true;
      });
    this.socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const one of lines) this.heard.push(JSON.parse(one));
    });
  }

  say(...said: Omit<Said, 'id'>[]): void {
    this.socket.write(`${said.map((one) => JSON.stringify({ id: this.id, ...one })).join('\n')}\n`);
  }

  get acks(): number[] {
    return this.heard.flatMap(({ ack }) => ack ?? []);
  }

  get commands(): { do?: string; serial?: number }[] {
    return this.heard.filter((one) => one.do !== undefined);
  }

  close(): void {
    this.socket.destroy();
  }
}
