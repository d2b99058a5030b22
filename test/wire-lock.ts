import { connect, type Socket } from 'node:net';
import { decode, Splitter } from '../bridge/src/index.ts';
import { encodeFrame, type Header } from '../bridge/src/jt808/frame.ts';
import { readLocation, writeLocation } from '../bridge/src/jt808/location.ts';
import { type Message, writeMessage } from '../bridge/src/jt808/messages.ts';

const FIXED = 1 << 1;
const ROPE_OUT = 1 << 20;
const MOTOR_OPEN = 1 << 21;
type Point = [lon: number, lat: number];

/** A JT709 on the wire of JT/T 808, which does what it is told and notes what is acknowledged. */
export class WireLock {
  readonly id: string;
  readonly acknowledged: number[] = [];
  isOpen = false;
  unlocksHeard = 0;
  readonly #socket: Socket;
  readonly #splitter = new Splitter();
  #serial = 0;

  constructor(port: number, id: string) {
    this.id = id;
    this.#socket = connect(port, '127.0.0.1').on('error', () => undefined);
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#splitter.push(chunk)) {
        const decoded = decode(frame);
        if ('header' in decoded) this.#told(decoded.header, decoded.message);
      }
    });
  }

  /** A location of so many seconds from now. */
  static bodyOf([lon, lat]: Point, inS: number, isOpen = false): Uint8Array {
    const time = new Date(Date.now() + inS * 1_000).toISOString().replace(/\D/g, '').slice(2, 14);
    return writeLocation({
      ...{ alarms: 0, status: FIXED | (isOpen ? ROPE_OUT | MOTOR_OPEN : 0), altitudeM: 10, headingDeg: 80 },
      ...{ latE6: Math.round(lat * 1e6), lonE6: Math.round(lon * 1e6), speedTenthKmh: 700, time },
      tags: [
        { id: 0xd4, value: Uint8Array.of(80) },
        { id: 0x31, value: Uint8Array.of(11) },
      ],
    });
  }

  /** As the platform says it. */
  static timeOf(body: Uint8Array): string {
    const { time } = readLocation(body);
    const [year, ...rest] = time.match(/../g) ?? [];
    const [month, day, hour, minute, second] = rest;
    return `20${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  }

  /** @param serial of the first sending; absent: the next one. @returns it: by it the message is acknowledged */
  send(id: number, message: Message | Uint8Array, serial = this.#serial++): number {
    const header: Header = { id, flags: 0, shape: '2013', phone: this.id, serial };
    this.#socket.write(
      encodeFrame(header, message instanceof Uint8Array ? message : writeMessage(id, message, '2013')),
    );
    return serial;
  }

  #told(header: Header, message: Message): void {
    const done = { type: 'terminal-reply', serial: header.serial, id: header.id, result: 0 } as const;
    if (message.type === 'platform-reply') this.acknowledged.push(message.serial);
    if (header.id === 0x8103) this.send(0x0001, done);
    if (header.id === 0x8500) {
      this.unlocksHeard++;
      this.isOpen = true;
      this.send(0x0001, done);
      this.send(0x0200, WireLock.bodyOf([120.031, 29.3], 131, true));
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
