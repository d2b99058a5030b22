/** A connection that has stopped reading and can resume. */
export interface Waiter {
  resume(): void;
}

/**
 * Counts the bytes of publishes that were read and not yet acknowledged, over all locks. Below `softBytes` every socket is
 * read; above it only small frames of locks that have nothing waiting; above `hardBytes` none. So a flood from some locks
 * leaves room for the live reports of the others, and memory stays bounded while the database hangs.
 */
export class Budget {
  readonly #softBytes: number;
  readonly #hardBytes: number;
  /** Waiting for less than `softBytes`, in order of arrival. */
  readonly #waiters = new Set<Waiter>();
  /** Waiting for less than `hardBytes`. */
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

  /** There is room for every frame. */
  get isRoomy(): boolean {
    return this.#bytes < this.#softBytes;
  }

  /** There is room for small frames of locks that have nothing waiting. */
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
