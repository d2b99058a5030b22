import QuickLRU from 'quick-lru';
import { Backoff, type BackoffRule, networkOf } from '../attempts.ts';
import { TooManyAttempts } from '../problem.ts';

const MINUTE_MS = 60_000;

interface SignInRules {
  /** Of one address, whatever names it tries. */
  address: BackoffRule;
  /** Of one name, from wherever it is tried. */
  name: BackoffRule;
  /** Of a name at an address where it has signed in before. */
  known: BackoffRule;
}

const RULES: SignInRules = {
  address: { free: 9, firstMs: 5_000, longestMs: 15 * MINUTE_MS, forgetMs: 60 * MINUTE_MS, kept: 20_000 },
  name: { free: 19, firstMs: 30_000, longestMs: 15 * MINUTE_MS, forgetMs: 24 * 60 * MINUTE_MS, kept: 20_000 },
  known: { free: 9, firstMs: 5_000, longestMs: 15 * MINUTE_MS, forgetMs: 60 * MINUTE_MS, kept: 20_000 },
};

/** Names of people that are known at an address: more than any operator has screens. */
const PAIRS_KNOWN = 20_000;
/** Addresses noted of one name, so that an admin can lift their waits with the name's. */
const ADDRESSES_NOTED = 16;

interface Counted {
  backoff: Backoff;
  key: string;
  /** Tells the counters' keys from each other. */
  id: string;
}

const pairOf = (name: string, network: string) => JSON.stringify([name, network]);

/** Attempts that are checked or wait for others of their name or address: a password takes 19 MiB and some 30 ms. */
const OPEN_AT_MOST = 64;

/**
 * Attempts to sign in with a password or a code, by address and by name. Names that nobody has are counted like all others. Of many
 * attempts at once no more are checked than may fail; the others wait for the outcome.
 *
 * Where somebody has signed in before, neither the address nor the name keeps them out, only their own failures there: a
 * stranger who tries the name from elsewhere cannot lock them out.
 */
export class SignInLimits {
  readonly #address = new Backoff(RULES.address);
  readonly #name = new Backoff(RULES.name);
  readonly #known = new Backoff(RULES.known);
  readonly #pairs = new QuickLRU<string, true>({ maxSize: PAIRS_KNOWN });
  readonly #networks = new QuickLRU<string, Set<string>>({ maxSize: RULES.name.kept, maxAge: RULES.name.forgetMs });
  readonly #running = new Map<string, number>();
  readonly #nowMs: () => number;
  #open = 0;
  #waiting: (() => void)[] = [];

  /** @param nowMs the clock, epoch ms */
  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /**
   * Checks a password, unless the address or the name has to wait.
   * @param check resolves to undefined if the password is wrong; what it throws counts as no attempt
   * @param isWhole whether the sign-in is done with it; if a second factor is outstanding, nothing of before is forgotten
   * @throws TooManyAttempts
   */
  async attempt<T>(
    name: string,
    address: string,
    check: () => Promise<T | undefined>,
    isWhole: (found: T) => boolean = () => true,
  ): Promise<T | undefined> {
    if (this.#open >= OPEN_AT_MOST) throw new TooManyAttempts('sign-in.busy', 'many people are signing in', 1_000);
    const network = networkOf(address);
    const counters = this.#countersOf(name, network);
    this.#open++;
    try {
      await this.#turn(counters);
      try {
        const found = await check();
        if (found === undefined) this.#failed(counters, name, network);
        else if (isWhole(found)) this.#succeeded(pairOf(name, network));
        return found;
      } finally {
        for (const { id } of counters) this.#running.set(id, (this.#running.get(id) ?? 1) - 1);
        for (const { id } of counters) if (this.#running.get(id) === 0) this.#running.delete(id);
      }
    } finally {
      this.#open--;
      for (const resume of this.#waiting.splice(0)) resume();
    }
  }

  #countersOf(name: string, network: string): Counted[] {
    const pair = pairOf(name, network);
    if (this.#pairs.has(pair)) return [{ backoff: this.#known, key: pair, id: `known ${pair}` }];
    return [
      { backoff: this.#address, key: network, id: `address ${network}` },
      { backoff: this.#name, key: name, id: `name ${name}` },
    ];
  }

  async #turn(counters: Counted[]): Promise<void> {
    for (;;) {
      const nowMs = this.#nowMs();
      const untilMs = Math.max(...counters.map(({ backoff, key }) => backoff.untilMs(key, nowMs)));
      if (untilMs > 0) throw new TooManyAttempts('sign-in.limited', 'too many attempts to sign in', untilMs - nowMs);
      if (counters.every(({ backoff, key, id }) => backoff.hasRoom(key, this.#running.get(id) ?? 0))) break;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    for (const { id } of counters) this.#running.set(id, (this.#running.get(id) ?? 0) + 1);
  }

  #failed(counters: Counted[], name: string, network: string): void {
    for (const { backoff, key } of counters) backoff.failed(key, this.#nowMs());
    this.#note(name, network);
  }

  #succeeded(pair: string): void {
    this.#known.forget(pair);
    this.#pairs.set(pair, true);
  }

  #note(name: string, network: string): void {
    const noted = this.#networks.get(name) ?? new Set();
    if (noted.size < ADDRESSES_NOTED) noted.add(network);
    this.#networks.set(name, noted);
  }

  /** Until when somebody of this name is kept out, somewhere at least, epoch ms; undefined: nowhere. */
  lockedUntilMs(name: string): number | undefined {
    const nowMs = this.#nowMs();
    const networks = [...(this.#networks.peek(name) ?? [])];
    const untilMs = Math.max(
      this.#name.untilMs(name, nowMs),
      ...networks.map((network) => this.#address.untilMs(network, nowMs)),
      ...networks.map((network) => this.#known.untilMs(pairOf(name, network), nowMs)),
    );
    return untilMs > 0 ? untilMs : undefined;
  }

  /** Lifts the waits of a name, and of the addresses from which it was tried. */
  lift(name: string): void {
    for (const network of this.#networks.peek(name) ?? []) {
      this.#address.forget(network);
      this.#known.forget(pairOf(name, network));
    }
    this.#networks.delete(name);
    this.#name.forget(name);
  }
}
