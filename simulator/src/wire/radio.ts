import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { decode, Splitter } from '@sealwatch/bridge/codecs';
import { Report } from '@sealwatch/schemas';
import type { How, Radio } from '../scenario/radio.ts';
import type { Device, DeviceRecord, WireFrame } from './device.ts';
import { MODELS, type WireProtocol, wireIdOf } from './protocol.ts';

/** Frames without an acknowledgement at the same time: the numbers of a JT701D are 0 to 255. */
const IN_FLIGHT = 64;
/** A lock sends again what was not acknowledged for so long, ms. */
const ACKNOWLEDGED_WITHIN_MS = 60_000;
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

export interface WireRadioOptions {
  protocol: WireProtocol;
  /** Of the bridge, e.g. `tcp://127.0.0.1:7018`. */
  bridge: string;
  lockId: string;
  stop: AbortSignal;
}

/** A lock that speaks a protocol of its own to a bridge. It sends what was not acknowledged again, on another connection. */
export class WireRadio implements Radio {
  readonly #options: WireRadioOptions;
  readonly #device: Device;
  /** Of each record, by its name in the script: a second record of one second comes a second later. */
  readonly #seconds = new Map<string, number>();
  readonly #taken = new Set<number>();
  #line: DeviceLine | undefined;
  #last: DeviceRecord | undefined;
  #malformed = 0;
  #isClosed = false;

  constructor(options: WireRadioOptions) {
    this.#options = options;
    this.#device = MODELS[options.protocol].device(wireIdOf(options.protocol, options.lockId));
  }

  async open(): Promise<void> {
    await this.#connected();
  }

  async send(payload: string, how?: How): Promise<void> {
    const reports = reportsIn(payload);
    if (reports === undefined) {
      (await this.#connected())?.write([{ bytes: this.#device.malformed(this.#malformed++) }]);
      return;
    }
    if (how === 'cloned') {
      await this.#clone(reports);
      return;
    }
    const records = reports.map((report) => this.#recordOf(report));
    this.#last = records.at(-1) ?? this.#last;
    if (how === 'ack-lost') {
      const line = await this.#connected();
      line?.write(this.#device.frames(records));
      await line?.close();
      return;
    }
    await this.#deliver(records);
  }

  /** Second of the record with this name, as the platform shows it. */
  nameOf(id: string): string {
    const second = this.#seconds.get(id);
    return second === undefined ? id : `${this.#options.lockId}/${second}`;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#line?.close();
  }

  #recordOf(report: Report): DeviceRecord {
    const id = `${this.#options.lockId}/${report.boot}/${report.seq}`;
    let second = this.#seconds.get(id);
    if (second === undefined) {
      second = this.#freeSecond(Date.parse(report.time), report.events ? 2 : 1);
      this.#seconds.set(id, second);
    }
    return { report, second };
  }

  /** @param length an event is told a second behind the record that it came with */
  #freeSecond(timeMs: number, length: number): number {
    let second = Math.floor(timeMs / 1_000);
    const isFree = () => Array.from({ length }, (_, i) => second + i).every((one) => !this.#taken.has(one));
    while (!isFree()) second++;
    for (let i = 0; i < length; i++) this.#taken.add(second + i);
    return second;
  }

  /** Sends records until all of them are acknowledged. */
  async #deliver(records: readonly DeviceRecord[]): Promise<void> {
    for (let from = 0; from < records.length && !this.#isOver; ) {
      const some = records.slice(from, from + IN_FLIGHT / 2);
      const line = await this.#connected();
      if (await line?.deliver(this.#device.frames(some))) from += some.length;
      else await line?.close();
    }
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#options.stop.aborted;
  }

  /** @returns undefined once the run is over */
  async #connected(): Promise<DeviceLine | undefined> {
    for (let waitMs = FIRST_WAIT_MS; !this.#isOver; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      if (this.#line?.isOpen) return this.#line;
      const line = new DeviceLine(this.#options.bridge, this.#device, () => this.#opened(line));
      this.#line = line;
      if (await line.opened) {
        line.write(this.#device.hello().map((bytes) => ({ bytes })));
        return line;
      }
      await delay(waitMs, undefined, { signal: this.#options.stop }).catch(() => undefined);
    }
    return undefined;
  }

  /** The lock was told to open, and has: it says so in a record of now. */
  #opened(line: DeviceLine): void {
    if (this.#last === undefined) return;
    line.write(this.#device.opened({ ...this.#last, second: this.#freeSecond(Date.now(), 1) }));
  }

  /** A second device under this lock's id, without a fix: where it says that it is would be believed. */
  async #clone(reports: readonly Report[]): Promise<void> {
    const { protocol, bridge, lockId } = this.#options;
    const own = await this.#connected();
    const device = MODELS[protocol].device(wireIdOf(protocol, lockId));
    const line = new DeviceLine(bridge, device, () => undefined);
    if (!(await line.opened)) return;
    const records = reports.map((report) => ({
      report: { ...report, kind: 'backfill' as const, position: undefined },
      second: this.#freeSecond(Date.parse(report.time), 1),
    }));
    await line.deliver(device.frames(records));
    await own?.closed;
    await line.close();
  }
}

/** One TCP connection of a device. */
class DeviceLine {
  readonly opened: Promise<boolean>;
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Set<string>();
  #settled: (() => void) | undefined;
  isOpen = true;

  constructor(bridge: string, device: Device, opens: () => void) {
    const { hostname, port } = new URL(bridge);
    const splitter = new Splitter();
    this.#socket = connect(Number(port), hostname).setNoDelay(true);
    this.opened = new Promise((resolve) => {
      this.#socket.once('connect', () => resolve(true)).once('close', () => resolve(false));
    });
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket
      .on('error', () => undefined)
      .on('close', () => {
        this.isOpen = false;
        this.#settled?.();
      })
      .on('data', (chunk: Buffer) => {
        for (const frame of splitter.push(chunk)) {
          const { acks, answers, opens: isOpening } = device.heard(decode(frame));
          this.write(answers.map((bytes) => ({ bytes })));
          if (isOpening) opens();
          for (const ack of acks) this.#waiting.delete(ack);
        }
        if (this.#waiting.size === 0) this.#settled?.();
      });
  }

  write(frames: readonly WireFrame[]): void {
    for (const { bytes } of frames) if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Writes frames. @returns whether all of them were acknowledged, false if the connection was lost before */
  async deliver(frames: readonly WireFrame[]): Promise<boolean> {
    for (const { ack } of frames) if (ack !== undefined) this.#waiting.add(ack);
    this.write(frames);
    const timer = setTimeout(() => this.#settled?.(), ACKNOWLEDGED_WITHIN_MS);
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
      if (!this.isOpen) resolve();
    });
    clearTimeout(timer);
    return this.#waiting.size === 0;
  }

  /** Ends behind what was written. */
  async close(): Promise<void> {
    this.isOpen = false;
    this.#socket.end();
    this.#socket.resume();
    await this.closed;
  }
}

/** @returns undefined where a lock would not send this as a record */
function reportsIn(payload: string): Report[] | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    const read = Report.array()
      .min(1)
      .safeParse(Array.isArray(value) ? value : [value]);
    return read.data;
  } catch {
    return undefined;
  }
}
