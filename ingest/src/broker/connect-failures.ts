import { timingSafeEqual } from 'node:crypto';
import QuickLRU from 'quick-lru';
import { Allowances, Backoff } from '../attempts.ts';

/** Of one lock at one address. */
const PAIR = { free: 9, firstMs: 1_000, longestMs: 60_000, forgetMs: 600_000, kept: 20_000 };
/** Of one address: 20 more a second; one that goes on failing is heard again within a second after it has stopped. */
const ADDRESS = { burst: 200, refillMs: 50, debt: 20, kept: 20_000 };
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

/**
 * Counts CONNECTs that were refused, by lock and address. Those that are let in count nothing, so that a fleet behind one
 * address comes back at once after an outage. Beyond the limits a CONNECT is refused without a look at the store, unless
 * it brings the secret or certificate with which this lock was last let in from there.
 */
export class ConnectFailures {
  readonly #pairs = new Backoff(PAIR);
  readonly #addresses = new Allowances(ADDRESS);
  readonly #running = new Map<string, number>();
  readonly #known = new QuickLRU<string, Buffer>({ maxSize: KNOWN_KEPT });

  /** @returns false: the CONNECT is refused because of those before it; true: it may be checked, then `end` is due */
  begin({ clientId, network, credential }: Connect, nowMs: number): boolean {
    const pair = pairOf(clientId, network);
    const running = this.#running.get(pair) ?? 0;
    const waits = this.#pairs.untilMs(pair, nowMs) > 0 || !this.#pairs.hasRoom(pair, running);
    if ((waits || this.#addresses.left(network, nowMs) < 1) && !this.#isKnown(pair, credential)) return false;
    this.#running.set(pair, running + 1);
    return true;
  }

  /** @param outcome `unchecked`: nobody could say whether the secret is right */
  end({ clientId, network, credential }: Connect, outcome: 'right' | 'wrong' | 'unchecked', nowMs: number): void {
    const pair = pairOf(clientId, network);
    const running = (this.#running.get(pair) ?? 1) - 1;
    if (running > 0) this.#running.set(pair, running);
    else this.#running.delete(pair);
    if (outcome === 'wrong') {
      this.#pairs.failed(pair, nowMs);
      this.#addresses.take(network, 1, nowMs);
    }
    if (outcome !== 'right') return;
    this.#pairs.forget(pair);
    if (credential !== undefined) this.#known.set(pair, credential);
  }

  #isKnown(pair: string, credential: Buffer | undefined): boolean {
    const known = this.#known.get(pair);
    return known?.length === credential?.length && known !== undefined && timingSafeEqual(known, credential as Buffer);
  }
}

const pairOf = (clientId: string, network: string): string => `${network} ${clientId.slice(0, ID_CHARACTERS)}`;
