import type { Pool } from 'pg';
import QuickLRU from 'quick-lru';
import { Allowances, networkOf } from '../attempts.ts';
import { ApiProblem, TooManyAttempts } from '../problem.ts';
import { liveKeyHashes } from '../store/people/keys.ts';
import { hashSecret } from './secret.ts';

/** Unknown keys of one network that are answered 401; one more each `REFILL_MS`. */
const FREE = 30;
const REFILL_MS = 6_000;
const NETWORKS_KEPT = 20_000;
const KEYS_KEPT = 20_000;
/** The list of keys is read at most so often, ms. */
const LIST_MS = 1_000;

/**
 * Counts keys that nobody has, by network. Beyond the limit a key is not looked up any more: a good one is known by an earlier
 * call, or by a list of all keys that is read once a second at most, so a gate behind the address of somebody who guesses is
 * served as ever. The bootstrap key is on no list: it is good there where it was used before.
 */
export class KeyGuesses {
  readonly #pool: Pool;
  readonly #networks = new Allowances({ burst: FREE, refillMs: REFILL_MS, kept: NETWORKS_KEPT });
  readonly #good = new QuickLRU<string, true>({ maxSize: KEYS_KEPT });
  #list: { untilMs: number; hashes: Promise<Set<string>> } | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /**
   * @param key the key of a call; undefined: it brings none, and is only checked
   * @param check finds who calls @throws ApiProblem 401
   * @throws TooManyAttempts
   */
  async attempt<T>(key: string | undefined, address: string | undefined, check: () => Promise<T>): Promise<T> {
    if (key === undefined) return check();
    const network = networkOf(address);
    const print = hashSecret(key).toString('base64');
    const pair = `${network} ${print}`;
    if (this.#networks.left(network, Date.now()) < 1) {
      if (!this.#good.has(pair) && !(await this.#listed(print))) {
        throw new TooManyAttempts('auth.limited', 'too many unknown keys come from your address', REFILL_MS);
      }
      return check();
    }
    // Taken before it is known whether the key is good, so that many at once gain nothing.
    this.#networks.take(network, 1, Date.now());
    try {
      const found = await check();
      this.#networks.take(network, -1, Date.now());
      this.#good.set(pair, true);
      return found;
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.code !== 'auth.key-unknown')
        this.#networks.take(network, -1, Date.now());
      throw error;
    }
  }

  async #listed(print: string): Promise<boolean> {
    if (this.#list === undefined || this.#list.untilMs < Date.now()) {
      const hashes = liveKeyHashes(this.#pool).then((all) => new Set(all.map((hash) => hash.toString('base64'))));
      this.#list = { untilMs: Date.now() + LIST_MS, hashes };
      hashes.catch(() => {
        this.#list = undefined;
      });
    }
    return (await this.#list.hashes).has(print);
  }
}
