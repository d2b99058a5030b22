import { concat } from '../wire/bytes.ts';
import type { Frame808 } from './frame.ts';

export const MOST_PARTS = 32;
export const MOST_BYTES = 32 * 1_024;
const MOST_MESSAGES = 4;
const WITHIN_MS = 30_000;

interface Waiting {
  total: number;
  sinceMs: number;
  bodies: Map<number, Uint8Array>;
}

/** Joins the parts of messages of one connection, in any order; what does not come together in 30 s is forgotten. */
export class Parts {
  readonly #waiting = new Map<string, Waiting>();

  get heldBytes(): number {
    const bodies = [...this.#waiting.values()].flatMap((one) => [...one.bodies.values()]);
    return bodies.reduce((sum, body) => sum + body.length, 0);
  }

  /**
   * @param nowMs of any clock that goes on
   * @returns the joined message once all parts have come; undefined before, or where it has more parts or bytes than the limits
   */
  take(frame: Frame808, nowMs: number): Frame808 | undefined {
    const { header, body } = frame;
    const { part, ...whole } = header;
    if (part === undefined || part.total <= 1) return frame;
    for (const [key, { sinceMs }] of this.#waiting) if (nowMs - sinceMs > WITHIN_MS) this.#waiting.delete(key);
    if (part.total > MOST_PARTS || part.index < 1 || part.index > part.total) return undefined;
    const key = `${header.phone} ${header.id}`;
    let waiting = this.#waiting.get(key);
    if (waiting === undefined || waiting.total !== part.total) {
      waiting = { total: part.total, sinceMs: nowMs, bodies: new Map() };
      this.#waiting.delete(key);
      this.#waiting.set(key, waiting);
    }
    waiting.bodies.set(part.index, body);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST_MESSAGES && oldest !== undefined) this.#waiting.delete(oldest);
    const bodies = [...waiting.bodies].sort(([a], [b]) => a - b).map(([, one]) => one);
    const joined = concat(bodies);
    const isWhole = bodies.length === part.total;
    if (isWhole || joined.length > MOST_BYTES) this.#waiting.delete(key);
    if (!isWhole || joined.length > MOST_BYTES) return undefined;
    return { header: { ...whole, flags: header.flags & ~0x2000 }, body: joined, faults: frame.faults };
  }
}
