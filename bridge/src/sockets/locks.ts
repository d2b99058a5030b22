import { BlockList, isIPv6 } from 'node:net';
import { type BridgedLock, BridgeList, type BridgeNews } from '@sealwatch/schemas';
import type { Logger } from 'pino';
import { Rate } from './limits.ts';

/** Tells the platform what is new, and asks for its list of locks. One process: the platform itself; apart: REST. */
export type Exchange = (news: BridgeNews) => Promise<BridgeList>;

const FRAMES_TOLD = 500;
const STRANGERS_TOLD = 100;
const SECONDS_KEPT = 1_000;
/** Unknown ids ask for the list so often a second, and so often at once. */
const ASKS_PER_S = 2;
const ASKS_AT_ONCE = 20;

type Stranger = BridgeNews['strangers'][number];

/** The list of locks, and what waits to be told to the platform; bounded. */
export class Register {
  readonly #exchange: Exchange;
  readonly #name: string;
  readonly #log: Logger;
  readonly #byWire = new Map<string, BridgedLock>();
  readonly #byLock = new Map<string, BridgedLock>();
  readonly #networks = new Map<string, BlockList>();
  readonly #strangers = new Map<string, Stranger>();
  readonly #frames = new Map<string, BridgeNews['frames'][number]>();
  #seconds: BridgeNews['secondConnections'] = [];
  #version: string | undefined;
  #under: Promise<void> | undefined;
  #asks: Rate | undefined;
  /** How many locks are connected. */
  connected = () => 0;

  constructor(name: string, exchange: Exchange, log: Logger) {
    this.#name = name;
    this.#exchange = exchange;
    this.#log = log;
  }

  /** The list has come at least once. */
  get isKnown(): boolean {
    return this.#version !== undefined;
  }

  listed(lockId: string): BridgedLock | undefined {
    return this.#byLock.get(lockId);
  }

  /** The lock of an id on the wire, as far as is known. */
  ofWire(wireId: string): BridgedLock | undefined {
    return this.#byWire.get(wireId);
  }

  /** The lock of an id on the wire; the platform is asked again for one that is not known. */
  async find(wireId: string, nowMs: number): Promise<BridgedLock | undefined> {
    const known = this.#byWire.get(wireId);
    if (known !== undefined) return known;
    this.#asks ??= new Rate(ASKS_PER_S, ASKS_AT_ONCE, nowMs);
    // One that is under way may have been asked before the lock was registered.
    if (this.#asks.has(nowMs)) {
      await this.refresh().catch(() => undefined);
      if (!this.#byWire.has(wireId)) await this.refresh().catch(() => undefined);
    }
    return this.#byWire.get(wireId);
  }

  mayComeFrom({ lockId, networks }: BridgedLock, address: string): boolean {
    if (networks.length === 0) return true;
    let list = this.#networks.get(lockId);
    if (list === undefined) {
      list = new BlockList();
      for (const network of networks) {
        const [prefix = '', bits] = network.split('/');
        list.addSubnet(prefix, Number(bits), isIPv6(prefix) ? 'ipv6' : 'ipv4');
      }
      this.#networks.set(lockId, list);
    }
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  }

  stranger(seen: Omit<Stranger, 'count'>): void {
    const key = `${seen.wireId} ${seen.network} ${seen.why}`;
    const count = (this.#strangers.get(key)?.count ?? 0) + 1;
    if (count === 1 && this.#strangers.size >= STRANGERS_TOLD) return;
    this.#strangers.set(key, { ...seen, wireId: seen.wireId.slice(0, 40), count });
  }

  secondConnection(second: BridgeNews['secondConnections'][number]): void {
    if (this.#seconds.length < SECONDS_KEPT) this.#seconds.push(second);
  }

  frame(lockId: string, frame: Buffer, atMs: number): void {
    const hex = frame.subarray(0, 4_096).toString('hex');
    this.#frames.set(lockId, { lockId, at: new Date(atMs).toISOString(), hex });
  }

  /** Tells what is new and brings the list up to date; rejects where the platform cannot be reached. */
  refresh(): Promise<void> {
    this.#under ??= this.#talk().finally(() => {
      this.#under = undefined;
    });
    return this.#under;
  }

  async #talk(): Promise<void> {
    const strangers = [...this.#strangers.values()];
    const frames = [...this.#frames.values()].slice(0, FRAMES_TOLD);
    const secondConnections = this.#seconds.slice(0, 100);
    const news = { bridge: this.#name, connected: this.connected(), strangers, secondConnections, frames };
    const answer = await this.#exchange(this.#version === undefined ? news : { ...news, version: this.#version });
    const { version, locks } = BridgeList.parse(answer);
    // What came meanwhile stays to be told.
    this.#strangers.clear();
    for (const told of frames) if (this.#frames.get(told.lockId) === told) this.#frames.delete(told.lockId);
    this.#seconds = this.#seconds.filter((second) => !secondConnections.includes(second));
    if (locks !== undefined) this.#take(locks);
    this.#version = version;
  }

  #take(locks: readonly BridgedLock[]): void {
    for (const map of [this.#byWire, this.#byLock, this.#networks]) map.clear();
    for (const lock of locks) {
      this.#byWire.set(lock.wireId, lock);
      this.#byLock.set(lock.lockId, lock);
    }
    this.#log.info({ locks: locks.length }, 'the list of bridged locks was read');
  }
}
