import { isIPv6 } from 'node:net';
import QuickLRU from 'quick-lru';

export interface BackoffRule {
  /** Failures that cost nothing. */
  free: number;
  /** How long one waits after the first failure that is not free, ms; each further one doubles it. */
  firstMs: number;
  /** The longest wait, ms. */
  longestMs: number;
  /** After so long without a failure they are forgotten, ms. */
  forgetMs: number;
  /** How many names or addresses are kept at least; at most twice as many are. */
  kept: number;
}

interface Row {
  failures: number;
  untilMs: number;
}

/** Failures in a row, and how long the next attempt has to wait. An attempt that is refused meanwhile does not count. */
export class Backoff {
  readonly #rule: BackoffRule;
  readonly #rows: QuickLRU<string, Row>;

  constructor(rule: BackoffRule) {
    this.#rule = rule;
    this.#rows = new QuickLRU({ maxSize: rule.kept, maxAge: rule.forgetMs });
  }

  /** When the next attempt is let through, epoch ms; 0: now. */
  untilMs(key: string, nowMs: number): number {
    const until = this.#rows.peek(key)?.untilMs ?? 0;
    return until > nowMs ? until : 0;
  }

  /** Counts one more. @returns how long the next attempt has to wait, ms */
  failed(key: string, nowMs: number): number {
    const { free, firstMs, longestMs } = this.#rule;
    const failures = (this.#rows.peek(key)?.failures ?? 0) + 1;
    const waitMs = failures <= free ? 0 : Math.min(firstMs * 2 ** (failures - free - 1), longestMs);
    this.#rows.set(key, { failures, untilMs: nowMs + waitMs });
    return waitMs;
  }

  /** Whether one more attempt may run beside `running` others: if all of them fail, no free one is exceeded. */
  hasRoom(key: string, running: number): boolean {
    return running === 0 || (this.#rows.peek(key)?.failures ?? 0) + running <= this.#rule.free;
  }

  forget(key: string): void {
    this.#rows.delete(key);
  }
}

export interface AllowanceRule {
  /** Attempts that are allowed at once. */
  burst: number;
  /** One more each so many ms. */
  refillMs: number;
  /** How many may be taken beyond what is left: whoever goes on is heard again so much later. Default 0. */
  debt?: number;
  /** Keys that are remembered, at least. */
  kept: number;
}

/** What is left to each key of a burst that is refilled steadily (token bucket). */
export class Allowances {
  readonly #rule: AllowanceRule;
  readonly #rows: QuickLRU<string, { left: number; atMs: number }>;

  constructor(rule: AllowanceRule) {
    this.#rule = rule;
    this.#rows = new QuickLRU({ maxSize: rule.kept });
  }

  left(key: string, nowMs: number): number {
    const { burst, refillMs } = this.#rule;
    const { left, atMs } = this.#rows.peek(key) ?? { left: burst, atMs: nowMs };
    return Math.min(burst, left + (nowMs - atMs) / refillMs);
  }

  /** @param count negative: gives back */
  take(key: string, count: number, nowMs: number): void {
    const left = Math.max(this.left(key, nowMs) - count, -(this.#rule.debt ?? 0));
    this.#rows.set(key, { left, atMs: nowMs });
  }
}

/**
 * Who is counted together: an IPv4 address, or the /64 network of an IPv6 address, which one household or machine has to
 * itself.
 * @param address as a socket has it; undefined: unknown
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  while (tail !== undefined && groups.length + after.length < 8) groups.push('0');
  return `${[...groups, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
