import { connect, type Socket } from 'node:net';
import mqttPacket from 'mqtt-packet';
import { publishPacket } from '../broker/wiretap.ts';
import { SECRET } from '../intake/rig.ts';
import type { Sending } from './journey.ts';

const WINDOW = 16;
const REDIAL_MS = 40;

/**
 * A lock as the contract wants it: sends what it has, forgets a publish when its PUBACK comes and never sooner, dials again
 * when the line is cut and sends what was not acknowledged once more. Its `log` is the oracle of the proofs: what a platform
 * lost of it is lost for good.
 */
export class ProofLock {
  readonly lockId: string;
  readonly log: Sending[] = [];
  readonly #port: () => number;
  #todo: Sending[];
  #sent = new Map<number, Sending>();
  #lastId = 0;
  #socket: Socket | undefined;
  #open = false;
  #redial: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param port asked at every dialling, because a platform that starts again may listen elsewhere */
  constructor(lockId: string, port: () => number, sendings: Sending[]) {
    this.lockId = lockId;
    this.#port = port;
    this.#todo = [...sendings];
    this.#dial();
  }

  get waiting(): number {
    return this.#todo.length + this.#sent.size;
  }

  get connected(): boolean {
    return this.#open;
  }

  add(...sendings: Sending[]): void {
    this.#todo.push(...sendings);
    this.#sendMore();
  }

  /** Loses the line without a word; the lock dials again by itself. */
  cut(): void {
    this.#socket?.destroy();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#redial);
    this.#socket?.destroy();
  }

  #dial(): void {
    const socket = connect(this.#port(), '127.0.0.1');
    this.#socket = socket;
    const parser = mqttPacket.parser();
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connack' && packet.returnCode === 0) {
        this.#open = true;
        this.#sendMore();
      }
      if (packet.cmd === 'puback') this.#acknowledged(packet.messageId ?? 0);
    });
    socket.on('data', (data: Buffer) => parser.parse(data));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#lost());
    socket.write(
      mqttPacket.generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: true,
        keepalive: 60,
        clientId: this.lockId,
        username: this.lockId,
        password: Buffer.from(SECRET),
      }),
    );
  }

  #lost(): void {
    this.#open = false;
    this.#todo = [...this.#sent.values(), ...this.#todo];
    this.#sent.clear();
    if (!this.#stopped) this.#redial = setTimeout(() => this.#dial(), REDIAL_MS);
  }

  #acknowledged(id: number): void {
    const sending = this.#sent.get(id);
    if (!sending) return;
    this.#sent.delete(id);
    this.log.push(sending);
    this.#sendMore();
  }

  #sendMore(): void {
    while (this.#open && this.#sent.size < WINDOW) {
      const next = this.#todo.shift();
      if (!next) return;
      this.#lastId = (this.#lastId % 65_535) + 1;
      this.#sent.set(this.#lastId, next);
      this.#socket?.write(mqttPacket.generate(publishPacket(this.lockId, this.#lastId, next.payload)));
    }
  }
}

/** Publishes acknowledged so far by all of them. */
export function acknowledgedOf(locks: readonly ProofLock[]): number {
  return locks.reduce((sum, lock) => sum + lock.log.length, 0);
}

export function waitingOf(locks: readonly ProofLock[]): number {
  return locks.reduce((sum, lock) => sum + lock.waiting, 0);
}
