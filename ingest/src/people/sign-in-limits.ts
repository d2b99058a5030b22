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

const pairOf = (name: string, network: string) => JSON.stringify([name, network]);

/**
 * Attempts to sign in with a password, by address and by name. An attempt counts as failed from its beginning, so that many
 * at once gain nothing, and is taken back when the password was right. Names that nobody has are counted like all others.
 *
 * Where somebody has signed in before, neither the address nor the name keeps them out, only their own failures there: a
 * stranger who tries the name from elsewhere cannot lock them out.
 */
export class SignInLimits {
  readonly #address: Backoff;
  readonly #name: Backoff;
  readonly #known: Backoff;
  readonly #pairs = new QuickLRU<string, true>({ maxSize: PAIRS_KNOWN });
  readonly #networks: QuickLRU<string, Set<string>>;
  readonly #nowMs: () => number;

  /** @param nowMs the clock, epoch ms */
  constructor(nowMs: () => number = Date.now) {
    this.#address = new Backoff(RULES.address);
    this.#name = new Backoff(RULES.name);
    this.#known = new Backoff(RULES.known);
    this.#networks = new QuickLRU({ maxSize: RULES.name.kept, maxAge: RULES.name.forgetMs });
    this.#nowMs = nowMs;
  }

  /**
   * Begins an attempt.
   * @returns what is to be called if the password was right, or if it could not be checked
   * @throws TooManyAttempts while the address or the name has to wait
   */
  begin(name: string, address: string): { succeeded(): void; takeBack(): void } {
    const network = networkOf(address);
    const pair = pairOf(name, network);
    const counted: [Backoff, string][] = this.#pairs.has(pair)
      ? [[this.#known, pair]]
      : [
          [this.#address, network],
          [this.#name, name],
        ];
    const nowMs = this.#nowMs();
    const untilMs = Math.max(...counted.map(([backoff, key]) => backoff.untilMs(key, nowMs)));
    if (untilMs > 0) throw new TooManyAttempts('sign-in.limited', 'too many attempts to sign in', untilMs - nowMs);
    for (const [backoff, key] of counted) backoff.failed(key, nowMs);
    this.#note(name, network);
    const takeBack = () => {
      for (const [backoff, key] of counted) backoff.takeBack(key);
    };
    const succeeded = () => {
      takeBack();
      this.#known.forget(pair);
      this.#pairs.set(pair, true);
    };
    return { succeeded, takeBack };
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
