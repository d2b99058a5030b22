/** Something that stopped reading and can go on. */
export interface Waiter {
  resume(): void;
}

/**
 * Bytes of publishes that were read and not yet answered, over all locks. Below `softBytes` everyone is read; above it only
 * what is small, of locks that have nothing waiting; above `hardBytes` nobody. So a flood from some locks leaves the live
 * reports of the others a place, and memory stays bounded while the database hangs.
 */
export class Budget {
  readonly #softBytes: number;
  readonly #hardBytes: number;
  /** Who waits for room, in the order they came; those that only `hardBytes` stops stand apart. */
  readonly #waiters = new Set<Waiter>();
  readonly #small = new Set<Waiter>();
  #bytes = 0;
  #wakeSet = false;

  constructor(softBytes: number, hardBytes: number) {
    this.#softBytes = softBytes;
    this.#hardBytes = hardBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** There is room for everyone. */
  get isRoomy(): boolean {
    return this.#bytes < this.#softBytes;
  }

  /** There is room for what is small, of a lock that has nothing waiting. */
  get isOpenToSmall(): boolean {
    return this.#bytes < this.#hardBytes;
  }

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  wait(waiter: Waiter, small: boolean): void {
    this.leave(waiter);
    (small ? this.#small : this.#waiters).add(waiter);
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    this.#small.delete(waiter);
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    const someoneCanGoOn = (this.#small.size > 0 && this.isOpenToSmall) || (this.#waiters.size > 0 && this.isRoomy);
    if (this.#wakeSet || !someoneCanGoOn) return;
    this.#wakeSet = true;
    setImmediate(() => {
      this.#wakeSet = false;
      for (const waiter of this.#small) if (this.isOpenToSmall) this.#resume(waiter);
      for (const waiter of this.#waiters) {
        if (!this.isRoomy) break;
        this.#resume(waiter);
      }
    });
  }

  #resume(waiter: Waiter): void {
    this.leave(waiter);
    waiter.resume();
  }
}
