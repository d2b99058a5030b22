import type { LockAccess } from '../ports.ts';

/** Loads what locks may sign in with; unknown and retired ones are left out. */
export type LoadLockAccess = (lockIds: string[]) => Promise<Map<string, LockAccess>>;

const KEPT_MS = 30_000;
const KEPT_AT_MOST = 50_000;

/**
 * What locks may sign in with, kept for 30 s. Locks that connect at once are looked up together: one query per turn of the
 * event loop, not one per lock.
 */
export class AccessCache {
  readonly #load: LoadLockAccess;
  readonly #known = new Map<string, { access: LockAccess; untilMs: number }>();
  #asking: { lockIds: Set<string>; answer: Promise<Map<string, LockAccess>> } | undefined;
  #version = 0;

  constructor(load: LoadLockAccess) {
    this.#load = load;
  }

  /** Grows with every `forget`: what was judged under an older one is judged again. */
  get version(): number {
    return this.#version;
  }

  /** @returns undefined: it may not connect. Rejects while the store cannot be read */
  async of(lockId: string): Promise<LockAccess | undefined> {
    const kept = this.#known.get(lockId);
    if (kept && kept.untilMs > Date.now()) return kept.access;
    const version = this.#version;
    const access = (await this.#ask(lockId)).get(lockId);
    // An answer that was on its way while something changed may be the old one.
    if (access && version === this.#version) {
      if (this.#known.size >= KEPT_AT_MOST) this.#known.clear();
      this.#known.set(lockId, { access, untilMs: Date.now() + KEPT_MS });
    }
    return access;
  }

  /** So that a change takes effect at once. */
  forget(lockId: string): void {
    this.#version++;
    this.#known.delete(lockId);
    this.#asking = undefined;
  }

  forgetAll(): void {
    this.#version++;
    this.#known.clear();
    this.#asking = undefined;
  }

  #ask(lockId: string): Promise<Map<string, LockAccess>> {
    if (!this.#asking) {
      const lockIds = new Set<string>();
      const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        if (this.#asking?.lockIds === lockIds) this.#asking = undefined;
        return this.#load([...lockIds]);
      });
      this.#asking = { lockIds, answer };
    }
    this.#asking.lockIds.add(lockId);
    return this.#asking.answer;
  }
}
