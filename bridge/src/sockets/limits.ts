/** What a device may cost the bridge. */
export interface Limits {
  /** Connections in all, and from one address (many locks of one mobile network share one). */
  connections: number;
  connectionsOfAddress: number;
  /** A connection that has not said whose it is ends after so long, ms. */
  nameWithinMs: number;
  /** One that has sent nothing ends after so long, ms. */
  idleMs: number;
  /** Frames a second of one connection in the long run, and at once; faster ones are read later. */
  framesPerS: number;
  framesAtOnce: number;
  /** Bytes of one connection that are no frame, before it ends. */
  skippedBytes: number;
  /** Acknowledgements that a device does not read, bytes, before it ends. */
  unreadBytes: number;
}

export const LIMITS: Limits = {
  connections: 20_000,
  connectionsOfAddress: 5_000,
  nameWithinMs: 30_000,
  idleMs: 15 * 60_000,
  framesPerS: 50,
  framesAtOnce: 1_000,
  skippedBytes: 64 * 1024,
  unreadBytes: 256 * 1024,
};

/** So many at once, and so many a second in the long run. */
export class Rate {
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #atMs: number;

  constructor(perS: number, atOnce: number, nowMs: number) {
    this.#perMs = perS / 1_000;
    this.#most = atOnce;
    this.#left = atOnce;
    this.#atMs = nowMs;
  }

  /** Takes one if there is one left. */
  has(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Takes one. @returns how long to wait before the next, ms */
  take(nowMs: number): number {
    this.#fill(nowMs);
    this.#left--;
    return this.#left >= 0 ? 0 : -this.#left / this.#perMs;
  }

  #fill(nowMs: number): void {
    this.#left = Math.min(this.#most, this.#left + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
  }
}

/** The network of an address as people are shown it: IPv4 /24, IPv6 /48. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (plain.includes('.')) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail = ''] = plain.split('::');
  const [left, right] = [head.split(':').filter(Boolean), tail.split(':').filter(Boolean)];
  const groups = plain.includes('::') ? [...left, ...Array(8 - left.length - right.length).fill('0'), ...right] : left;
  return `${groups.slice(0, 3).join(':')}::/48`;
}
