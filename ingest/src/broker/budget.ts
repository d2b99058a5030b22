/** Something that stopped reading and can go on. */
export interface Waiter {
  resume(): void;
}

/**
 * Bytes of publishes that were read and not yet answered, over all locks. Below `softBytes` everyone is read; above
 * it only locks that have nothing waiting; above `hardBytes` nobody. So a flood from some locks leaves the others a
 * place, and memory stays bounded while the database hangs.
 */
export class Budget {
  readonly #softBytes: number;
  readonly #hardBytes: number;
  readonly #waiters = new Set<Waiter>();
  #bytes = 0;
  #wakeSet = false;

  constructor(softBytes: number, hardBytes: number) {
    this.#softBytes = softBytes;
    this.#hardBytes = hardBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  accepts(hasSomethingWaiting: boolean): boolean {
    return this.#bytes < (hasSomethingWaiting ? this.#softBytes : this.#hardBytes);
  }

  wait(waiter: Waiter): void {
    this.#waiters.add(waiter);
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#wakeSet || this.#waiters.size === 0 || this.#bytes >= this.#hardBytes) return;
    this.#wakeSet = true;
    setImmediate(() => {
      this.#wakeSet = false;
      const waiters = [...this.#waiters];
      this.#waiters.clear();
      for (const waiter of waiters) waiter.resume();
    });
  }
}
