import { timingSafeEqual } from 'node:crypto';
import QuickLRU from 'quick-lru';
import { Backoff } from '../attempts.ts';

/** Of one lock at one address. */
const PAIR = { free: 9, firstMs: 1_000, longestMs: 60_000, forgetMs: 600_000, kept: 20_000 };
/** Failures of one address that cost nothing, and how many more a second it may have. */
const ADDRESS_BURST = 200;
const ADDRESS_PER_S = 20;
/** An address that goes on failing is heard again within so many seconds after it has stopped. */
const DEBT_S = 1;
const ADDRESSES_KEPT = 20_000;
/** Locks whose right secret was seen at an address. */
const KNOWN_KEPT = 50_000;
const ID_CHARACTERS = 40;

interface Connect {
  clientId: string;
  /** `networkOf` its address. */
  network: string;
  /** Hash of its secret, or the print of its certificate. */
  credential: Buffer | undefined;
}

interface Allowance {
  left: number;
  atMs: number;
}

/**
 * Counts CONNECTs that were refused, by lock and address. Those that are let in count nothing, so that a fleet behind one
 * address comes back at once after an outage. Beyond the limits a CONNECT is refused without a look at the store, unless
 * it brings the secret or certificate with which this lock was last let in from there.
 */
export class ConnectFailures {
  readonly #pairs = new Backoff(PAIR);
  readonly #addresses = new QuickLRU<string, Allowance>({ maxSize: ADDRESSES_KEPT });
  readonly #running = new Map<string, number>();
  readonly #known = new QuickLRU<string, Buffer>({ maxSize: KNOWN_KEPT });

  /** @returns false: the CONNECT is refused because of those before it; true: it may be checked, then `end` is due */
  begin({ clientId, network, credential }: Connect, nowMs: number): boolean {
    const pair = pairOf(clientId, network);
    const running = this.#running.get(pair) ?? 0;
    const waits = this.#pairs.untilMs(pair, nowMs) > 0 || !this.#pairs.hasRoom(pair, running);
    if ((waits || this.#left(network, nowMs) < 1) && !this.#isKnown(pair, credential)) return false;
    this.#running.set(pair, running + 1);
    return true;
  }

  /** @param outcome `unchecked`: nobody could say whether the secret is right */
  end({ clientId, network, credential }: Connect, outcome: 'right' | 'wrong' | 'unchecked', nowMs: number): void {
    const pair = pairOf(clientId, network);
    const running = (this.#running.get(pair) ?? 1) - 1;
    if (running > 0) this.#running.set(pair, running);
    else this.#running.delete(pair);
    if (outcome === 'wrong') this.#failed(pair, network, nowMs);
    if (outcome !== 'right') return;
    this.#pairs.forget(pair);
    if (credential !== undefined) this.#known.set(pair, credential);
  }

  #isKnown(pair: string, credential: Buffer | undefined): boolean {
    const known = this.#known.get(pair);
    return known?.length === credential?.length && known !== undefined && timingSafeEqual(known, credential as Buffer);
  }

  #failed(pair: string, network: string, nowMs: number): void {
    this.#pairs.failed(pair, nowMs);
    const left = Math.max(this.#left(network, nowMs) - 1, -DEBT_S * ADDRESS_PER_S);
    this.#addresses.set(network, { left, atMs: nowMs });
  }

  #left(network: string, nowMs: number): number {
    const { left, atMs } = this.#addresses.peek(network) ?? { left: ADDRESS_BURST, atMs: nowMs };
    return Math.min(ADDRESS_BURST, left + ((nowMs - atMs) / 1_000) * ADDRESS_PER_S);
  }
}

const pairOf = (clientId: string, network: string): string => `${network} ${clientId.slice(0, ID_CHARACTERS)}`;
