/** The timer is late by more than this: the process was suspended, or its clock was set. */
const SUSPENDED_MS = 30_000;

/**
 * Since when the platform has listened without a break, epoch ms. While it starts, cannot commit or is suspended it hears
 * no lock, and after that every lock gets its time to come back before it counts as silent.
 */
export class Listening {
  #sinceMs: number;
  #lookedMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#lookedMs = nowMs;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** To be called when the platform has become ready. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#lookedMs = nowMs;
  }

  /** To be called every `everyMs`. @param isReady whether reports are accepted now */
  look(nowMs: number, everyMs: number, isReady: boolean): void {
    const isSuspended = Math.abs(nowMs - this.#lookedMs) > everyMs + SUSPENDED_MS;
    this.#lookedMs = nowMs;
    if (!isReady || isSuspended) this.#sinceMs = nowMs;
  }
}
